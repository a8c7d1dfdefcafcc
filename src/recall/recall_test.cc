#include <gtest/gtest.h>

#include <optional>

#include "files/files.h"
#include "recall/chunks.h"
#include "recall/index.h"
#include "recall/terms.h"

namespace recall {
namespace {

using Texts = std::vector<std::string>;

TEST(Terms, WordsAreFoldedAndChineseIsCutIntoCharactersAndPairs) {
  EXPECT_EQ(index_terms("Hello, WORLD-42 Ärger"), (Texts{"hello", "world", "42", "ärger"}));
  EXPECT_EQ(index_terms("学习中文!"), (Texts{"学", "学习", "习", "习中", "中", "中文", "文"}));
  EXPECT_EQ(query_terms("中文"), Texts{"中文"});
  EXPECT_EQ(query_terms("茶"), Texts{"茶"});
  EXPECT_EQ(query_terms("用GPU训练"), (Texts{"用", "gpu", "训练"}));
  EXPECT_EQ(count_units("two words"), 2);
  EXPECT_EQ(count_units("三个字 x"), 4);
}

TEST(Chunks, CoverTheTextWithTheOverlapThatWasAsked) {
  std::string text;
  for (int i = 0; i < 1000; ++i) text += "word" + std::to_string(i) + (i % 10 == 9 ? ".\n" : " ");
  const auto chunks = split_chunks(text, {.units_max = 100, .units_overlap = 50});
  ASSERT_GE(chunks.size(), 15u);
  EXPECT_EQ(chunks.front().data(), text.data());
  EXPECT_EQ(chunks.back().data() + chunks.back().size(), text.data() + text.size());
  for (size_t i = 0; i < chunks.size(); ++i) {
    EXPECT_LE(count_units(chunks[i]), 100);
    if (i == 0) continue;
    const char* end = chunks[i - 1].data() + chunks[i - 1].size();
    ASSERT_LT(chunks[i].data(), end) << "no overlap";
    const std::string_view shared(chunks[i].data(), static_cast<size_t>(end - chunks[i].data()));
    EXPECT_LE(count_units(shared), 50);
    EXPECT_GE(count_units(shared), 30);
    EXPECT_TRUE(chunks[i - 1].ends_with(".\n")) << "not cut at the end of a line";
  }
}

TEST(Chunks, TextWithoutBlanksIsCutToo) {
  std::string chinese;
  for (int i = 0; i < 3000; ++i) chinese += "字";
  const auto chunks = split_chunks(chinese, {});
  EXPECT_EQ(chunks.size(), 7u);
  for (const auto chunk : chunks) EXPECT_LE(count_units(chunk), 800);
  const std::string blob(100'000, 'a');
  for (const auto chunk : split_chunks(blob, {})) EXPECT_LE(count_units(chunk), 800);
  EXPECT_TRUE(split_chunks(" \n\n ", {}).empty());
  EXPECT_TRUE(split_chunks("", {}).empty());
}

TEST(Chunks, TextOfHtmlIsWhatAPersonReads) {
  const auto text = extract_text(
      "a.html",
      "<html><head><title>T &amp; U</title><script>var x = '<p>no</p>';</script></head>"
      "<body><!-- no --><p>One</p><p>Two&nbsp;three</p></body></html>");
  ASSERT_TRUE(text);
  EXPECT_NE(text->find("T & U"), std::string::npos);
  EXPECT_NE(text->find("Two three"), std::string::npos);
  EXPECT_EQ(text->find("no"), std::string::npos);
  EXPECT_EQ(text->find('<'), std::string::npos);
}

TEST(Chunks, WhatCannotBeReadIsRefusedByName) {
  EXPECT_EQ(extract_text("a.txt", "%PDF-1.7").error().reason, "unsupported_file");
  EXPECT_EQ(extract_text("a.docx", "x").error().reason, "unsupported_file");
  EXPECT_EQ(extract_text("a.txt", "\xff\xfe").error().reason, "invalid_file");
  EXPECT_EQ(*extract_text("a.csv",
                          "\xef\xbb\xbf"
                          "a,b"),
            "a,b");
}

class IndexTest : public testing::Test {
 protected:
  void SetUp() override {
    auto folder = files::TemporaryDirectory::create("recall-test");
    ASSERT_TRUE(folder);
    folder_.emplace(std::move(*folder));
    auto index = Index::open(files::join(folder_->path(), "recall.db"));
    ASSERT_TRUE(index) << index.error().text();
    index_ = std::move(*index);
  }
  Texts found(const std::string& query, std::vector<std::string> stores = {"vs_1"}) {
    const auto hits = index_->search({.store_ids = std::move(stores), .queries = {query}});
    EXPECT_TRUE(hits) << hits.error().text();
    Texts out;
    double last = 1;
    for (const Hit& hit : *hits) {
      EXPECT_GE(hit.score, 0);
      EXPECT_LE(hit.score, last);
      last = hit.score;
      out.push_back(hit.file_id);
    }
    return out;
  }
  std::optional<files::TemporaryDirectory> folder_;
  std::unique_ptr<Index> index_;
};

TEST_F(IndexTest, FindsWordsAndShortChinese) {
  ASSERT_TRUE(index_->put("vs_1", "file-a", {"The mitochondria is the powerhouse of the cell."}));
  ASSERT_TRUE(index_->put("vs_1", "file-b", {"The treaty was signed in the spring of the year."}));
  ASSERT_TRUE(index_->put("vs_1", "file-c", {"我们每天早上喝一杯绿茶，然后学习中文。"}));
  ASSERT_TRUE(index_->put("vs_2", "file-d", {"Another store also knows mitochondria."}));
  EXPECT_EQ(found("powerhouse of the MITOCHONDRIA").front(), "file-a");
  EXPECT_EQ(found("treaty spring").front(), "file-b");
  EXPECT_EQ(found("茶"), Texts{"file-c"});
  EXPECT_EQ(found("绿茶"), Texts{"file-c"});
  EXPECT_EQ(found("中文"), Texts{"file-c"});
  EXPECT_TRUE(found("红茶").empty());
  EXPECT_EQ(found("mitochondria"), Texts{"file-a"});
  EXPECT_EQ(found("mitochondria", {"vs_1", "vs_2"}).size(), 2u);
  EXPECT_TRUE(found("\" OR scope:s2 NEAR(").empty());
  EXPECT_TRUE(found("?!").empty());
  EXPECT_TRUE(found("cell", {"vs_none"}).empty());
}

TEST_F(IndexTest, ReplacesRemovesAndFilters) {
  ASSERT_TRUE(index_->put("vs_1", "file-a", {"alpha one", "alpha two"}));
  ASSERT_TRUE(index_->put("vs_1", "file-a", {"beta one"}));
  ASSERT_TRUE(index_->put("vs_1", "file-b", {"beta two"}));
  EXPECT_TRUE(found("alpha").empty());
  EXPECT_EQ(index_->chunks("vs_1", "file-a").value(), Texts{"beta one"});
  const auto only_b = index_->search(
      {.store_ids = {"vs_1"},
       .queries = {"beta"},
       .admits = [](const std::string&, const std::string& file) { return file == "file-b"; }});
  ASSERT_TRUE(only_b);
  ASSERT_EQ(only_b->size(), 1u);
  ASSERT_TRUE(index_->remove_file("vs_1", "file-a"));
  EXPECT_EQ(found("beta"), Texts{"file-b"});
  ASSERT_TRUE(index_->remove_store("vs_1"));
  EXPECT_TRUE(found("beta").empty());
}

}  // namespace
}  // namespace recall
