#include "gateway/local_choice.h"

#include <algorithm>

#include "base/check.h"
#include "crypto/random.h"

namespace gateway {

TokenProbability probability_of(const text::Tokenizer& tokenizer,
                                const engine::TokenLogprob& token) {
  TokenProbability out;
  out.bytes = tokenizer.token_bytes(token.id);
  out.id = token.id;
  out.logprob = token.logprob;
  for (const auto& [id, logprob] : token.top)
    out.top.emplace_back(tokenizer.token_bytes(id), logprob);
  return out;
}

LocalChoice::LocalChoice(const Channel& channel, const Generation& generation,
                         const model::AnswerForm* calls)
    : channel_(channel), generation_(generation) {
  if (calls != nullptr) parser_.emplace(channel.tool_format().parser(*calls));
}

double LocalChoice::likelihood() const {
  return logprob_sum_ / static_cast<double>(std::max<int64_t>(completion_tokens_, 1));
}

void LocalChoice::add_pieces(std::vector<model::ToolCallParser::Delta> pieces, Delta* delta) {
  for (model::ToolCallParser::Delta& piece : pieces) {
    if (piece.call < 0) {
      delta->text += piece.content;
      continue;
    }
    ToolCallDelta& call = delta->tool_calls.emplace_back();
    call.index = piece.call;
    if (!piece.name.empty()) call.id = crypto::random_id("call_");
    call.name = std::move(piece.name);
    call.arguments = std::move(piece.arguments);
  }
}

// A call that was forced by name ends with stop, others with tool_calls.
Finish LocalChoice::finish_of(engine::Finish finish) const {
  switch (finish) {
    case engine::Finish::Stop:
      return parser_ && parser_->calls() > 0 && generation_.tool_choice != ToolChoice::Named
                 ? Finish::ToolCalls
                 : Finish::Stop;
    case engine::Finish::Length:
      return Finish::Length;
    case engine::Finish::Cancelled:
      return Finish::Cancelled;
    case engine::Finish::Error:
      return Finish::Error;
  }
  return Finish::Error;
}

Delta LocalChoice::read(int index, const engine::Event& event) {
  CHECK(!finish_);
  completion_tokens_ = event.completion_tokens;
  cached_tokens_ = std::max(cached_tokens_, event.cached_tokens);
  Delta delta;
  delta.choice = index;
  if (!parser_)
    delta.text = event.text;
  else if (!event.text.empty())
    add_pieces(parser_->push(event.text), &delta);
  for (const engine::TokenLogprob& token : event.logprobs) {
    logprob_sum_ += static_cast<double>(token.logprob);
    if (generation_.sampling.logprobs)
      delta.tokens.push_back(probability_of(channel_.model().tokenizer(), token));
  }
  // Programs that score a prompt cut off the one token behind it, whichever that is.
  if (event.stop_token && generation_.echo && generation_.sampling.logprobs)
    delta.tokens.push_back(probability_of(channel_.model().tokenizer(), *event.stop_token));
  if (event.finish) {
    if (parser_) add_pieces(parser_->finish(), &delta);
    finish_ = finish_of(*event.finish);
    delta.finish = finish_;
    delta.stop = event.stop;
  }
  return delta;
}

}  // namespace gateway
