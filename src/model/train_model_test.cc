#include "model/train_model.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <numeric>
#include <sstream>

#include "base/random.h"
#include "json/json.h"

namespace model {
namespace {

using kernels::Precision;

Config tiny_config() {
  Config c;
  c.vocab_size = 29, c.dim = 24, c.layers = 2, c.heads = 4, c.kv_heads = 2, c.head_dim = 6;
  c.hidden_dim = 40, c.context_length = 32, c.rope_theta = 10000, c.norm_eps = 1e-5F;
  c.tied_embeddings = true, c.rotary = kernels::Rotary::Halves;
  return c;
}

TrainBatch random_batch(const Config& c, std::vector<int32_t> lengths, uint64_t seed) {
  base::Rng rng(seed);
  TrainBatch batch;
  batch.lengths = std::move(lengths);
  const int32_t tokens = std::accumulate(batch.lengths.begin(), batch.lengths.end(), 0);
  for (int32_t i = 0; i < tokens; ++i) {
    batch.tokens.push_back(static_cast<int32_t>(rng.below(static_cast<uint64_t>(c.vocab_size))));
    batch.targets.push_back(
        i % 5 == 3 ? -1 : static_cast<int32_t>(rng.below(static_cast<uint64_t>(c.vocab_size))));
  }
  return batch;
}

// Weights larger than an initialisation's, so that no gradient is close to zero.
void scatter(TrainModel& model, uint64_t seed) {
  base::Rng rng(seed);
  model.initialize(seed);
  for (float& value : model.parameters()) value += static_cast<float>(0.2 * rng.normal());
}

std::vector<int32_t> ints(const json::Value& value) {
  std::vector<int32_t> out;
  for (const json::Value& v : value.as_array()) out.push_back(static_cast<int32_t>(v.as_int()));
  return out;
}

Config golden_config(const json::Value& value) {
  Config c = tiny_config();
  c.vocab_size = value["vocab_size"].as_int();
  c.dim = value["dim"].as_int();
  c.layers = value["layers"].as_int();
  c.heads = value["heads"].as_int();
  c.kv_heads = value["kv_heads"].as_int();
  c.head_dim = value["head_dim"].as_int();
  c.hidden_dim = value["hidden_dim"].as_int();
  c.context_length = value["context_length"].as_int();
  c.norm_eps = static_cast<float>(value["norm_eps"].as_double());
  c.rope_theta = value["rope_theta"].as_double();
  c.tied_embeddings = value["tied_embeddings"].as_bool();
  return c;
}

TEST(TrainModel, LossAndGradientsMatchTheIndependentReference) {
  std::ifstream file(CHARTER_SOURCE_DIR "/tests/golden/train_reference.json");
  std::ostringstream text;
  text << file.rdbuf();
  const auto golden = json::parse(text.str());
  ASSERT_TRUE(golden) << golden.error().text();
  base::ThreadPool pool(2);
  for (const json::Value& entry : (*golden)["cases"].as_array()) {
    TrainModel model(golden_config(entry["config"]), 64, Precision::F32, pool);
    for (const ParameterSlot& slot : model.layout().slots) {
      const json::Array& values = entry["parameters"][slot.name].as_array();
      ASSERT_EQ(static_cast<int64_t>(values.size()), slot.size()) << slot.name;
      for (size_t i = 0; i < values.size(); ++i) {
        model.parameters()[static_cast<size_t>(slot.offset) + i] =
            static_cast<float>(values[i].as_double());
      }
    }
    const TrainBatch batch{ints(entry["tokens"]), ints(entry["targets"]), ints(entry["lengths"])};
    model.zero_gradients();
    const LossSum loss = model.forward_backward(batch, 1);
    EXPECT_NEAR(loss.nats, entry["loss"].as_double(), 2e-5);
    EXPECT_EQ(loss.targets, batch.size() - 1);
    for (const ParameterSlot& slot : model.layout().slots) {
      const json::Array& values = entry["gradients"][slot.name].as_array();
      for (size_t i = 0; i < values.size(); ++i) {
        const double expected = values[i].as_double();
        ASSERT_NEAR(model.gradients()[static_cast<size_t>(slot.offset) + i], expected,
                    2e-5 + 2e-5 * std::abs(expected))
            << slot.name << " " << i;
      }
    }
  }
}

TEST(TrainModel, GradientsMatchCentralDifferencesInEveryParameter) {
  base::ThreadPool pool(2);
  for (const bool tied : {true, false}) {
    for (const kernels::Rotary rotary : {kernels::Rotary::Halves, kernels::Rotary::Interleaved}) {
      Config config = tiny_config();
      config.tied_embeddings = tied, config.rotary = rotary;
      TrainModel model(config, 64, Precision::F32, pool);
      scatter(model, 3);
      const TrainBatch batch = random_batch(config, {11, 7, 1}, 5);
      model.zero_gradients();
      static_cast<void>(model.forward_backward(batch, 1));
      base::Rng rng(9);
      for (const ParameterSlot& slot : model.layout().slots) {
        for (int sample = 0; sample < 4; ++sample) {
          const uint64_t index =
              static_cast<uint64_t>(slot.offset) + rng.below(static_cast<uint64_t>(slot.size()));
          float& value = model.parameters()[index];
          const float before = value;
          constexpr float kStep = 5e-3F;
          value = before + kStep;
          const double above = model.evaluate(batch).nats;
          value = before - kStep;
          const double below = model.evaluate(batch).nats;
          value = before;
          const double expected = (above - below) / (2.0 * kStep);
          EXPECT_NEAR(model.gradients()[index], expected, 4e-3 + 4e-3 * std::abs(expected))
              << slot.name;
        }
      }
    }
  }
}

TEST(TrainModel, ResultsDoNotDependOnTheNumberOfThreads) {
  const Config config = tiny_config();
  for (const Precision precision : {Precision::F32, Precision::BF16}) {
    for (const std::vector<int32_t>& lengths :
         {std::vector<int32_t>{32, 32, 32, 32, 32, 32}, {32, 5, 17, 1, 32, 9, 30}}) {
      const TrainBatch batch = random_batch(config, lengths, 5);
      std::vector<float> first;
      double first_loss = 0;
      for (const int threads : {1, 2, 3}) {
        base::ThreadPool pool(threads);
        TrainModel model(config, 256, precision, pool);
        scatter(model, 3);
        model.zero_gradients();
        const double loss = model.forward_backward(batch, 0.5F).nats;
        if (threads == 1) {
          first.assign(model.gradients().begin(), model.gradients().end());
          first_loss = loss;
        }
        EXPECT_EQ(loss, first_loss);
        EXPECT_TRUE(std::ranges::equal(first, model.gradients())) << threads << " threads";
      }
    }
  }
}

TEST(TrainModel, SequencesDoNotSeeEachOther) {
  const Config config = tiny_config();
  base::ThreadPool pool(2);
  TrainModel model(config, 64, Precision::F32, pool);
  scatter(model, 3);
  const TrainBatch both = random_batch(config, {9, 6}, 5);
  TrainBatch one = both, other = both;
  one.tokens.resize(9), one.targets.resize(9), one.lengths = {9};
  other.tokens.erase(other.tokens.begin(), other.tokens.begin() + 9);
  other.targets.erase(other.targets.begin(), other.targets.begin() + 9);
  other.lengths = {6};
  EXPECT_NEAR(model.evaluate(both).nats, model.evaluate(one).nats + model.evaluate(other).nats,
              1e-5);
}

TEST(TrainModel, GradientsAddUpOverBatchesAndScale) {
  const Config config = tiny_config();
  base::ThreadPool pool(2);
  TrainModel model(config, 64, Precision::F32, pool);
  scatter(model, 3);
  const TrainBatch batch = random_batch(config, {12, 12}, 5);
  model.zero_gradients();
  static_cast<void>(model.forward_backward(batch, 1));
  const std::vector<float> once(model.gradients().begin(), model.gradients().end());
  model.zero_gradients();
  for (int i = 0; i < 2; ++i) static_cast<void>(model.forward_backward(batch, 0.25F));
  for (size_t i = 0; i < once.size(); ++i) ASSERT_NEAR(model.gradients()[i], 0.5 * once[i], 1e-4);
}

TEST(TrainLayout, CountsTheOperationsOfTheFiveMillionModel) {
  Config c = tiny_config();
  c.vocab_size = 4096, c.dim = 256, c.layers = 6, c.heads = 8, c.kv_heads = 8, c.head_dim = 32,
  c.hidden_dim = 688;
  // 6 (12 L d^2 + V d) + 6 L T d, with the hidden width rounded to a multiple of 16.
  EXPECT_NEAR(train_flops_per_token(c, 256), 37e6, 0.5e6);
  EXPECT_NEAR(static_cast<double>(make_train_layout(c).parameters), 5.8e6, 0.1e6);
}

}  // namespace
}  // namespace model
