// From logits to a token: bias, penalties, temperature, top-k, top-p, min-p, and the probabilities
// a client asked for. One per request, with a random stream of its own, so that a seed gives the
// same text whatever else is in the batch.
#pragma once

#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "engine/engine.h"
#include "text/grammar_masks.h"

namespace engine {

// The ranges of the parameters, as an InvalidArgument that names the parameter.
base::Status check_sampling(const Sampling& sampling, int64_t vocab_size);

// Token `id` and the `top` likeliest under these logits.
TokenLogprob token_logprob(std::span<const float> logits, int32_t id, int top);

class Sampler {
 public:
  Sampler(Sampling sampling, uint64_t seed);

  // The next token, of those that the mask allows when there is one; `logits` [vocab] is scratch
  // afterwards. An error when the logits are not numbers, or when nothing is allowed.
  base::Result<TokenLogprob> next(std::span<float> logits, const text::TokenMask* mask = nullptr);

 private:
  struct Candidate {
    float logit;
    int32_t id;
  };
  void adjust(std::span<float> logits) const;
  int32_t draw(std::span<const float> logits, float highest);
  int32_t draw_from_all(std::span<const float> logits, float highest);
  size_t sort_candidates(size_t keep);

  Sampling sampling_;
  base::Rng rng_;
  std::unordered_map<int32_t, int> counts_;  // of the tokens generated so far
  std::vector<Candidate> candidates_;
};

}  // namespace engine
