#include "lab/fine_tune.h"

#include <gtest/gtest.h>

#include <atomic>

#include "files/files.h"
#include "lab/conversation_file.h"
#include "lab/run.h"

namespace lab {
namespace {

std::string conversation(int i) {
  const std::string n = std::to_string(i);
  return R"({"messages":[{"role":"user","content":"What is the word of )" + n +
         R"(?"},{"role":"assistant","content":"The word of )" + n + R"( is lantern."}]})" + "\n";
}

class FineTuneTest : public testing::Test {
 protected:
  void SetUp() override {
    RunPlan plan = *preset_plan("1m");
    plan.data = "synth:chat_en";
    plan.tokenizer = "bpe:400";
    plan.precision = "f32";
    plan.config.dim = 32, plan.config.layers = 2, plan.config.heads = plan.config.kv_heads = 2;
    plan.config.head_dim = 16, plan.config.hidden_dim = 64, plan.config.context_length = 64;
    plan.steps = 10, plan.step_tokens = 256, plan.micro_tokens = 128, plan.lr = 1e-2;
    RunHooks hooks;
    hooks.monotonic_ns = [this] { return clock_ns_ += 1'000'000; };
    const auto trained = run({plan, path("base")}, hooks, pool_);
    ASSERT_TRUE(trained) << trained.error().text();
    std::string text;
    for (int i = 0; i < 16; ++i) text += conversation(i);
    ASSERT_TRUE(files::write_atomic(path("train.jsonl"), text));
  }
  std::string path(const std::string& name) const { return files::join(folder_.path(), name); }

  base::Result<TrainOutcome> tune(const std::string& to, int64_t stop_at) {
    losses_.clear();
    epochs_.clear();
    std::atomic<bool> stop{false};
    FineTuneHooks hooks;
    hooks.monotonic_ns = [this] { return clock_ns_ += 1'000'000; };
    hooks.stop = &stop;
    hooks.begin = [this](const FineTunePlan& plan) { plan_ = plan; };
    hooks.progress = [&](const StepReport& step) {
      losses_.push_back(step.loss);
      stop = step.step >= stop_at;
    };
    hooks.saved = [this](int64_t epoch, int64_t) { epochs_.push_back(epoch); };
    return fine_tune({.base = path("base"),
                      .training_path = path("train.jsonl"),
                      .epochs = 4,
                      .batch_size = 5,
                      .lr = 1e-2,
                      .directory = path(to)},
                     hooks, pool_);
  }

  files::TemporaryDirectory folder_ = files::TemporaryDirectory::create("fine-tune-test").value();
  base::ThreadPool pool_{1};
  int64_t clock_ns_ = 0;
  FineTunePlan plan_;
  std::vector<double> losses_;
  std::vector<int64_t> epochs_;
};

TEST_F(FineTuneTest, GoesOnFromTheBaseAndLearnsTheFile) {
  const auto outcome = tune("tuned", 1000);
  ASSERT_TRUE(outcome) << outcome.error().text();
  EXPECT_EQ(plan_.conversations, 16);
  EXPECT_EQ(plan_.steps, 16);
  EXPECT_EQ(outcome->step, 16);
  EXPECT_LT(losses_.back(), 0.6 * losses_.front());
  EXPECT_EQ(epochs_, (std::vector<int64_t>{1, 2, 3, 4}));
  EXPECT_EQ(*files::read_file(path("tuned/model/model.safetensors")),
            *files::read_file(path("tuned/epoch-4/model.safetensors")));
  EXPECT_NE(*files::read_file(path("tuned/model/model.safetensors")),
            *files::read_file(path("base/model.safetensors")));
  EXPECT_TRUE(check_trainable(path("tuned/model")));
}

TEST_F(FineTuneTest, AnInterruptedRunEndsAtTheSameWeights) {
  ASSERT_TRUE(tune("whole", 1000));
  const auto whole = *files::read_file(path("whole/model/model.safetensors"));
  const auto stopped = tune("parts", 6);
  ASSERT_TRUE(stopped) << stopped.error().text();
  EXPECT_TRUE(stopped->interrupted);
  EXPECT_FALSE(files::exists(path("parts/model/model.safetensors")));
  const auto rest = tune("parts", 1000);
  ASSERT_TRUE(rest) << rest.error().text();
  EXPECT_TRUE(plan_.resumed);
  EXPECT_EQ(*files::read_file(path("parts/model/model.safetensors")), whole);
}

TEST(ConversationFile, RefusesByLine) {
  const auto why = [](const std::string& text) {
    const auto file = read_conversation_file(text);
    return file ? std::string() : file.error().message;
  };
  EXPECT_NE(why("{}").find("Line 1"), std::string::npos);
  EXPECT_NE(why(conversation(1) + "not json\n").find("Line 2"), std::string::npos);
  EXPECT_NE(why(R"({"messages":[{"role":"user","content":"x"}]})").find("assistant"),
            std::string::npos);
  EXPECT_NE(why(R"({"messages":[{"role":"tool","content":"x"}]})").find("role"), std::string::npos);
  EXPECT_EQ(why(conversation(1) + "\n\n" + conversation(2)), "");
  EXPECT_FALSE(check_training_text(conversation(1)));
}

TEST(ConversationFile, TurnsOfWeightZeroAreReadAndNotLearned) {
  const auto file = read_conversation_file(
      R"({"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b","weight":0},)"
      R"({"role":"user","content":"c"},{"role":"assistant","content":"d","weight":1}]})");
  ASSERT_TRUE(file) << file.error().text();
  const auto& messages = file->conversations[0];
  EXPECT_FALSE(messages[1].counted);
  EXPECT_TRUE(messages[3].counted);
}

}  // namespace
}  // namespace lab
