#include "lab/trainer.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "base/check.h"
#include "kernels/kernels.h"

namespace lab {
namespace {

constexpr int64_t kPaceSteps = 10;  // after which --minutes becomes a number of steps
constexpr double kPaceDecay =
    0.97;  // of a step's weight in the pace that is shown, with each later step
constexpr int64_t kStepsUnknown = std::numeric_limits<int64_t>::max();

}  // namespace

Trainer::Trainer(model::TrainModel& model, Dataset& data, TrainerOptions options,
                 base::ThreadPool& pool)
    : model_(model),
      data_(data),
      options_(std::move(options)),
      pool_(pool),
      optimizer_(model.layout(), options_.optimizer) {
  CHECK(options_.monotonic_ns);
  if (options_.minutes > 0) options_.schedule.steps = kStepsUnknown;
}

base::Status Trainer::restore(const Checkpoint& checkpoint) {
  const size_t size = model_.parameters().size();
  const bool fits = checkpoint.arrays.size() == 3 &&
                    std::ranges::all_of(checkpoint.arrays,
                                        [&](const auto& array) { return array.size() == size; });
  if (!fits) {
    return base::fail(base::Code::FailedPrecondition,
                      "The checkpoint is of a model of another size than this run's; resume it "
                      "with its own options.",
                      "checkpoint", "CHECKPOINT_MISMATCH");
  }
  TRY(const int64_t steps, json::get_int(checkpoint.state, "steps"));
  TRY(const int64_t tokens, json::get_int(checkpoint.state, "tokens"));
  TRY_VOID(data_.restore(checkpoint.state["data"]));
  if (options_.minutes > 0 && steps > 0) options_.schedule.steps = steps;
  step_ = checkpoint.step;
  tokens_ = tokens;
  std::ranges::copy(checkpoint.arrays[0], model_.parameters().begin());
  std::ranges::copy(checkpoint.arrays[1], optimizer_.first_moments().begin());
  std::ranges::copy(checkpoint.arrays[2], optimizer_.second_moments().begin());
  return {};
}

base::Status Trainer::save() {
  const int64_t steps = options_.schedule.steps == kStepsUnknown ? 0 : options_.schedule.steps;
  return save_checkpoint(
      options_.checkpoint_directory,
      {step_,
       json::Object{{"steps", steps}, {"tokens", tokens_}, {"data", data_.state()}},
       {model_.parameters(), optimizer_.first_moments(), optimizer_.second_moments()}});
}

base::Result<TrainOutcome> Trainer::run(const std::function<void(const StepReport&)>& observe) {
  Evaluation last;
  bool evaluated = false;
  while (step_ < options_.schedule.steps && !stopping()) {
    TRY(StepReport report, take_step());
    evaluated = step_ % options_.eval_every == 0 || step_ == options_.schedule.steps;
    if (evaluated) {
      last = evaluate();
      report.validation_loss = last.loss;
      report.validation_bits_per_byte = last.bits_per_byte;
    }
    observe(report);
    if (step_ % options_.checkpoint_every == 0) TRY_VOID(save());
  }
  TRY_VOID(save());
  if (!evaluated) last = evaluate();
  return TrainOutcome{step_,     options_.schedule.steps, tokens_,
                      last.loss, last.bits_per_byte,      step_ < options_.schedule.steps};
}

base::Result<StepReport> Trainer::take_step() {
  const int64_t begin_ns = options_.monotonic_ns();
  const std::vector<model::TrainBatch> batches = data_.next_step();
  int64_t targets = 0, tokens = 0;
  for (const model::TrainBatch& batch : batches) {
    tokens += batch.size();
    targets += batch.size() - std::ranges::count(batch.targets, -1);
  }
  const float scale = 1 / static_cast<float>(std::max<int64_t>(1, targets));
  model_.zero_gradients();
  double nats = 0;
  for (const model::TrainBatch& batch : batches) nats += model_.forward_backward(batch, scale).nats;
  StepReport report;
  report.loss = nats * static_cast<double>(scale);
  report.gradient_norm = std::sqrt(kernels::sum_squares(
      model_.gradients().data(), static_cast<int64_t>(model_.gradients().size()), pool_));
  if (!std::isfinite(report.loss) || !std::isfinite(report.gradient_norm)) {
    return base::fail(base::Code::FailedPrecondition,
                      "The loss is not finite at step " + std::to_string(step_ + 1) +
                          "; the checkpoints before it are kept. Resume with a lower --lr.",
                      "loss", "LOSS_NOT_FINITE");
  }
  report.lr = options_.schedule.at(step_);
  const double clip = std::min(1.0, options_.clip_norm / std::max(report.gradient_norm, 1e-12));
  optimizer_.step(model_.parameters(), model_.gradients(), static_cast<float>(clip), report.lr,
                  ++step_, pool_);
  tokens_ += tokens;
  pace(tokens, static_cast<double>(options_.monotonic_ns() - begin_ns) * 1e-9, &report);
  return report;
}

void Trainer::pace(int64_t step_tokens, double step_seconds, StepReport* report) {
  ++taken_;
  paced_seconds_ += step_seconds;
  recent_seconds_ = recent_seconds_ * kPaceDecay + std::max(step_seconds, 1e-9);
  recent_tokens_ = recent_tokens_ * kPaceDecay + static_cast<double>(step_tokens);
  recent_steps_ = recent_steps_ * kPaceDecay + 1;
  if (options_.schedule.steps == kStepsUnknown && taken_ >= kPaceSteps) {
    const double seconds_per_step = std::max(paced_seconds_, 1e-9) / static_cast<double>(taken_);
    options_.schedule.steps =
        std::max(step_ + 1, static_cast<int64_t>(options_.minutes * 60 / seconds_per_step + 0.5));
  }
  report->step = step_;
  report->tokens = tokens_;
  report->tokens_per_second = recent_tokens_ / recent_seconds_;
  if (options_.schedule.steps == kStepsUnknown) {
    report->seconds_left = options_.minutes * 60 - paced_seconds_;
  } else {
    report->steps = options_.schedule.steps;
    report->seconds_left =
        recent_seconds_ / recent_steps_ * static_cast<double>(options_.schedule.steps - step_);
  }
}

Trainer::Evaluation Trainer::evaluate() {
  const ValidationSet& set = data_.validation();
  model::LossSum sum;
  for (const model::TrainBatch& batch : set.batches) {
    const model::LossSum one = model_.evaluate(batch);
    sum.nats += one.nats;
    sum.targets += one.targets;
  }
  return {sum.nats / static_cast<double>(std::max<int64_t>(1, sum.targets)),
          sum.nats / std::numbers::ln2 / static_cast<double>(std::max<int64_t>(1, set.bytes))};
}

}  // namespace lab
