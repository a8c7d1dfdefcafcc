#include "text/bpe_trainer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <sstream>

#include "json/json.h"
#include "text/testing_gguf.h"

namespace text {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::read_all;
using testing::shared_path;

TEST(BpeTrainer, ReproducesTheReference) {
  const std::string folder = shared_path("weights/tokenizers/bpe_reference/");
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "needs ../shared/weights";
  const auto spec =
      train_bpe(read_all(folder + "corpus.en"), {.vocab_size = 500, .pre_tokenizer = "gpt2"});
  ASSERT_TRUE(spec.has_value()) << spec.error().text();

  std::vector<std::string> merges;
  std::istringstream lines(read_all(folder + "train-bpe-reference-merges.txt"));
  for (std::string line; std::getline(lines, line);) merges.push_back(line);
  EXPECT_EQ(spec->merges, merges);

  const auto vocab = json::parse(read_all(folder + "train-bpe-reference-vocab.json"));
  ASSERT_TRUE(vocab.has_value()) << vocab.error().text();
  ASSERT_EQ(vocab->as_object().size(), spec->tokens.size());
  for (const auto& [token, id] : vocab->as_object()) EXPECT_EQ(spec->tokens[id.as_int()], token);
}

// The definition, with every pair counted again for every merge.
std::vector<std::string> merges_by_definition(const std::vector<std::string>& words,
                                              size_t merges) {
  std::vector<std::vector<std::string>> split;
  for (const std::string& word : words) {
    split.emplace_back();
    for (const char c : word) split.back().emplace_back(1, c);
  }
  std::vector<std::string> out;
  while (out.size() < merges) {
    std::map<std::pair<std::string, std::string>, int> counts;
    for (const auto& word : split) {
      for (size_t i = 1; i < word.size(); ++i) ++counts[{word[i - 1], word[i]}];
    }
    if (counts.empty()) break;
    auto best = counts.begin();
    for (auto it = counts.begin(); it != counts.end(); ++it) {
      if (it->second >= best->second) best = it;
    }
    const auto [left, right] = best->first;
    out.push_back(left + " " + right);
    for (auto& word : split) {
      for (size_t i = 1; i < word.size(); ++i) {
        if (word[i - 1] != left || word[i] != right) continue;
        word[i - 1] += right;
        word.erase(word.begin() + static_cast<std::ptrdiff_t>(i));
      }
    }
  }
  return out;
}

TEST(BpeTrainer, AgreesWithTheDefinitionOnRuns) {
  const std::vector<std::string> words = {"aaaaaa", "aaab", "abab",    "babab", "aabaab",
                                          "cacaca", "ccc",  "bbbbbbb", "aaaaaa"};
  std::string corpus;
  for (const std::string& word : words) corpus += word + "\n";
  const auto spec =
      train_bpe(corpus, {.vocab_size = 256 + 20, .specials = {}, .pre_tokenizer = "charter"});
  ASSERT_TRUE(spec.has_value());
  auto expected = merges_by_definition(words, spec->merges.size());
  EXPECT_EQ(spec->merges, expected);
  EXPECT_GT(spec->merges.size(), 12u);
}

TEST(BpeTrainer, SpecialsCutTheCorpusAndAreNeverLearned) {
  const auto spec = train_bpe("ab<|x|>ab<|x|>ab<|x|>",
                              {.vocab_size = 300, .specials = {"<|x|>"}, .pre_tokenizer = "gpt2"});
  ASSERT_TRUE(spec.has_value());
  EXPECT_THAT(spec->merges, ElementsAre("a b"));
  EXPECT_EQ(spec->bos, 0);
  const auto tokenizer = Tokenizer::create(*spec);
  ASSERT_TRUE(tokenizer.has_value());
  EXPECT_THAT(tokenizer->encode("ab<|x|>", true), ElementsAre(tokenizer->find("ab"), 0));
}

TEST(BpeTrainer, CharterSplitKeepsDigitsAndScriptsApart) {
  std::string corpus;
  for (int i = 0; i < 50; ++i)
    corpus +=
        "There are 1234 apples. \u5C0F\u660E\u6709apple "
        "12\u4E2A\u82F9\u679C\uFF0C\u4E00\u5171\u591A\u5C11\uFF1F\n";
  const auto spec = train_bpe(corpus, {.vocab_size = 400});
  ASSERT_TRUE(spec.has_value());
  const auto tokenizer = Tokenizer::create(*spec);
  ASSERT_TRUE(tokenizer.has_value());
  std::vector<std::string> pieces;
  for (const int32_t id : tokenizer->encode(
           "are 1234 apples\n\u5C0F\u660E\u6709apple 12\u4E2A\u82F9\u679C\uFF0C", false))
    pieces.emplace_back(tokenizer->token_bytes(id));
  EXPECT_THAT(pieces,
              ElementsAre("are", " ", "1", "2", "3", "4", " apples", "\n", "\u5C0F\u660E\u6709",
                          "apple", " ", "1", "2", "\u4E2A\u82F9\u679C", "\uFF0C"));
}

TEST(BpeTrainer, RefusesWhatCannotBe) {
  EXPECT_THAT(train_bpe("a", {.vocab_size = 10}).error().message, HasSubstr("257"));
  EXPECT_THAT(train_bpe("a", {.specials = {"x", "x"}}).error().message, HasSubstr("twice"));
  EXPECT_THAT(train_bpe("a", {.specials = {""}}).error().message, HasSubstr("empty"));
  EXPECT_FALSE(train_bpe("a", {.pre_tokenizer = "nothing"}).has_value());
  const auto nothing = train_bpe("", {.vocab_size = 300});
  ASSERT_TRUE(nothing.has_value());
  EXPECT_EQ(nothing->tokens.size(), 257u);
}

}  // namespace
}  // namespace text
