// The training loop: batches in, steps of the optimizer, checkpoints, metrics out. What it computes
// depends on its options, its data and the instruction set alone, not on the number of threads or
// on where the run was interrupted.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/thread_pool.h"
#include "lab/checkpoint.h"
#include "lab/dataset.h"
#include "lab/optimizer.h"
#include "lab/schedule.h"
#include "model/train_model.h"

namespace lab {

struct TrainerOptions {
  Schedule schedule;
  OptimizerOptions optimizer;
  double clip_norm = 1;
  int64_t eval_every = 100;        // steps
  int64_t checkpoint_every = 500;  // steps
  double minutes = 0;              // over 0: schedule.steps is set from the pace of the first steps
  std::string checkpoint_directory;
  std::function<int64_t()> monotonic_ns;
  const std::atomic<bool>* stop = nullptr;  // true: finish the step, write a checkpoint, return
};

struct StepReport {
  int64_t step = 0;                       // done
  int64_t steps = 0;                      // of the whole run; 0 while the pace is being measured
  double loss = 0;                        // nats a counted token, of this step's batch
  std::optional<double> validation_loss;  // when this step evaluated
  std::optional<double> validation_bits_per_byte;
  double lr = 0;
  double gradient_norm = 0;
  int64_t tokens = 0;            // of the run so far
  double tokens_per_second = 0;  // of the last steps, the older the less
  double seconds_left = 0;
};

struct TrainOutcome {
  int64_t step = 0;
  int64_t steps = 0;
  int64_t tokens = 0;
  double validation_loss = 0;
  double validation_bits_per_byte = 0;
  bool interrupted = false;
};

class Trainer {
 public:
  Trainer(model::TrainModel& model, Dataset& data, TrainerOptions options, base::ThreadPool& pool);

  // Continues from a checkpoint that save() of an equal run wrote.
  base::Status restore(const Checkpoint& checkpoint);
  base::Status save();
  // Runs to the last step, or until told to stop. A loss that is not finite is
  // Code::FailedPrecondition with reason LOSS_NOT_FINITE; the checkpoints written so far stay as
  // they are.
  base::Result<TrainOutcome> run(const std::function<void(const StepReport&)>& observe);

  struct Evaluation {
    double loss = 0;  // nats a counted token
    double bits_per_byte = 0;
  };
  Evaluation evaluate();

 private:
  base::Result<StepReport> take_step();
  void pace(int64_t step_tokens, double step_seconds, StepReport* report);
  bool stopping() const { return options_.stop != nullptr && options_.stop->load(); }

  model::TrainModel& model_;
  Dataset& data_;
  TrainerOptions options_;
  base::ThreadPool& pool_;
  Optimizer optimizer_;
  int64_t step_ = 0;
  int64_t tokens_ = 0;
  int64_t taken_ = 0;  // steps of this process
  double paced_seconds_ = 0;
  double recent_seconds_ = 0, recent_tokens_ = 0,
         recent_steps_ = 0;  // sums in which a step's weight decays
};

}  // namespace lab
