#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <filesystem>

#include "files/files.h"
#include "judge/engine_subject.h"
#include "judge/grade.h"
#include "judge/run.h"

namespace judge {
namespace {

constexpr std::string_view kCases =
    R"({"id":"a","messages":[{"role":"user","content":"1 + 1?"}],"expect":{"number":"2"}}
{"id":"b","messages":[{"role":"user","content":"2 + 2?"}],"expect":{"number":"4"}}
{"id":"c","messages":[{"role":"user","content":"3 + 3?"}],"expect":{"number":"6"}}
{"id":"d","messages":[{"role":"user","content":"4 + 4?"}],"expect":{"number":"8"}}
)";

std::string definition(int epochs = 1, std::string_view gate = "") {
  std::string text =
      R"({"format":"charter-suite/v1","name":"sums","version":"1","description":"","cases":{"size":0,"root":""},)"
      R"("epochs":)" +
      std::to_string(epochs) +
      R"(,"grader":"number","sampling":{"temperature":"0","top_p":"1","max_tokens":32})";
  if (!gate.empty()) text += R"(,"gate":)" + std::string(gate);
  return text + "}";
}

Suite make_suite(int epochs = 1, std::string_view gate = "") {
  const auto pinned = pin_suite(definition(epochs, gate), kCases);
  EXPECT_TRUE(pinned.has_value()) << pinned.error().text();
  auto suite = parse_suite(*pinned, kCases);
  EXPECT_TRUE(suite.has_value()) << suite.error().text();
  return *std::move(suite);
}

// Answers "4 + 4?" as case d expects, and gets every other sum right too, except for those it is
// told to miss.
class Parrot final : public Subject {
 public:
  base::Result<crypto::Digest> prompt_digest(const Prompt& prompt,
                                             std::span<const std::string>) const override {
    return crypto::sha256(prompt.messages.back().content);
  }
  base::Result<std::vector<Likelihood>> likelihoods(const Prompt&,
                                                    std::span<const std::string>) override {
    return base::fail(base::Code::Unimplemented, "a parrot weighs nothing");
  }
  base::Result<Completion> complete(const Prompt& prompt, const Sampling&, uint64_t) override {
    ++calls;
    const std::string& question = prompt.messages.back().content;
    if (stop_after > 0 && calls >= stop_after) return base::fail(base::Code::Cancelled, "stopped");
    if (question.starts_with(fail_on) && !fail_on.empty())
      return base::fail(base::Code::Internal, "the model tripped");
    const int sum = (question[0] - '0') + (question[4] - '0');
    const int shown = !wrong_on.empty() && question.starts_with(wrong_on) ? sum + 1 : sum;
    return Completion{question + " Let me see.\nAnswer: " + std::to_string(shown), 7, 5};
  }
  std::string wrong_on, fail_on;
  int stop_after = 0;
  std::atomic<int> calls{0};
};

RunOptions options_for_test() {
  RunOptions options;
  options.identity = {"parrot", crypto::sha256("parrot's weights"), "test build"};
  options.concurrency = 3;
  return options;
}

Run must_run(const Suite& suite, Parrot& parrot) {
  const base::ManualClock clock({1'700'000'000'000'000'000});
  auto done = run(suite, parrot, clock, options_for_test());
  EXPECT_TRUE(done.has_value()) << done.error().text();
  return *std::move(done);
}

struct Written {
  std::string evidence, results;
};
Written must_write(const Suite& suite, Parrot& parrot) {
  const auto done = must_run(suite, parrot);
  return {write_evidence(suite, options_for_test().identity, done.tally, done.records),
          write_results(suite, done.records)};
}

TEST(Suite, PinsItsCases) {
  const auto pinned = pin_suite(definition(), kCases);
  ASSERT_TRUE(pinned.has_value());
  EXPECT_TRUE(parse_suite(*pinned, kCases).has_value());
  std::string changed(kCases);
  changed[changed.find("1 + 1")] = '2';
  EXPECT_EQ(parse_suite(*pinned, changed).error().reason, "DIGEST_MISMATCH");
  const std::string_view fewer = kCases.substr(0, kCases.find("{\"id\":\"d\""));
  EXPECT_EQ(parse_suite(*pinned, fewer).error().reason, "DIGEST_MISMATCH");
  const size_t second = kCases.find('\n') + 1;
  const std::string swapped =
      std::string(kCases.substr(second, kCases.find('\n', second) + 1 - second)) +
      std::string(kCases.substr(0, second)) +
      std::string(kCases.substr(kCases.find('\n', second) + 1));
  EXPECT_EQ(parse_suite(*pinned, swapped).error().reason, "DIGEST_MISMATCH");
  // Another order of the members is the same case.
  std::string reordered(kCases);
  const std::string before = R"("id":"a","messages":[{"role":"user","content":"1 + 1?"}],)";
  reordered.replace(reordered.find(before), before.size(),
                    R"("messages":[{"content":"1 + 1?","role":"user"}],"id":"a",)");
  EXPECT_TRUE(parse_suite(*pinned, reordered).has_value());
}

TEST(Suite, RefusesWhatIsNotASuite) {
  const auto pin = [](std::string_view text, std::string_view cases = kCases) {
    return pin_suite(text, cases);
  };
  EXPECT_FALSE(pin("[]").has_value());
  EXPECT_FALSE(pin(definition(0)).has_value());
  EXPECT_FALSE(pin(definition(65)).has_value());
  EXPECT_FALSE(
      pin(definition(1, R"({"metric":"m","direction":"sideways","limit":"0.5","alpha":"0.05"})"))
          .has_value());
  EXPECT_FALSE(
      pin(definition(1, R"({"metric":"m","direction":"lower","limit":"1.5","alpha":"0.05"})"))
          .has_value());
  EXPECT_FALSE(pin(definition(1, R"({"metric":"m","direction":"lower","limit":"0.5","alpha":"0"})"))
                   .has_value());
  EXPECT_FALSE(
      pin(definition(
              1, R"({"metric":"m","direction":"lower","limit":"0.5","alpha":"0.05","limit2":1})"))
          .has_value());
  EXPECT_FALSE(pin(definition(), "").has_value());
  EXPECT_FALSE(pin(definition(), kCases.substr(0, kCases.size() - 1)).has_value());
  EXPECT_FALSE(pin(definition(), std::string(kCases) + std::string(kCases)).has_value());
  EXPECT_FALSE(pin(definition(), "{\"id\":\"a\",\"messages\":[],\"expect\":{\"number\":\"2\"}}\n")
                   .has_value());
  EXPECT_FALSE(pin(definition(),
                   "{\"id\":\"a\",\"messages\":[{\"role\":\"user\",\"content\":\"?\"}],\"expect\":{"
                   "\"number\":\"x\"}}\n")
                   .has_value());
}

TEST(Suite, TheCommittedSuitesArePinned) {
  const std::string folder = std::string(CHARTER_SOURCE_DIR) + "/suites";
  const auto names = files::list_directories(folder);
  ASSERT_TRUE(names.has_value());
  EXPECT_GE(names->size(), 4u);
  for (const std::string& name : *names) {
    const auto suite = load_suite(files::join(folder, name));
    ASSERT_TRUE(suite.has_value()) << suite.error().text();
    EXPECT_EQ(suite->name, name);
    EXPECT_GE(suite->cases.size(), 60u);
  }
}

TEST(Grade, FindsTheNumberAfterTheLastMark) {
  const auto number = [](std::string_view text) {
    const auto found = final_number(text);
    return found ? found->text() : "none";
  };
  EXPECT_EQ(number("12 - 5 = 7.\nAnswer: 7"), "7");
  EXPECT_EQ(number("Answer: 3. No wait.\nANSWER: $1,250."), "1250");
  EXPECT_EQ(number("答案：7"), "7");
  EXPECT_EQ(number("答案是 -3/6 个"), "-1/2");
  EXPECT_EQ(number("Answer: 2.50 dollars"), "5/2");
  EXPECT_EQ(number("Answer: seven"), "none");
  EXPECT_EQ(number("The result is 7"), "none");
  EXPECT_EQ(number("Answer:"), "none");
  EXPECT_EQ(number("Answer: 99999999999999999999999999999999999999999999"), "none");
}

TEST(Grade, KeywordsAllAnyNone) {
  Suite suite;
  suite.grader = Grader::Keywords;
  Case one;
  one.expect = json::Object{{"all_of", json::Array{"Charter"}},
                            {"any_of", json::Array{"model", "program"}},
                            {"none_of", json::Array{"human"}}};
  EXPECT_EQ(grade(suite, one, "I am CHARTER, a small Model."), 1);
  EXPECT_EQ(grade(suite, one, "I am a small model."), 0);
  EXPECT_EQ(grade(suite, one, "I am Charter."), 0);
  EXPECT_EQ(grade(suite, one, "I am Charter, a human program."), 0);
}

TEST(Run, HasOneResultForEachCaseAndEpoch) {
  const Suite suite = make_suite(3);
  Parrot parrot;
  parrot.wrong_on = "2";
  const auto done = must_run(suite, parrot);
  ASSERT_EQ(done.records.size(), 12u);
  EXPECT_EQ(parrot.calls, 12);
  EXPECT_EQ(done.tally.passed, 9);
  EXPECT_EQ(done.tally.failed, 3);
  EXPECT_DOUBLE_EQ(done.tally.mean, 0.75);
  for (size_t i = 0; i < done.records.size(); ++i) {
    EXPECT_EQ(done.records[i].index, static_cast<int64_t>(i / 3));
    EXPECT_EQ(done.records[i].epoch, static_cast<int64_t>(i % 3));
  }
  EXPECT_NE(done.records[0].seed, done.records[1].seed);
}

TEST(Run, ErrorsCountAsTheWorst) {
  Parrot parrot;
  parrot.fail_on = "3";
  const auto capability = must_run(
      make_suite(1, R"({"metric":"accuracy","direction":"lower","limit":"0.2","alpha":"0.05"})"),
      parrot);
  EXPECT_EQ(capability.tally.errors, 1);
  EXPECT_DOUBLE_EQ(capability.tally.mean, 0.75);
  const auto harm = must_run(
      make_suite(1, R"({"metric":"rate","direction":"upper","limit":"0.9","alpha":"0.05"})"),
      parrot);
  EXPECT_DOUBLE_EQ(harm.tally.mean, 1.0);
  EXPECT_FALSE(harm.tally.gate_passed);
}

TEST(Run, TheGateLooksAtTheBound) {
  Parrot parrot;
  // 4 of 4: the mean is 1, the lower bound only 0.05^(1/4) = 0.473.
  EXPECT_FALSE(
      must_run(make_suite(
                   1, R"({"metric":"accuracy","direction":"lower","limit":"0.48","alpha":"0.05"})"),
               parrot)
          .tally.gate_passed);
  EXPECT_TRUE(
      must_run(make_suite(
                   1, R"({"metric":"accuracy","direction":"lower","limit":"0.47","alpha":"0.05"})"),
               parrot)
          .tally.gate_passed);
}

TEST(Run, AStoppedRunIsNoRun) {
  Parrot parrot;
  parrot.stop_after = 3;
  const base::ManualClock clock;
  const auto stopped = run(make_suite(), parrot, clock, options_for_test());
  ASSERT_FALSE(stopped.has_value());
  EXPECT_EQ(stopped.error().code, base::Code::Cancelled);
  EXPECT_EQ(stopped.error().reason, "EVIDENCE_INCOMPLETE");

  std::atomic<bool> stop{true};
  Parrot untouched;
  RunOptions options = options_for_test();
  options.stop = &stop;
  EXPECT_FALSE(run(make_suite(), untouched, clock, options).has_value());
  EXPECT_EQ(untouched.calls, 0);
}

TEST(Evidence, RecomputesFromItsResults) {
  for (const int epochs : {1, 2}) {
    const Suite suite = make_suite(
        epochs, R"({"metric":"accuracy","direction":"lower","limit":"0.1","alpha":"0.05"})");
    Parrot parrot;
    parrot.wrong_on = "1";
    const Written written = must_write(suite, parrot);
    const auto checked = check_evidence(suite, written.evidence, written.results);
    ASSERT_TRUE(checked.has_value()) << checked.error().text();
    EXPECT_EQ(checked->tally.passed, 3 * epochs);
    EXPECT_EQ(checked->identity.model, "parrot");
    const auto statement = json::parse(written.evidence);
    ASSERT_TRUE(statement.has_value());
    EXPECT_EQ((*statement)["predicateType"].as_string(),
              "https://in-toto.io/attestation/test-result/v0.1");
    EXPECT_EQ((*statement)["predicate"]["failedTests"].as_array().size(),
              static_cast<size_t>(epochs));
  }
}

TEST(Evidence, AMissingOrDoubledResultIsRefusedByIndex) {
  const Suite suite = make_suite();
  Parrot parrot;
  const Written written = must_write(suite, parrot);
  const size_t line = written.results.find('\n') + 1;
  const auto missing =
      check_evidence(suite, written.evidence, std::string_view(written.results).substr(line));
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().reason, "EVIDENCE_INCOMPLETE");
  EXPECT_NE(missing.error().message.find("no result: 0"), std::string::npos)
      << missing.error().message;

  const auto twice =
      check_evidence(suite, written.evidence, written.results + written.results.substr(0, line));
  ASSERT_FALSE(twice.has_value());
  EXPECT_EQ(twice.error().reason, "EVIDENCE_INCOMPLETE");
  EXPECT_NE(twice.error().message.find("two: 0"), std::string::npos) << twice.error().message;
  EXPECT_FALSE(check_evidence(suite, written.evidence, "").has_value());
}

TEST(Evidence, EveryByteCounts) {
  const Suite suite = make_suite();
  Parrot parrot;
  const Written written = must_write(suite, parrot);
  for (size_t at = 0; at < written.results.size(); at += 3) {
    std::string changed = written.results;
    changed[at] = changed[at] == '1' ? '2' : '1';
    EXPECT_FALSE(check_evidence(suite, written.evidence, changed).has_value()) << at;
  }
  for (size_t at = 0; at < written.evidence.size(); at += 3) {
    std::string changed = written.evidence;
    changed[at] = changed[at] == '1' ? '2' : '1';
    const auto checked = check_evidence(suite, changed, written.results);
    // What the results do not fix is the model's name: only a signature can.
    if (checked) {
      EXPECT_NE(checked->identity.model, "parrot") << at << changed;
    }
  }
}

TEST(Evidence, ResultsOfAnotherRunAreRefused) {
  const Suite suite = make_suite();
  Parrot parrot;
  const auto done = must_run(suite, parrot);
  const auto refused = [&](auto change, std::string_view reason) {
    std::vector<Record> records = done.records;
    change(records[2]);
    const auto counted = tally(suite, options_for_test().identity, records);
    ASSERT_FALSE(counted.has_value());
    EXPECT_EQ(counted.error().reason, reason) << counted.error().text();
  };
  refused([](Record& r) { r.leaf[0] ^= 1; }, "DIGEST_MISMATCH");
  refused([](Record& r) { r.manifest[0] ^= 1; }, "DIGEST_MISMATCH");
  refused([](Record& r) { r.grader[0] ^= 1; }, "DIGEST_MISMATCH");
  refused([](Record& r) { r.seed ^= 1; }, "DIGEST_MISMATCH");
  refused([](Record& r) { r.engine = "another"; }, "DIGEST_MISMATCH");
  refused([](Record& r) { r.sampling.set("max_tokens", 33); }, "DIGEST_MISMATCH");
  refused([](Record& r) { r.score = 0; }, "SCORE_MISMATCH");
  refused([](Record& r) { r.output = "Answer: 5"; }, "SCORE_MISMATCH");
  refused([](Record& r) { r.status = RunStatus::Error; }, "SCORE_MISMATCH");
  refused([](Record& r) { r.index = 4; }, "EVIDENCE_INCOMPLETE");
  refused([](Record& r) { r.epoch = -1; }, "EVIDENCE_INCOMPLETE");
}

TEST(EngineSubject, RunsASuiteOnARealModel) {
  const std::string path =
      std::string(CHARTER_SOURCE_DIR) + "/../shared/weights/stories260K/stories260K.bin";
  if (!files::exists(path)) GTEST_SKIP() << "needs ../shared/weights/stories260K";
  const auto files = model::open_model(path);
  ASSERT_TRUE(files.has_value()) << files.error().text();
  auto loaded = model::Model::load(*files);
  ASSERT_TRUE(loaded.has_value()) << loaded.error().text();
  engine::Options engine_options;
  engine_options.threads = 2;
  auto started = engine::Engine::start(*std::move(loaded), engine_options);
  ASSERT_TRUE(started.has_value()) << started.error().text();
  const Suite suite = make_suite(2);
  EngineSubject subject(*std::move(started), nullptr);
  const base::SystemClock clock;
  const auto first = run(suite, subject, clock, options_for_test());
  ASSERT_TRUE(first.has_value()) << first.error().text();
  const auto second = run(suite, subject, clock, options_for_test());
  ASSERT_TRUE(second.has_value());
  EXPECT_EQ(first->tally.errors, 0);
  for (size_t i = 0; i < first->records.size(); ++i) {
    EXPECT_EQ(first->records[i].output,
              second->records[i].output);  // whatever else was in the batch
    EXPECT_GT(first->records[i].prompt_tokens, 0);
    EXPECT_EQ(first->records[i].prompt, second->records[i].prompt);
  }
}

}  // namespace
}  // namespace judge
