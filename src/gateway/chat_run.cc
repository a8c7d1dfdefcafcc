#include <algorithm>

#include "base/check.h"
#include "base/log.h"
#include "gateway/gateway.h"

namespace gateway {

void ChatRun::cancel() {
  std::vector<uint64_t> ids;
  {
    const std::lock_guard lock(mutex_);
    for (const Choice& choice : choices_) {
      if (choice.submitted && !choice.finish) ids.push_back(choice.engine_id);
    }
  }
  for (const uint64_t id : ids) channel_->engine().cancel(id);
}

// On the engine's thread.
void ChatRun::on_event(int choice, const engine::Event& event) {
  const std::lock_guard lock(mutex_);
  if (refused_) return;
  if (submitting_)
    early_.emplace_back(choice, event);
  else
    take_event(choice, event);
}

void ChatRun::take_event(int index, const engine::Event& event) {
  Choice& choice = choices_[static_cast<size_t>(index)];
  CHECK(!choice.finish);
  choice.completion_tokens = event.completion_tokens;
  if (!first_token_seen_ && event.completion_tokens > 0) {
    first_token_seen_ = true;
    gateway_->metrics_of(*channel_).first_token.observe_ns(base::monotonic_ns() - received_ns_);
  }
  if (event.error && !error_) error_ = event.error;
  if (!event.text.empty() || !event.logprobs.empty()) sink_->delta(index, event);
  if (!event.finish) return;
  choice.finish = event.finish;
  if (--unfinished_ == 0) finish();
}

// Every choice has ended: settle what was produced, and tell the sink once that is on disk.
void ChatRun::finish() {
  ChatEnd end;
  end.prompt_tokens = prompt_tokens_;
  end.error = error_;
  bool failed = false;
  for (const Choice& choice : choices_) {
    end.completion_tokens += choice.completion_tokens;
    end.finishes.push_back(*choice.finish);
    failed |=
        *choice.finish == engine::Finish::Cancelled || *choice.finish == engine::Finish::Error;
  }
  const auto cost = money::cost(hold_.request.price, end.prompt_tokens, end.completion_tokens);
  if (failed && end.completion_tokens == 0)
    end.prompt_tokens = 0;
  else if (cost)
    end.cost = *cost;
  auto durable = [self = shared_from_this(), end](const base::Status& status) mutable {
    if (!status && !end.error) end.error = status.error();
    self->report(end);
  };
  if (failed && end.completion_tokens == 0) {
    gateway_->ledger_.release(hold_, "nothing was delivered", std::move(durable));
    return;
  }
  const auto settled = gateway_->ledger_.settle(hold_, usage_of(end), std::move(durable));
  if (settled) return;
  base::log(base::Level::Error, "a request could not be settled",
            {{"request_id", request_id_}, {"error", settled.error().text()}});
  if (!end.error) end.error = settled.error();
  report(end);
}

journal::Usage ChatRun::usage_of(const ChatEnd& end) const {
  journal::Usage usage;
  usage.org_id = caller_.org_id;
  usage.project_id = caller_.project_id;
  usage.user_id = caller_.user_id;
  usage.key_id = caller_.key_id;
  usage.model = channel_->name();
  usage.release_id = channel_->release().id;
  usage.prompt_tokens = end.prompt_tokens;
  usage.completion_tokens = end.completion_tokens;
  return usage;
}

// The receipt, then the sink's end. On the ledger's thread.
void ChatRun::report(const ChatEnd& end) {
  const int64_t duration_ns = base::monotonic_ns() - received_ns_;
  Gateway::ChannelMetrics& metrics = gateway_->metrics_of(*channel_);
  metrics.duration.observe_ns(duration_ns);
  metrics.prompt_tokens.add(static_cast<uint64_t>(end.prompt_tokens));
  metrics.completion_tokens.add(static_cast<uint64_t>(end.completion_tokens));
  const bool cancelled =
      std::ranges::find(end.finishes, engine::Finish::Cancelled) != end.finishes.end();
  if (cancelled) metrics.cancelled.add();
  if (end.error) metrics.failures.add();
  base::log(base::Level::Info, "receipt",
            {{"request_id", request_id_},
             {"model", channel_->name()},
             {"release", channel_->release().id},
             {"org_id", caller_.org_id},
             {"key_id", caller_.key_id},
             {"prompt_tokens", end.prompt_tokens},
             {"completion_tokens", end.completion_tokens},
             {"amount_pico_usd", end.cost.decimal()},
             {"finish", std::string(engine::finish_name(end.finishes.front()))},
             {"duration_ms", static_cast<double>(duration_ns) * 1e-6},
             {"error", end.error ? end.error->text() : std::string()}});
  sink_->end(end);
  gateway_->running_.fetch_sub(1);
}

}  // namespace gateway
