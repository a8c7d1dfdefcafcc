#include "gateway/generation_run.h"

#include <algorithm>

#include "base/check.h"
#include "base/log.h"
#include "gateway/gateway.h"
#include "gateway/local_attempt.h"

namespace gateway {

GenerationRun::GenerationRun(Gateway& gateway, std::shared_ptr<const ModelRoute> route,
                             const identity::Caller& caller, Generation generation,
                             std::shared_ptr<Sink> sink)
    : gateway_(gateway),
      route_(std::move(route)),
      caller_(caller),
      generation_(std::move(generation)),
      sink_(std::move(sink)) {
  CHECK(generation_.choices >= 1);
}

// Holds the worst case. Without a limit in the request, that is what the context has room for or,
// if less, what the balance pays; another request may take from the balance meanwhile, hence the
// second try.
base::Status GenerationRun::hold(const Target& target, int64_t prompt_tokens, int64_t* max_tokens) {
  const money::PriceQuote& price = target.price;
  const int64_t room = target.channel->engine().context_length() - prompt_tokens;
  const bool limited = generation_.max_tokens.has_value();
  for (int attempt = 0;; ++attempt) {
    *max_tokens = limited ? std::min(*generation_.max_tokens, room) : room;
    if (!limited && price.out_micro_per_million > 0) {
      TRY(const money::Amount for_prompt, money::cost(price, prompt_tokens, 0));
      const money::Uint128 left = gateway_.ledger_.available(caller_.account).pico();
      const money::Uint128 for_answer = left > for_prompt.pico() ? left - for_prompt.pico() : 0;
      const money::Uint128 tokens =
          for_answer / price.out_micro_per_million / static_cast<uint64_t>(generation_.choices);
      if (tokens < static_cast<money::Uint128>(*max_tokens))
        *max_tokens = std::max<int64_t>(1, static_cast<int64_t>(tokens));
    }
    journal::HoldRequest worst;
    worst.account = caller_.account;
    worst.request_id = generation_.request_id;
    TRY(worst.amount, money::cost(price, prompt_tokens, *max_tokens * generation_.choices));
    worst.price = price;
    worst.epoch = target.channel->release().epoch;
    auto held = gateway_.ledger_.hold(std::move(worst));
    if (held) {
      hold_ = *std::move(held);
      return {};
    }
    const bool lost_a_race = held.error().code == base::Code::QuotaExceeded && !limited;
    if (!lost_a_race || attempt == 2) return std::unexpected(std::move(held).error());
  }
}

base::Status GenerationRun::begin(std::shared_ptr<Attempt> attempt) {
  {
    const std::lock_guard lock(attempt_mutex_);
    attempt_ = attempt;
  }
  base::Status status = attempt->start(shared_from_this());
  if (!status) {
    const std::lock_guard lock(attempt_mutex_);
    attempt_ = nullptr;
  }
  return status;
}

base::Status GenerationRun::start() {
  const Target& target = route_->targets.front();
  TRY(std::vector<int32_t> prompt, local_prompt(*target.channel, generation_));
  int64_t max_tokens = 0;
  TRY_VOID(hold(target, static_cast<int64_t>(prompt.size()), &max_tokens));
  const std::lock_guard lock(mutex_);  // what an attempt says waits until it has begun
  if (base::Status status = begin(std::make_shared<LocalAttempt>(
          target.channel, generation_, std::move(prompt), max_tokens, caller_.project_id));
      !status) {
    gateway_.ledger_.release(hold_, "refused before it ran");
    return status;
  }
  started_ = true;
  route_->metrics->requests.add();
  sink_->started(attempt_->answerer());
  return {};
}

void GenerationRun::cancel() {
  std::shared_ptr<Attempt> attempt;
  {
    const std::lock_guard lock(attempt_mutex_);
    attempt = attempt_;
  }
  if (attempt) attempt->cancel();
}

void GenerationRun::attempt_delta(Attempt& attempt, Delta delta) {
  const std::lock_guard lock(mutex_);
  if (attempt_.get() != &attempt) return;
  if (!first_token_seen_) {
    first_token_seen_ = true;
    route_->metrics->first_token.observe_ns(base::monotonic_ns() - generation_.received_ns);
  }
  sink_->delta(delta);
}

void GenerationRun::attempt_end(Attempt& attempt, AttemptEnd end) {
  const std::lock_guard lock(mutex_);
  if (attempt_.get() != &attempt) return;
  finish(std::move(end));
}

// Settles what was produced, and tells the sink once that is on disk.
void GenerationRun::finish(AttemptEnd attempt_end) {
  End end;
  end.usage = attempt_end.usage;
  end.finishes = std::move(attempt_end.finishes);
  end.error = std::move(attempt_end.error);
  end.answerer = attempt_->answerer();
  const bool failed = std::ranges::any_of(end.finishes, [](Finish finish) {
    return finish == Finish::Cancelled || finish == Finish::Error;
  });
  const bool delivered = !failed || end.usage.completion > 0;
  const auto cost = money::cost(hold_.request.price, end.usage.prompt, end.usage.completion);
  if (!delivered)
    end.usage = {};
  else if (cost)
    end.cost = *cost;
  auto durable = [self = shared_from_this(), end](const base::Status& status) mutable {
    if (!status && !end.error) end.error = status.error();
    self->report(end);
  };
  if (!delivered) {
    gateway_.ledger_.release(hold_, "nothing was delivered", std::move(durable));
    return;
  }
  const auto settled = gateway_.ledger_.settle(hold_, usage_of(end), std::move(durable));
  if (settled) return;
  base::log(base::Level::Error, "a request could not be settled",
            {{"request_id", generation_.request_id}, {"error", settled.error().text()}});
  if (!end.error) end.error = settled.error();
  report(end);
}

journal::Usage GenerationRun::usage_of(const End& end) const {
  journal::Usage usage;
  usage.org_id = caller_.org_id;
  usage.project_id = caller_.project_id;
  usage.user_id = caller_.user_id;
  usage.key_id = caller_.key_id;
  usage.model = route_->name;
  usage.release_id = end.answerer.release_id;
  usage.prompt_tokens = end.usage.prompt;
  usage.completion_tokens = end.usage.completion;
  return usage;
}

// The receipt, then the sink's end. On the ledger's thread.
void GenerationRun::report(const End& end) {
  const int64_t duration_ns = base::monotonic_ns() - generation_.received_ns;
  RouteMetrics& metrics = *route_->metrics;
  metrics.duration.observe_ns(duration_ns);
  metrics.prompt_tokens.add(static_cast<uint64_t>(end.usage.prompt));
  metrics.completion_tokens.add(static_cast<uint64_t>(end.usage.completion));
  if (std::ranges::find(end.finishes, Finish::Cancelled) != end.finishes.end())
    metrics.cancelled.add();
  if (end.error) metrics.failures.add();
  base::log(base::Level::Info, "receipt",
            {{"request_id", generation_.request_id},
             {"model", route_->name},
             {"release", end.answerer.release_id},
             {"org_id", caller_.org_id},
             {"key_id", caller_.key_id},
             {"prompt_tokens", end.usage.prompt},
             {"completion_tokens", end.usage.completion},
             {"amount_pico_usd", end.cost.decimal()},
             {"finish", finish_name(end.finishes.front())},
             {"duration_ms", static_cast<double>(duration_ns) * 1e-6},
             {"error", end.error ? end.error->text() : std::string()}});
  sink_->end(end);
  gateway_.running_.fetch_sub(1);
}

}  // namespace gateway
