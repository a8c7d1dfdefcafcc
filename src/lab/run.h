// One training run from its plan to a finished model folder: tokenizer, data, model, loop, and what
// is written on the way. `charter train` and the acceptance test both call this.
#pragma once

#include <atomic>
#include <functional>
#include <string>

#include "base/result.h"
#include "base/thread_pool.h"
#include "lab/run_plan.h"
#include "lab/trainer.h"

namespace lab {

// DIR/train.json, train.jsonl, loss.svg, checkpoint/, and the model: config.json,
// model.safetensors, tokenizer.json, ...
struct RunRequest {
  RunPlan plan;
  std::string directory;
  bool resume = false;       // the plan is the folder's own then; `plan` is not looked at
  int64_t resume_steps = 0;  // over 0: the run ends at this step instead, its learning rate with it
};

struct RunReport {
  const StepReport& step;
  double peak_share;  // of the machine's measured peak for the run's precision; 0 when not known
};

struct RunHooks {
  std::function<int64_t()> monotonic_ns;
  const std::atomic<bool>* stop = nullptr;
  std::function<void(const RunReport&)> progress = {};   // after every step
  std::function<void(const std::string&)> message = {};  // what a person should know on the way
  double peak_flops = 0;                                 // for peak_share
};

struct RunSummary {
  TrainOutcome outcome;
  int64_t parameters = 0;
  double seconds = 0;  // of this process
};

base::Result<RunSummary> run(const RunRequest& request, const RunHooks& hooks,
                             base::ThreadPool& pool);

}  // namespace lab
