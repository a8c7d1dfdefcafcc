// One choice of a local release's answer: the engine's events become deltas, text apart from calls
// of tools.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "gateway/channel.h"
#include "gateway/generation.h"

namespace gateway {

class LocalChoice {
 public:
  // `channel` and `generation` outlive it. `calls`: the answer may call tools, in this form.
  LocalChoice(const Channel& channel, const Generation& generation, const model::AnswerForm* calls);

  Delta read(int index, const engine::Event& event);

  int64_t completion_tokens() const { return completion_tokens_; }
  int64_t cached_tokens() const { return cached_tokens_; }
  const std::optional<Finish>& finish() const { return finish_; }
  // The sum of the log-probabilities by the number of tokens: how best_of chooses.
  double likelihood() const;

 private:
  void add_pieces(std::vector<model::ToolCallParser::Delta> pieces, Delta* delta);
  Finish finish_of(engine::Finish finish) const;

  const Channel& channel_;
  const Generation& generation_;
  std::optional<model::ToolCallParser> parser_;
  int64_t completion_tokens_ = 0, cached_tokens_ = 0;
  double logprob_sum_ = 0;
  std::optional<Finish> finish_;
};

TokenProbability probability_of(const text::Tokenizer& tokenizer,
                                const engine::TokenLogprob& token);

}  // namespace gateway
