// Trains the moderation model: AdaGrad (Duchi et al. 2011) on the logistic loss of each category,
// one pass over texts that are generated as they are read, then Platt scaling and thresholds on
// wordings that training never showed. One thread: the same plan gives the same bytes.
#pragma once

#include <atomic>
#include <functional>
#include <string>

#include "base/result.h"
#include "model/moderation_model.h"

namespace lab::moderation {

struct Plan {
  std::string name = "charter-moderation-mini";
  uint64_t seed = 1;
  int64_t samples = 600'000;  // read once each
  int64_t calibration_samples = 40'000;  // of held-out wordings
  uint32_t buckets = 1 << 17;
  double rate = 0.3;
  double decay = 1e-6;                 // L2, on the weights that a text touches
  double false_positives_max = 0.005;  // of harmless held-out texts, at a category's threshold
};

struct Hooks {
  std::function<void(int64_t sample, double loss)> progress = {};  // nats a text, now and then
  const std::atomic<bool>* stop = nullptr;
};

struct Trained {
  model::ModerationConfig config;
  std::vector<float> weights;  // buckets x categories, each a bf16
  double loss = 0;             // of the last tenth, nats a text over all categories
};

// InvalidArgument for a plan that cannot be; Cancelled when stopped.
base::Result<Trained> train(const Plan& plan, const Hooks& hooks = {});

}  // namespace lab::moderation
