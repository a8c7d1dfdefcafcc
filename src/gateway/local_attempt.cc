#include "gateway/local_attempt.h"

#include <algorithm>
#include <numeric>

#include "base/check.h"
#include "base/random.h"

namespace gateway {
namespace {

model::AnswerForm form_of(const Generation& generation) {
  return {generation.tools, generation.tool_choice, generation.tool_name,
          generation.parallel_tool_calls, generation.format};
}

bool may_call(const Generation& generation) {
  return !generation.tools.empty() && generation.tool_choice != ToolChoice::None;
}

}  // namespace

base::Status check_local(const Generation& generation) {
  if (generation.suffix.empty()) return {};
  return base::fail(base::Code::Unimplemented,
                    "Unsupported parameter: 'suffix' is not supported with this model.", "suffix",
                    "unsupported_parameter");
}

base::Result<std::vector<int32_t>> local_prompt(const Channel& channel,
                                                const Generation& generation) {
  if (const auto* messages = std::get_if<Messages>(&generation.input))
    return channel.prompt(messages->list, form_of(generation));
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
      form_(form_of(generation)) {
  const int count = std::max(generation.choices, generation.best_of);
  for (int i = 0; i < count; ++i)
    choices_.emplace_back(*channel_, generation, may_call(generation) ? &form_ : nullptr);
  unfinished_ = choices_.size();
  order_.resize(choices_.size());
  std::iota(order_.begin(), order_.end(), size_t{0});
  if (count > generation.choices) kept_.resize(choices_.size());
  if (generation.echo) echoed_.resize(choices_.size());
}

base::Result<engine::Request> LocalAttempt::job() const {
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
  if (generation_.max_tokens == 0) job.task = engine::Task::Score;
  job.prompt_logprobs = generation_.echo && generation_.sampling.logprobs;
  if (!kept_.empty()) job.sampling.logprobs = true;
  TRY(job.grammar, channel_->tool_format().grammar(form_));
  if (may_call(generation_)) job.spelled_tokens = channel_->tool_format().spelled_tokens();
  return job;
}

base::Status LocalAttempt::start(std::shared_ptr<AttemptListener> listener) {
  listener_ = std::move(listener);
  if (const base::Error* halt = channel_->halted()) return std::unexpected(*halt);
  TRY(engine::Request request, job());
  uint64_t seeds = generation_.sampling.seed.value_or(0);
  for (int i = 0; i < static_cast<int>(choices_.size()); ++i) {
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
  begun_.store(true, std::memory_order_release);
  return {};
}

void LocalAttempt::cancel() {
  for (const uint64_t id : engine_ids_) channel_->engine().cancel(id);
}

// The prompt as part of the answer. A token that begins every text of the model is not the
// client's.
void LocalAttempt::echo_prompt(int index, const engine::Event& event, Delta* delta) {
  echoed_[static_cast<size_t>(index)] = true;
  const text::Tokenizer& tokenizer = channel_->model().tokenizer();
  const bool has_bos = tokenizer.add_bos() && !prompt_.empty() &&
                       prompt_.front() == tokenizer.bos() &&
                       !std::holds_alternative<std::vector<int32_t>>(generation_.input);
  const auto* text = std::get_if<std::string>(&generation_.input);
  delta->text.insert(0, text != nullptr ? *text : tokenizer.decode(prompt_));
  std::vector<TokenProbability> tokens;
  for (size_t i = has_bos ? 1 : 0; i < event.prompt_logprobs.size(); ++i) {
    tokens.push_back(probability_of(tokenizer, event.prompt_logprobs[i]));
    if (tokens.size() == 1) {
      tokens.back().logprob.reset();
      tokens.back().top.clear();
    }
  }
  delta->tokens.insert(delta->tokens.begin(), std::make_move_iterator(tokens.begin()),
                       std::make_move_iterator(tokens.end()));
}

void LocalAttempt::hand_over(Delta delta) {
  if (delta.finish || !delta.text.empty() || !delta.tokens.empty() || !delta.tool_calls.empty())
    listener_->attempt_delta(*this, std::move(delta));
}

// Of all that ran the likeliest, in that order.
void LocalAttempt::hand_over_best() {
  std::ranges::sort(order_, [this](size_t a, size_t b) {
    return choices_[a].likelihood() > choices_[b].likelihood() ||
           (choices_[a].likelihood() == choices_[b].likelihood() && a < b);
  });
  for (int i = 0; i < generation_.choices; ++i) {
    for (Delta& delta : kept_[order_[static_cast<size_t>(i)]]) {
      delta.choice = i;
      hand_over(std::move(delta));
    }
  }
}

void LocalAttempt::on_event(int index, const engine::Event& event) {
  const auto at = static_cast<size_t>(index);
  if (event.error && !error_) error_ = event.error;
  if (const base::Error* halt = channel_->halted(); halt != nullptr && !error_) {
    error_ = *halt;
    halted_ = true;
  }
  if (halted_ && begun_.load(std::memory_order_acquire)) cancel();
  Delta delta = choices_[at].read(index, event);
  // The prompt's probabilities come with the first event, or nothing comes before the end.
  if (!echoed_.empty() && !echoed_[at]) echo_prompt(index, event, &delta);
  if (kept_.empty())
    hand_over(std::move(delta));
  else
    kept_[at].push_back(std::move(delta));
  if (!event.finish || --unfinished_ > 0) return;
  if (!kept_.empty()) hand_over_best();
  // The engine lets go of its sinks, and with them of this, once the last of them has returned.
  const std::shared_ptr<AttemptListener> listener = std::move(listener_);
  listener->attempt_end(*this, result());
}

AttemptEnd LocalAttempt::result() const {
  AttemptEnd end;
  end.usage.prompt = prompt_tokens_;
  if (error_) end.failure = Failure{*error_, !halted_, !halted_, {}};
  for (const LocalChoice& choice : choices_) {
    end.usage.completion += choice.completion_tokens();
    end.usage.cached = std::max(end.usage.cached, choice.cached_tokens());
  }
  for (size_t i = 0; i < static_cast<size_t>(generation_.choices); ++i)
    end.finishes.push_back(*choices_[order_[i]].finish());
  return end;
}

}  // namespace gateway
