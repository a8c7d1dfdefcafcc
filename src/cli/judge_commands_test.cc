// data and judge, as a person runs them.
#include <gtest/gtest.h>

#include <algorithm>

#include "cli/command.h"
#include "files/files.h"
#include "json/json.h"
#include "model/save.h"
#include "model/testing_tiny.h"

namespace cli {

extern const Command kDataCommand;
extern const Command kJudgeCommand;

namespace {

constexpr std::string_view kCases =
    R"({"id":"a","messages":[{"role":"user","content":"1 + 1?"}],"expect":{"number":"2"}}
{"id":"b","messages":[{"role":"user","content":"2 + 2?"}],"expect":{"number":"4"}}
{"id":"c","messages":[{"role":"user","content":"3 + 3?"}],"expect":{"number":"6"}}
)";
constexpr std::string_view kDefinition =
    R"({"format":"charter-suite/v1","name":"sums","version":"1","description":"",)"
    R"("cases":{"size":0,"root":""},"epochs":2,"grader":"number",)"
    R"("sampling":{"temperature":"0","top_p":"1","max_tokens":8}})";

class JudgeCommands : public testing::Test {
 protected:
  void SetUp() override {
    auto made = files::TemporaryDirectory::create();
    ASSERT_TRUE(made.has_value());
    directory_ = std::make_unique<files::TemporaryDirectory>(*std::move(made));
  }
  std::string path(std::string_view name) const { return files::join(directory_->path(), name); }
  base::Status run(const Command& command, std::vector<std::string> arguments) {
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    const base::Status status = command.run(arguments);
    output_ = testing::internal::GetCapturedStdout();
    testing::internal::GetCapturedStderr();
    return status;
  }
  void make_suite() {
    ASSERT_TRUE(files::make_directories(path("sums")).has_value());
    ASSERT_TRUE(files::write_atomic(path("sums/suite.json"), kDefinition).has_value());
    ASSERT_TRUE(files::write_atomic(path("sums/cases.jsonl"), kCases).has_value());
    const auto pinned = run(kJudgeCommand, {"--pin", "--suite", path("sums")});
    ASSERT_TRUE(pinned.has_value()) << pinned.error().text();
  }

  std::unique_ptr<files::TemporaryDirectory> directory_;
  std::string output_;
};

TEST_F(JudgeCommands, DataIsTheSameEachTime) {
  ASSERT_TRUE(run(kDataCommand, {"mini", "--count", "20", "--seed", "5"}).has_value());
  const std::string first = output_;
  ASSERT_TRUE(run(kDataCommand, {"mini", "--count", "20", "--seed", "5"}).has_value());
  EXPECT_EQ(first, output_);
  EXPECT_EQ(std::ranges::count(first, '\n'), 20);
  const auto line = json::parse(first.substr(0, first.find('\n')));
  ASSERT_TRUE(line.has_value());
  EXPECT_EQ((*line)["messages"].as_array().back()["role"].as_string(), "assistant");

  ASSERT_TRUE(
      run(kDataCommand, {"mini", "--count", "20", "--seed", "5", "--out", path("d"), "--json"})
          .has_value());
  EXPECT_EQ(*files::read_file(path("d")), first);
  EXPECT_EQ((*json::parse(output_))["samples"].as_int(), 20);
}

TEST_F(JudgeCommands, DataNamesWhatIsWrong) {
  EXPECT_EQ(run(kDataCommand, {"math_fr"}).error().where, "math_fr");
  EXPECT_EQ(run(kDataCommand, {"mini", "--split", "test"}).error().where, "test");
  EXPECT_FALSE(run(kDataCommand, {"chat_en", "--cases", "x"}).has_value());
  EXPECT_FALSE(run(kDataCommand, {"mini", "--out", path("none/d")}).has_value());
}

TEST_F(JudgeCommands, ACommittedSuiteIsMadeByItsOwnCommand) {
  ASSERT_TRUE(run(kDataCommand, {"math_zh_hant", "--split", "held_out_skeleton", "--cases",
                                 "arith-zh-hant", "--count", "200", "--seed", "77001"})
                  .has_value());
  const auto committed =
      files::read_file(std::string(CHARTER_SOURCE_DIR) + "/suites/arith-zh-hant/cases.jsonl");
  ASSERT_TRUE(committed.has_value());
  EXPECT_EQ(output_, *committed);
}

TEST_F(JudgeCommands, AWholeRunLeavesEvidenceThatChecks) {
  make_suite();
  const model::Config config = model::testing::tiny_config();
  const auto weights = model::testing::tiny_weights(config, 1);
  const text::VocabSpec vocabulary = model::testing::tiny_vocabulary();
  const auto saved = model::write_model_folder(config, weights.views, &vocabulary, path("tiny"));
  ASSERT_TRUE(saved.has_value()) << saved.error().text();
  const auto judged = run(kJudgeCommand, {path("tiny"), "--suite", path("sums"), "--out",
                                          path("evidence"), "--threads", "1", "--json"});
  ASSERT_TRUE(judged.has_value()) << judged.error().text();
  const auto summary = json::parse(output_);
  ASSERT_TRUE(summary.has_value()) << output_;
  EXPECT_EQ((*summary)["passed"].as_int() + (*summary)["failed"].as_int(), 6);
  EXPECT_EQ((*summary)["errors"].as_int(), 0);

  const std::string evidence = path("evidence/sums.evidence.json");
  const auto checked = run(kJudgeCommand, {"--check", evidence, "--suite", path("sums")});
  EXPECT_TRUE(checked.has_value()) << checked.error().text();

  const std::string results = *files::read_file(path("evidence/sums.results.jsonl"));
  const std::string cut = results.substr(results.find('\n') + 1);
  ASSERT_TRUE(files::write_atomic(path("evidence/sums.results.jsonl"), cut).has_value());
  const auto refused = run(kJudgeCommand, {"--check", evidence, "--suite", path("sums")});
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().reason, "EVIDENCE_INCOMPLETE");
}

TEST_F(JudgeCommands, RefusesWhatItCannotJudge) {
  make_suite();
  EXPECT_FALSE(run(kJudgeCommand, {"model", "--out", path("o")}).has_value());
  EXPECT_EQ(run(kJudgeCommand, {"model", "--suite", "nonesuch", "--out", path("o")}).error().where,
            "nonesuch");
  EXPECT_FALSE(
      run(kJudgeCommand, {"model", "--suite", path("sums"), "--out", path("o"), "--limit", "1"})
          .has_value());
  std::string cases(kCases);
  cases[cases.find("1 + 1")] = '3';
  ASSERT_TRUE(files::write_atomic(path("sums/cases.jsonl"), cases).has_value());
  EXPECT_EQ(
      run(kJudgeCommand, {"model", "--suite", path("sums"), "--out", path("o")}).error().reason,
      "DIGEST_MISMATCH");
  EXPECT_FALSE(files::exists(path("o")));
}

}  // namespace
}  // namespace cli
