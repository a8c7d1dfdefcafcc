// One optimizer step of the 5M model: forward, backward, gradient norm, AdamW, in the trainer's own
// batches.
#include "base/random.h"
#include "bench/bench.h"
#include "kernels/ceilings.h"
#include "kernels/kernels.h"
#include "lab/optimizer.h"
#include "lab/run_plan.h"
#include "model/train_model.h"

namespace bench {
namespace {

constexpr double kBar = 0.35;

// Multiply-adds that the model asks for, a token: 6 (12 L d^2 + V d) + 6 L T d, attention counted
// causally.
double flops_per_token(const model::Config& c) {
  const auto d = static_cast<double>(c.dim), layers = static_cast<double>(c.layers);
  const auto vocab = static_cast<double>(c.vocab_size),
             context = static_cast<double>(c.context_length);
  return 6 * (12 * layers * d * d + vocab * d) + 6 * layers * context * d;
}

model::TrainBatch random_batch(const model::Config& config, int64_t tokens, base::Rng& rng) {
  model::TrainBatch batch;
  for (int64_t i = 0; i < tokens; ++i) {
    batch.tokens.push_back(
        static_cast<int32_t>(rng.below(static_cast<uint64_t>(config.vocab_size))));
    batch.targets.push_back(
        static_cast<int32_t>(rng.below(static_cast<uint64_t>(config.vocab_size))));
  }
  batch.lengths.assign(static_cast<size_t>(tokens / config.context_length),
                       static_cast<int32_t>(config.context_length));
  return batch;
}

}  // namespace

void training_rows(const Context& context, const AddRow& add) {
  const std::string name = "training the 5M model";
  if (!context.wants(name)) return;
  auto plan = lab::preset_plan("5m");
  if (!plan) return;
  plan->config.vocab_size = 4096;
  const bool native = kernels::has_bf16_products();
  model::TrainModel model(plan->config, plan->micro_tokens,
                          native ? kernels::Precision::BF16 : kernels::Precision::F32,
                          context.pool);
  model.initialize(1);
  lab::Optimizer optimizer(model.layout(), plan->optimizer);
  base::Rng rng(1);
  std::vector<model::TrainBatch> batches;
  for (int64_t done = 0; done < plan->step_tokens; done += plan->micro_tokens) {
    batches.push_back(random_batch(plan->config, plan->micro_tokens, rng));
  }
  int64_t step = 0;
  const auto take_step = [&] {
    const float scale = 1 / static_cast<float>(plan->step_tokens);
    model.zero_gradients();
    for (const model::TrainBatch& batch : batches) model.forward_backward(batch, scale);
    const auto gradients = model.gradients();
    kernels::sum_squares(gradients.data(), static_cast<int64_t>(gradients.size()), context.pool);
    optimizer.step(model.parameters(), gradients, 1, plan->lr, ++step, context.pool);
  };
  const auto ceiling = [&] {
    return native ? kernels::peak_bf16_flops(context.pool, 0.02)
                  : kernels::peak_f32_flops(context.pool, 0.02);
  };
  const Timed timed = time_against(7, take_step, ceiling);
  const double tokens_per_second = static_cast<double>(plan->step_tokens) / timed.seconds;
  Row row{name, tokens_per_second, "tokens/s"};
  row.ceiling_share = tokens_per_second * flops_per_token(plan->config) / timed.ceiling;
  row.bar = kBar;
  add(std::move(row));
}

}  // namespace bench
