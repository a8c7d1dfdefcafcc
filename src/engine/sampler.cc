#include "engine/sampler.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>

#include "kernels/kernels.h"

namespace engine {
namespace {

constexpr float kBan = -100;  // OpenAI's bias for "never"
constexpr float kNever = -std::numeric_limits<float>::infinity();

std::unexpected<base::Error> out_of_range(const char* parameter, const std::string& range) {
  return base::fail(base::Code::InvalidArgument, std::string(parameter) + " must be " + range,
                    parameter, "invalid_value");
}

bool within(float value, float low, float high) {
  return value >= low && value <= high;
}  // false for NaN

void restrict(std::span<float> logits, const text::TokenMask& mask) {
  for (size_t word = 0; word < mask.words.size(); ++word) {
    uint64_t forbidden = ~mask.words[word];
    const size_t first = word * 64;
    if (forbidden == ~uint64_t{0}) {
      std::fill(logits.begin() + static_cast<ptrdiff_t>(first),
                logits.begin() + static_cast<ptrdiff_t>(std::min(first + 64, logits.size())),
                kNever);
      continue;
    }
    for (; forbidden != 0; forbidden &= forbidden - 1) {
      const size_t id = first + static_cast<size_t>(std::countr_zero(forbidden));
      if (id < logits.size()) logits[id] = kNever;
    }
  }
}

std::unexpected<base::Error> nothing_fits(const text::TokenMask& mask) {
  return base::fail(base::Code::InvalidArgument,
                    mask.count == 0
                        ? "no token of this model can go on as the response format asks"
                        : "logit_bias forbids every token that the response format allows here",
                    mask.count == 0 ? "response_format" : "logit_bias", "invalid_value");
}

}  // namespace

base::Status check_sampling(const Sampling& s, int64_t vocab_size) {
  if (!within(s.temperature, 0, 100)) return out_of_range("temperature", "between 0 and 100");
  if (!within(s.top_p, 0, 1)) return out_of_range("top_p", "between 0 and 1");
  if (!within(s.min_p, 0, 1)) return out_of_range("min_p", "between 0 and 1");
  if (s.top_k < 0) return out_of_range("top_k", "0 or more");
  if (!within(s.presence_penalty, -100, 100))
    return out_of_range("presence_penalty", "between -100 and 100");
  if (!within(s.frequency_penalty, -100, 100))
    return out_of_range("frequency_penalty", "between -100 and 100");
  if (s.top_logprobs < 0 || s.top_logprobs > 20)
    return out_of_range("top_logprobs", "between 0 and 20");
  for (const auto& [id, bias] : s.logit_bias) {
    if (id < 0 || id >= vocab_size) {
      return out_of_range("logit_bias",
                          "about tokens of this model: there is no token " + std::to_string(id));
    }
    if (!within(bias, -100, 100)) return out_of_range("logit_bias", "between -100 and 100");
  }
  return {};
}

Sampler::Sampler(Sampling sampling, uint64_t seed) : sampling_(std::move(sampling)), rng_(seed) {}

base::Result<TokenLogprob> Sampler::next(std::span<float> logits, const text::TokenMask* mask) {
  std::vector<float> raw;
  if (sampling_.logprobs) raw.assign(logits.begin(), logits.end());
  adjust(logits);
  if (mask) restrict(logits, *mask);
  const int64_t best = kernels::argmax(logits.data(), static_cast<int64_t>(logits.size()));
  if (mask && best >= 0 && logits[static_cast<size_t>(best)] == kNever) return nothing_fits(*mask);
  if (best < 0 || !std::isfinite(logits[static_cast<size_t>(best)])) {
    return base::fail(base::Code::Internal,
                      "the model's output is not a number: its weights or its arithmetic overflow",
                      "logits");
  }
  const float highest = logits[static_cast<size_t>(best)];
  const int32_t id = sampling_.temperature > 0 ? draw(logits, highest) : static_cast<int32_t>(best);
  ++counts_[id];
  if (sampling_.logprobs) return token_logprob(raw, id, sampling_.top_logprobs);
  return TokenLogprob{.id = id};
}

TokenLogprob token_logprob(std::span<const float> raw, int32_t id, int top) {
  const float total = kernels::log_sum_exp(raw.data(), static_cast<int64_t>(raw.size()));
  TokenLogprob out{.id = id, .logprob = raw[static_cast<size_t>(id)] - total};
  const auto wanted = std::min(static_cast<size_t>(top), raw.size());
  if (wanted == 0) return out;
  std::vector<int32_t> ids(raw.size());
  std::iota(ids.begin(), ids.end(), 0);
  std::partial_sort(ids.begin(), ids.begin() + static_cast<ptrdiff_t>(wanted), ids.end(),
                    [&](int32_t a, int32_t b) {
                      const float x = raw[static_cast<size_t>(a)], y = raw[static_cast<size_t>(b)];
                      return x != y ? x > y : a < b;
                    });
  for (size_t i = 0; i < wanted; ++i)
    out.top.emplace_back(ids[i], raw[static_cast<size_t>(ids[i])] - total);
  return out;
}

void Sampler::adjust(std::span<float> logits) const {
  if (sampling_.presence_penalty != 0 || sampling_.frequency_penalty != 0) {
    for (const auto& [id, count] : counts_) {
      logits[static_cast<size_t>(id)] -=
          sampling_.presence_penalty + sampling_.frequency_penalty * static_cast<float>(count);
    }
  }
  for (const auto& [id, bias] : sampling_.logit_bias) {
    float& logit = logits[static_cast<size_t>(id)];
    logit = bias <= kBan ? kNever : logit + bias;
  }
}

// Without a cut the vocabulary needs no sorting.
int32_t Sampler::draw_from_all(std::span<const float> logits, float highest) {
  const float inverse = 1 / sampling_.temperature;
  double total = 0;
  for (const float logit : logits) total += std::exp((logit - highest) * inverse);
  double left = rng_.uniform() * total;
  int32_t last = 0;
  for (size_t i = 0; i < logits.size(); ++i) {
    const double weight = std::exp((logits[i] - highest) * inverse);
    if (weight > 0) last = static_cast<int32_t>(i);
    left -= weight;
    if (left < 0) break;
  }
  return last;
}

// Brings the likeliest `keep` candidates to the front in order; returns how many are in order.
size_t Sampler::sort_candidates(size_t keep) {
  keep = std::min(keep, candidates_.size());
  std::partial_sort(candidates_.begin(), candidates_.begin() + static_cast<ptrdiff_t>(keep),
                    candidates_.end(), [](const Candidate& a, const Candidate& b) {
                      return a.logit != b.logit ? a.logit > b.logit : a.id < b.id;
                    });
  return keep;
}

// Each cut keeps a prefix of the candidates in order of likelihood: the first k, the fewest that
// together have top_p of what those have, those that are at least min_p times as likely as the
// first.
int32_t Sampler::draw(std::span<const float> logits, float highest) {
  if (sampling_.top_k == 0 && sampling_.top_p >= 1 && sampling_.min_p <= 0)
    return draw_from_all(logits, highest);
  const float inverse = 1 / sampling_.temperature;
  const auto weight = [&](float logit) {
    return static_cast<double>(std::exp((logit - highest) * inverse));
  };
  candidates_.clear();
  for (size_t i = 0; i < logits.size(); ++i)
    candidates_.push_back({logits[i], static_cast<int32_t>(i)});
  size_t sorted = 0;
  if (sampling_.top_k > 0) {
    sorted = sort_candidates(static_cast<size_t>(sampling_.top_k));
    candidates_.resize(sorted);
  }
  double total = 0;
  for (const Candidate& candidate : candidates_) total += weight(candidate.logit);
  const double wanted = total * static_cast<double>(sampling_.top_p);
  double mass = 0;
  size_t kept = 0;
  while (kept < candidates_.size()) {
    if (kept == sorted) sorted = sort_candidates(std::max<size_t>(128, sorted * 4));
    const double one = weight(candidates_[kept].logit);
    if (kept > 0 && (mass >= wanted || one < static_cast<double>(sampling_.min_p))) break;
    mass += one;
    ++kept;
  }
  double left = rng_.uniform() * mass;
  for (size_t i = 0; i + 1 < kept; ++i) {
    left -= weight(candidates_[i].logit);
    if (left < 0) return candidates_[i].id;
  }
  return candidates_[kept - 1].id;
}

}  // namespace engine
