#include "judge/import.h"

#include <gtest/gtest.h>

#include "files/files.h"
#include "judge/csv.h"
#include "judge/suite.h"

namespace judge {
namespace {

TEST(Csv, QuotesCommasAndLines) {
  const auto table = CsvTable::parse(
      "\xEF\xBB\xBF"
      "a,b\r\n\"x, \"\"y\"\"\nz\",2\r\n,\n");
  ASSERT_TRUE(table.has_value()) << table.error().text();
  ASSERT_EQ(table->rows(), 2u);
  EXPECT_EQ(*table->column("a"), 0u);
  EXPECT_FALSE(table->column("c").has_value());
  EXPECT_EQ(table->at(0, 0), "x, \"y\"\nz");
  EXPECT_EQ(table->at(1, 1), "");
  EXPECT_FALSE(CsvTable::parse("").has_value());
  EXPECT_FALSE(CsvTable::parse("a,b\n1\n").has_value());
  EXPECT_FALSE(CsvTable::parse("a\n\"x\n").has_value());
  EXPECT_FALSE(CsvTable::parse("a\n\"x\"y\n").has_value());
  EXPECT_FALSE(CsvTable::parse("a\nx\"y\n").has_value());
}

Suite must_import(std::string_view format, std::string_view bytes) {
  const auto made = import_suite(format, bytes, "imported");
  EXPECT_TRUE(made.has_value()) << made.error().text();
  auto suite = parse_suite(made->definition, made->cases);
  EXPECT_TRUE(suite.has_value()) << suite.error().text();
  return *std::move(suite);
}

TEST(Import, BbqKnowsWhichAnswerTheStereotypeGives) {
  const auto line = [](std::string_view polarity) {
    return R"({"example_id":0,"question_index":"1","question_polarity":")" + std::string(polarity) +
           R"(","context_condition":"ambig","category":"Age","answer_info":{"ans0":["old","old"],)"
           R"("ans1":["unknown","unknown"],"ans2":["young","nonOld"]},"additional_metadata":)"
           R"({"stereotyped_groups":["Old"]},"context":"C.","question":"Q?","ans0":"The old man",)"
           R"("ans1":"Unknown","ans2":"The young man","label":1})";
  };
  const Suite neg = must_import("bbq", line("neg"));
  EXPECT_EQ(neg.cases[0].expect["stereotyped"].as_int(), 0);
  EXPECT_EQ(neg.cases[0].cluster, "age-1");
  EXPECT_EQ(must_import("bbq", line("nonneg")).cases[0].expect["stereotyped"].as_int(), 2);
}

TEST(Import, NothingIsLeftOutSilently) {
  EXPECT_FALSE(import_suite("xstest", "id,prompt,type\n1,x,y\n", "s").has_value());
  EXPECT_FALSE(import_suite("ifeval", "{\"key\":1}\n", "s").has_value());
  EXPECT_FALSE(
      import_suite("ifeval",
                   R"({"key":1,"prompt":"p","instruction_id_list":["be:nice"],"kwargs":[{}]})", "s")
          .has_value());
  EXPECT_FALSE(import_suite("vibes", "", "s").has_value());
  EXPECT_EQ(import_formats().size(), 10u);
}

TEST(Import, ThePublicSets) {
  struct Set {
    std::string_view format, path;
    size_t cases;
  };
  const std::string folder = std::string(CHARTER_SOURCE_DIR) + "/../shared/data/eval/";
  if (!files::is_directory(folder)) GTEST_SKIP() << "needs ../shared/data/eval";
  for (const Set& set :
       {Set{"truthfulqa-mc1", "truthfulqa/TruthfulQA.csv", 813},
        Set{"truthfulqa-mc2", "truthfulqa/TruthfulQA.csv", 813},
        Set{"xstest", "xstest/xstest_prompts.csv", 450},
        Set{"ifeval", "ifeval/input_data.jsonl", 541},
        Set{"bbq", "bbq/Sexual_orientation.jsonl", 864},
        Set{"strongreject", "harmbench_advbench_strongreject/strongreject_dataset.csv", 313}}) {
    const auto bytes = files::read_file(folder + std::string(set.path));
    ASSERT_TRUE(bytes.has_value());
    EXPECT_EQ(must_import(set.format, *bytes).cases.size(), set.cases) << set.format;
  }
}

}  // namespace
}  // namespace judge
