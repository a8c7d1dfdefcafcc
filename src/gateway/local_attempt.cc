#include "gateway/local_attempt.h"

#include "base/check.h"
#include "base/random.h"

namespace gateway {
namespace {

Finish finish_of(engine::Finish finish) {
  switch (finish) {
    case engine::Finish::Stop:
      return Finish::Stop;
    case engine::Finish::Length:
      return Finish::Length;
    case engine::Finish::Cancelled:
      return Finish::Cancelled;
    case engine::Finish::Error:
      return Finish::Error;
  }
  return Finish::Error;
}

std::unexpected<base::Error> not_offered(std::string_view parameter) {
  return base::fail(base::Code::Unimplemented,
                    "'" + std::string(parameter) + "' is not supported with this model.",
                    std::string(parameter), "unsupported_parameter");
}

}  // namespace

base::Status check_local(const Generation& generation) {
  if (!generation.tools.empty() && generation.tool_choice != ToolChoice::None)
    return not_offered("tools");
  if (generation.format.kind != OutputFormat::Kind::Text) return not_offered("response_format");
  if (generation.echo) return not_offered("echo");
  if (!generation.suffix.empty()) return not_offered("suffix");
  if (generation.best_of > generation.choices) return not_offered("best_of");
  return {};
}

base::Result<std::vector<int32_t>> local_prompt(const Channel& channel,
                                                const Generation& generation) {
  TRY_VOID(check_local(generation));
  if (const auto* messages = std::get_if<Messages>(&generation.input))
    return channel.prompt(messages->list);
  if (const auto* text = std::get_if<std::string>(&generation.input))
    return channel.text_prompt(*text);
  return channel.check_prompt(std::get<std::vector<int32_t>>(generation.input));
}

LocalAttempt::LocalAttempt(std::shared_ptr<Channel> channel, const Generation& generation,
                           std::vector<int32_t> prompt, int64_t max_tokens,
                           std::string fairness_key)
    : channel_(std::move(channel)),
      generation_(generation),
      prompt_(std::move(prompt)),
      prompt_tokens_(static_cast<int64_t>(prompt_.size())),
      max_tokens_(max_tokens),
      fairness_key_(std::move(fairness_key)),
      answerer_{generation.model, channel_->release().id, channel_->fingerprint(), channel_},
      choices_(static_cast<size_t>(generation.choices)),
      unfinished_(choices_.size()) {}

engine::Request LocalAttempt::job() const {
  const model::GenerationDefaults& defaults = channel_->model().defaults();
  engine::Request job;
  job.prompt = prompt_;
  job.sampling = generation_.sampling;
  job.sampling.temperature =
      generation_.temperature.value_or(static_cast<float>(defaults.temperature.value_or(1)));
  job.sampling.top_p = generation_.top_p.value_or(static_cast<float>(defaults.top_p.value_or(1)));
  job.max_tokens = max_tokens_;
  job.stop = generation_.stop;
  job.fairness_key = fairness_key_;
  return job;
}

base::Status LocalAttempt::start(std::shared_ptr<AttemptListener> listener) {
  listener_ = std::move(listener);
  engine::Request request = job();
  uint64_t seeds = generation_.sampling.seed.value_or(0);
  for (int i = 0; i < generation_.choices; ++i) {
    // Each choice has its own stream of random numbers; the first has that of a request for one.
    if (i > 0 && generation_.sampling.seed) request.sampling.seed = base::splitmix64(&seeds);
    const auto id = channel_->engine().submit(
        request,
        [self = shared_from_this(), i](const engine::Event& event) { self->on_event(i, event); });
    if (!id) {
      cancel();  // the earlier choices; nobody hears of them
      return std::unexpected(id.error());
    }
    engine_ids_.push_back(*id);
  }
  prompt_.clear();
  return {};
}

void LocalAttempt::cancel() {
  for (const uint64_t id : engine_ids_) channel_->engine().cancel(id);
}

Delta LocalAttempt::delta_of(int index, const engine::Event& event) const {
  const text::Tokenizer& tokenizer = channel_->model().tokenizer();
  Delta delta;
  delta.choice = index;
  delta.text = event.text;
  for (const engine::TokenLogprob& token : event.logprobs) {
    TokenProbability& entry = delta.tokens.emplace_back();
    entry.bytes = tokenizer.token_bytes(token.id);
    entry.id = token.id;
    entry.logprob = token.logprob;
    for (const auto& [id, logprob] : token.top)
      entry.top.emplace_back(tokenizer.token_bytes(id), logprob);
  }
  if (event.finish) delta.finish = finish_of(*event.finish);
  return delta;
}

void LocalAttempt::on_event(int index, const engine::Event& event) {
  Choice& choice = choices_[static_cast<size_t>(index)];
  CHECK(!choice.finish);
  choice.completion_tokens = event.completion_tokens;
  if (event.error && !error_) error_ = event.error;
  Delta delta = delta_of(index, event);
  choice.finish = delta.finish;
  if (delta.finish || !delta.text.empty() || !delta.tokens.empty())
    listener_->attempt_delta(*this, std::move(delta));
  if (!choice.finish || --unfinished_ > 0) return;
  // The engine lets go of its sinks, and with them of this, once the last of them has returned.
  const std::shared_ptr<AttemptListener> listener = std::move(listener_);
  listener->attempt_end(*this, result());
}

AttemptEnd LocalAttempt::result() const {
  AttemptEnd end;
  end.usage.prompt = prompt_tokens_;
  if (error_) end.failure = Failure{*error_, true, true, {}};
  for (const Choice& choice : choices_) {
    end.usage.completion += choice.completion_tokens;
    end.finishes.push_back(*choice.finish);
  }
  return end;
}

}  // namespace gateway
