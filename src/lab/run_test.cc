#include "lab/run.h"

#include <gtest/gtest.h>

#include <limits>

#include "base/time.h"
#include "files/files.h"
#include "lab/metrics.h"
#include "lab/vocabulary.h"
#include "model/model.h"

namespace lab {
namespace {

class RunTest : public testing::Test {
 protected:
  RunTest() {
    base::Rng rng(4);
    std::string text;
    while (text.size() < 20'000) {
      static constexpr std::string_view kWords[] = {"one ", "two ", "three ", "four\n", "five, "};
      text += kWords[rng.below(5)];
    }
    EXPECT_TRUE(files::write_atomic(path("data.txt"), text));
  }

  std::string path(const char* name) const { return files::join(directory_.path(), name); }

  RunPlan small_plan() const {
    RunPlan plan = *preset_plan("char-0.8m");
    plan.data = path("data.txt");
    plan.config.dim = 32, plan.config.layers = 2, plan.config.heads = plan.config.kv_heads = 2;
    plan.config.head_dim = 16, plan.config.hidden_dim = 64, plan.config.context_length = 32;
    plan.steps = 40, plan.step_tokens = 512, plan.micro_tokens = 256, plan.lr = 1e-2;
    return plan;
  }

  // Runs in `folder`, asking it to stop after `stop_at` steps.
  base::Result<RunSummary> train(const char* folder, const RunPlan& plan, bool resume, int threads,
                                 int64_t stop_at) {
    base::ThreadPool pool(threads);
    std::atomic<bool> stop{false};
    RunHooks hooks;
    hooks.monotonic_ns = [&] { return clock_ns_ += 1'000'000; };
    hooks.stop = &stop;
    hooks.message = [&](const std::string& words) { messages_ += words; };
    hooks.progress = [&](const RunReport& report) { stop = report.step.step >= stop_at; };
    return run({plan, path(folder), resume}, hooks, pool);
  }

  std::string read(const char* folder, const char* name) const {
    return *files::read_file(files::join(path(folder), name));
  }
  std::vector<double> losses(const char* folder) const {
    std::vector<double> out;
    for (const MetricPoint& p : read_metrics(read(folder, "train.jsonl"), 1 << 20).points)
      out.push_back(p.loss);
    return out;
  }

  files::TemporaryDirectory directory_ = *files::TemporaryDirectory::create();
  std::string messages_;
  int64_t clock_ns_ = 0;
};

constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

TEST_F(RunTest, LearnsAndWritesAModelThatLoads) {
  const auto summary = train("out", small_plan(), false, 1, kNever);
  ASSERT_TRUE(summary) << summary.error().text();
  EXPECT_EQ(summary->outcome.step, 40);
  EXPECT_FALSE(summary->outcome.interrupted);
  const std::vector<double> curve = losses("out");
  ASSERT_EQ(curve.size(), 40U);
  EXPECT_LT(curve.back(), 0.7 * curve.front());
  EXPECT_LT(summary->outcome.validation_loss, 0.7 * curve.front());
  EXPECT_NE(read("out", "loss.svg").find("<polyline"), std::string::npos);
  const auto opened = model::open_model(path("out"));
  ASSERT_TRUE(opened) << opened.error().text();
  const auto loaded = model::Model::load(*opened);
  ASSERT_TRUE(loaded) << loaded.error().text();
  EXPECT_EQ((*loaded)->config().dim, 32);
}

TEST_F(RunTest, ResumesToTheLastBitWhateverTheNumberOfThreads) {
  for (const bool muon : {false, true}) {
    RunPlan plan = small_plan();
    plan.optimizer.muon = muon;
    const char* straight = muon ? "straight-muon" : "straight";
    const char* pieces = muon ? "pieces-muon" : "pieces";
    ASSERT_TRUE(train(straight, plan, false, 1, kNever));
    const auto first = train(pieces, plan, false, 1, 11);
    ASSERT_TRUE(first) << first.error().text();
    EXPECT_TRUE(first->outcome.interrupted);
    EXPECT_EQ(first->outcome.step, 11);
    ASSERT_TRUE(train(pieces, plan, true, 2, 30));
    const auto last = train(pieces, plan, true, 1, kNever);
    ASSERT_TRUE(last) << last.error().text();
    EXPECT_FALSE(last->outcome.interrupted);
    EXPECT_EQ(losses(pieces), losses(straight));
    EXPECT_EQ(read(pieces, "model.safetensors"), read(straight, "model.safetensors"));
  }
}

TEST_F(RunTest, ACheckpointCutInHalfIsNamedAndTheOneBeforeGivesTheSameEnd) {
  ASSERT_TRUE(train("straight", small_plan(), false, 1, kNever));
  ASSERT_TRUE(train("pieces", small_plan(), false, 1, 11));
  const std::string checkpoints = files::join(path("pieces"), "checkpoint");
  const std::vector<std::string> names = *files::list_files(checkpoints);
  ASSERT_EQ(names.size(), 2U);
  const std::string newest = files::join(checkpoints, names.back());
  const std::string bytes = *files::read_file(newest);
  ASSERT_TRUE(files::write_atomic(newest, std::string_view(bytes).substr(0, bytes.size() / 2)));
  const auto summary = train("pieces", small_plan(), true, 1, kNever);
  ASSERT_TRUE(summary) << summary.error().text();
  EXPECT_NE(messages_.find(names.back()), std::string::npos) << messages_;
  EXPECT_EQ(losses("pieces"), losses("straight"));
  EXPECT_EQ(read("pieces", "model.safetensors"), read("straight", "model.safetensors"));
}

TEST_F(RunTest, ALossThatIsNotFiniteKeepsTheLastCheckpoint) {
  RunPlan plan = small_plan();
  plan.lr = 1e30;
  plan.clip_norm = 1e30;
  const auto summary = train("out", plan, false, 1, kNever);
  ASSERT_FALSE(summary);
  EXPECT_EQ(summary.error().reason, "LOSS_NOT_FINITE");
  EXPECT_FALSE(files::exists(files::join(path("out"), "model.safetensors")));
}

TEST_F(RunTest, AFolderWithARunIsNotOverwritten) {
  ASSERT_TRUE(train("out", small_plan(), false, 1, 2));
  const auto again = train("out", small_plan(), false, 1, 2);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().reason, "RUN_EXISTS");
}

TEST_F(RunTest, ChangedDataIsNotResumedOn) {
  ASSERT_TRUE(train("out", small_plan(), false, 1, 2));
  ASSERT_TRUE(files::write_atomic(path("data.txt"), std::string(20'000, 'x')));
  const auto again = train("out", small_plan(), true, 1, kNever);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().reason, "DATA_CHANGED");
}

TEST_F(RunTest, NothingToResumeAndTooShortATextAreClear) {
  const auto resumed = train("nowhere", small_plan(), true, 1, kNever);
  ASSERT_FALSE(resumed);
  EXPECT_EQ(resumed.error().code, base::Code::NotFound);
  ASSERT_TRUE(files::write_atomic(path("data.txt"), std::string_view("too short")));
  const auto summary = train("short", small_plan(), false, 1, kNever);
  ASSERT_FALSE(summary);
  EXPECT_EQ(summary.error().reason, "TEXT_TOO_SHORT");
}

TEST_F(RunTest, MinutesBecomeStepsByThePaceOfTheFirst) {
  RunPlan plan = small_plan();
  plan.steps = 0;
  plan.minutes = 0.001;  // 60 ms; the clock moves 1 ms at each look, twice a step
  const auto summary = train("out", plan, false, 1, kNever);
  ASSERT_TRUE(summary) << summary.error().text();
  EXPECT_EQ(summary->outcome.step, 60);
}

TEST(RunPlan, ComesBackFromItsFile) {
  RunPlan plan = *preset_plan("5m");
  plan.data = "synth:a,b";
  plan.config.vocab_size = 4096;
  plan.seed = ~uint64_t{0};
  plan.schedule = ScheduleShape::WarmDown;
  plan.counted = CountedTurns::All;
  const auto back = plan_from_json(to_json(plan), "train.json");
  ASSERT_TRUE(back) << back.error().text();
  EXPECT_EQ(to_json(*back), to_json(plan));
  EXPECT_EQ(generator_list(*back), (std::vector<std::string>{"a", "b"}));
}

}  // namespace
}  // namespace lab
