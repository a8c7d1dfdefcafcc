// Supervised fine-tuning: goes on from a model folder's weights, on conversations of a file, to a
// new model folder. Interrupted runs go on from their checkpoint to the same numbers.
#pragma once

#include <atomic>
#include <functional>
#include <string>

#include "base/result.h"
#include "base/thread_pool.h"
#include "lab/trainer.h"

namespace lab {

struct FineTuneRequest {
  std::string base = {};             // a model folder that `charter train` or this wrote
  std::string training_path = {};    // see lab/conversation_file.h
  std::string validation_path = {};  // empty: none
  int64_t epochs = 3;
  int64_t batch_size = 4;  // conversations of a step
  double lr = 3e-4;        // peak
  uint64_t seed = 1;
  std::string directory = {};  // checkpoint/ while it runs; epoch-N/ and model/, model folders
};

struct FineTunePlan {
  int64_t conversations = 0;
  int64_t steps = 0;
  int64_t steps_per_epoch = 0;
  int64_t tokens_per_epoch = 0;
  int64_t shortened = 0;
  bool resumed = false;
};

struct FineTuneHooks {
  std::function<int64_t()> monotonic_ns = {};
  const std::atomic<bool>* stop = nullptr;  // finish the step, write a checkpoint, return
  std::function<void(const FineTunePlan&)> begin = {};
  std::function<void(const StepReport&)> progress = {};         // after every step
  std::function<void(int64_t epoch, int64_t step)> saved = {};  // epoch-N/ is there
};

// Errors beside those of files: InvalidArgument (invalid_training_file); FailedPrecondition
// (base_not_trainable) when the model is not one of Charter's form.
base::Result<TrainOutcome> fine_tune(const FineTuneRequest& request, const FineTuneHooks& hooks,
                                     base::ThreadPool& pool);

// What fine_tune() would refuse, before any work is done.
base::Status check_trainable(const std::string& base);
base::Status check_training_text(std::string_view text);

}  // namespace lab
