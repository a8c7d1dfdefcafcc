#include "lab/optimizer.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/random.h"

namespace lab {
namespace {

model::Config small_config() {
  model::Config c;
  c.vocab_size = 20, c.dim = 16, c.layers = 1, c.heads = c.kv_heads = 2, c.head_dim = 8,
  c.hidden_dim = 32;
  c.context_length = 8, c.tied_embeddings = true;
  return c;
}

TEST(Orthogonalize, BringsEverySingularValueNearOne) {
  base::ThreadPool pool(1);
  base::Rng rng(1);
  for (const auto& [rows, cols] : {std::pair<int64_t, int64_t>{12, 40}, {40, 12}, {16, 16}}) {
    const int64_t side = std::min(rows, cols);
    std::vector<float> x(static_cast<size_t>(rows * cols)), next(x.size());
    std::vector<float> square(static_cast<size_t>(side * side)), polynomial(square.size());
    for (float& value : x) value = static_cast<float>(rng.normal());
    orthogonalize(x.data(), next.data(), square.data(), polynomial.data(), rows, cols, pool);
    double sum = 0;
    for (const float value : x) sum += static_cast<double>(value) * static_cast<double>(value);
    // The sum of the squared singular values: `side` of them, each about 1.
    EXPECT_NEAR(sum / static_cast<double>(side), 0.85, 0.35);
  }
}

TEST(Optimizer, StepsDownhillOnAQuadraticWithEither) {
  base::ThreadPool pool(1);
  const model::TrainLayout layout = model::make_train_layout(small_config());
  for (const bool muon : {false, true}) {
    Optimizer optimizer(layout, {.weight_decay = 0, .muon = muon});
    base::Rng rng(2);
    std::vector<float> weights(static_cast<size_t>(layout.size)), goal(weights.size()),
        gradient(weights.size());
    for (float& value : goal) value = static_cast<float>(rng.normal());
    const auto distance = [&] {
      double sum = 0;
      for (const model::ParameterSlot& slot : layout.slots) {
        for (int64_t i = slot.offset; i < slot.offset + slot.size(); ++i) {
          sum += std::pow(weights[static_cast<size_t>(i)] - goal[static_cast<size_t>(i)], 2);
        }
      }
      return sum;
    };
    const double before = distance();
    for (int64_t step = 1; step <= 200; ++step) {
      for (size_t i = 0; i < weights.size(); ++i) gradient[i] = weights[i] - goal[i];
      optimizer.step(weights, gradient, 1, 0.02, step, pool);
    }
    EXPECT_LT(distance(), 0.15 * before) << (muon ? "muon" : "adamw");
  }
}

TEST(Optimizer, WeightDecayLeavesNormsAlone) {
  base::ThreadPool pool(1);
  const model::TrainLayout layout = model::make_train_layout(small_config());
  Optimizer optimizer(layout, {.weight_decay = 0.5});
  std::vector<float> weights(static_cast<size_t>(layout.size), 1.0F),
      gradient(weights.size(), 0.0F);
  optimizer.step(weights, gradient, 1, 0.1, 1, pool);
  for (const model::ParameterSlot& slot : layout.slots) {
    const float expected = slot.role == model::ParameterRole::Norm ? 1.0F : 0.95F;
    EXPECT_NEAR(weights[static_cast<size_t>(slot.offset)], expected, 1e-6) << slot.name;
  }
}

}  // namespace
}  // namespace lab
