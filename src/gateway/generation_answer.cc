// The second half of gateway/generation_run.h: what an attempt says, what follows when it fails,
// and the end with its bill.
#include <algorithm>

#include "base/log.h"
#include "gateway/gateway.h"
#include "gateway/generation_run.h"

namespace gateway {

void GenerationRun::begin_answer(const Attempt& attempt, Later* later) {
  winner_ = &attempt;
  answerer_ = attempt.answerer();
  for (const Try& entry : tries_) {
    if (entry.attempt.get() == &attempt)
      answered_by_ = entry.target;
    else
      later->push_back([loser = entry.attempt] { loser->cancel(); });
  }
  if (started_) return;
  started_ = true;
  sink_->started(answerer_);
}

// Kept while the answer may have to go on elsewhere.
void GenerationRun::record(const Delta& delta) {
  if (!generation_.continue_after_failure || !only_text_) return;
  only_text_ = delta.reasoning.empty() && delta.refusal.empty() && delta.tool_calls.empty();
  written_ += delta.text;
}

bool GenerationRun::may_continue() const {
  return generation_.continue_after_failure && only_text_ && generation_.choices == 1 &&
         generation_.best_of <= 1 && generation_.tools.empty() &&
         generation_.format.kind == OutputFormat::Kind::Text && !generation_.sampling.logprobs &&
         !generation_.echo && !std::holds_alternative<std::vector<int32_t>>(generation_.input);
}

void GenerationRun::attempt_delta(Attempt& attempt, Delta delta) {
  Later later;
  {
    const std::lock_guard lock(mutex_);
    if (ended_ || (winner_ != nullptr && winner_ != &attempt)) return;
    if (winner_ == nullptr) {
      const bool ours = std::ranges::any_of(
          tries_, [&](const Try& entry) { return entry.attempt.get() == &attempt; });
      if (!ours) return;
      begin_answer(attempt, &later);
    }
    if (!piece_seen_) {
      piece_seen_ = true;
      note_first_piece(attempt);
    }
    record(delta);
    deliver(attempt, std::move(delta), &later);
  }
  for (const auto& task : later) task();
}

// To the sink, or to the charter's hook on answers, which lets out what it has found harmless.
void GenerationRun::deliver(const Attempt& attempt, Delta delta, Later* later) {
  if (!screen_) return sink_->delta(delta);
  if (screen_->all_blocked()) return;
  std::vector<size_t> harm;
  for (const Delta& piece : screen_->take(std::move(delta), &harm)) sink_->delta(piece);
  note_harm("after", harm);
  if (!screen_->all_blocked()) return;
  for (const Try& entry : tries_) {
    if (entry.attempt.get() == &attempt)
      later->push_back([ending = entry.attempt] { ending->cancel(); });
  }
}

void GenerationRun::deliver_rest() {
  std::vector<size_t> harm;
  for (const Delta& piece : screen_->take_rest(&harm)) sink_->delta(piece);
  note_harm("after", harm);
}

void GenerationRun::note_harm(std::string_view hook, const std::vector<size_t>& harm) {
  if (harm.empty()) return;
  (hook == "before" ? gateway_.harmful_prompts_ : gateway_.harmful_answers_).add();
  base::log(base::Level::Warn, "moderation found harm",
            {{"request_id", generation_.request_id},
             {"model", route_->name},
             {"org_id", caller_.org_id},
             {"key_id", caller_.key_id},
             {"hook", hook},
             {"categories", category_names(harm)}});
}

// An answer that was blocked has ended well, whatever its cancelled attempt says.
void GenerationRun::take_blocked(AttemptEnd* end) {
  if (screen_->all_blocked()) end->failure.reset();
  end->finishes.resize(static_cast<size_t>(generation_.choices), Finish::Cancelled);
  for (size_t i = 0; i < end->finishes.size(); ++i) {
    if (screen_->is_blocked(i)) end->finishes[i] = Finish::ContentFilter;
  }
}

void GenerationRun::note_first_piece(const Attempt& attempt) {
  const int64_t now = base::monotonic_ns();
  if (!continued_) route_->metrics->first_token.observe_ns(now - generation_.received_ns);
  if (answered_by_ == nullptr || !answered_by_->health) return;
  for (const Try& entry : tries_) {
    if (entry.attempt.get() != &attempt) continue;
    answered_by_->health->observe_first_piece(now - entry.begun_ns);
    answered_by_->metrics->first_piece.observe_ns(now - entry.begun_ns);
  }
}

void GenerationRun::note_health(const Try& entry, const AttemptEnd& end) {
  constexpr int64_t kBlockFirstNs = 1'000'000'000;
  TargetHealth* health = entry.target->health.get();
  if (health == nullptr) return;
  const int64_t now = base::monotonic_ns();
  if (end.failure) {
    const Failure& failure = *end.failure;
    entry.target->metrics->failures.add();
    if (failure.error.code == base::Code::RateLimited || failure.retry_after) {
      const int64_t wait_ns = failure.retry_after ? failure.retry_after->ns : kBlockFirstNs;
      health->block_until(now + std::min<int64_t>(wait_ns, 60 * kBlockFirstNs));
    }
    if (failure.at_fault) return health->failed(now);
    if (failure.elsewhere || failure.error.code == base::Code::Cancelled) return health->let_go();
    return health->succeeded(now);  // it works, and the request was wrong
  }
  const bool cancelled = std::ranges::find(end.finishes, Finish::Cancelled) != end.finishes.end();
  if (cancelled)
    health->let_go();
  else
    health->succeeded(now);
}

void GenerationRun::attempt_end(Attempt& attempt, AttemptEnd end) {
  Later later;
  {
    const std::lock_guard lock(mutex_);
    const Try entry = take_try(attempt);
    if (!entry.attempt) return;
    if (entry.has_place && entry.target->upstream->options().concurrent_max > 0)
      later.push_back([upstream = entry.target->upstream] { upstream->leave_place(); });
    note_health(entry, end);
    const bool loser = winner_ != nullptr && winner_ != &attempt;
    if (ended_ || loser) {
      // Nobody waits for it.
    } else if (end.failure) {
      take_failure(std::move(end), entry);
    } else {
      if (winner_ == nullptr) answered_by_ = entry.target;
      if (winner_ == nullptr && !cancelled_.load()) begin_answer(attempt, &later);
      finish(std::move(end));
    }
  }
  for (const auto& task : later) task();
}

// Tries elsewhere, or goes on elsewhere, or gives up.
void GenerationRun::take_failure(AttemptEnd end, const Try& entry) {
  const Failure failure = *end.failure;
  last_error_ = failure.error;
  retry_after_ns_ = failure.retry_after ? std::optional(failure.retry_after->ns) : std::nullopt;
  if (answered_by_ == nullptr) answered_by_ = entry.target;
  if (cancelled_.load() || (screen_ && screen_->all_blocked())) return finish(std::move(end));
  const bool in_time =
      base::monotonic_ns() - first_try_ns_ < route_->time_limit.ns || (started_ && may_continue());
  const bool once_more = failure.elsewhere && in_time && attempts_ < route_->attempts_max;
  if (!started_) {
    if (!tries_.empty()) return;  // the other of two that were asked goes on
    if (once_more && try_next()) return;
    if (failure.elsewhere && !failure.lasting && retry_later()) return;
    return finish(std::move(end));
  }
  if (!once_more || !may_continue()) return finish(std::move(end));
  const TokenUsage before = earlier_;
  if (earlier_.prompt == 0) earlier_.prompt = end.usage.prompt;
  earlier_.completion += end.usage.completion;
  winner_ = nullptr;
  piece_seen_ = false;
  if (cursor_ >= order_.size()) cursor_ = 0;
  if (try_next()) {
    continued_ = true;
    return;
  }
  earlier_ = before;
  finish(std::move(end));
}

void GenerationRun::finish_cancelled() {
  AttemptEnd end;
  end.finishes.assign(static_cast<size_t>(generation_.choices), Finish::Cancelled);
  finish(std::move(end));
}

void GenerationRun::finish_failed(base::Error error) {
  AttemptEnd end;
  end.finishes.assign(static_cast<size_t>(generation_.choices), Finish::Error);
  end.failure = Failure{std::move(error), false, false, {}};
  finish(std::move(end));
}

void GenerationRun::finish(AttemptEnd attempt_end) {
  ended_ = true;
  if (screen_) {
    deliver_rest();
    take_blocked(&attempt_end);
  }
  End end;
  end.usage = attempt_end.usage;
  if (earlier_.completion > 0 || earlier_.prompt > 0) {
    end.usage.prompt = earlier_.prompt;
    end.usage.completion += earlier_.completion;
  }
  end.finishes = std::move(attempt_end.finishes);
  if (attempt_end.failure && !cancelled_.load()) {
    end.error = std::move(attempt_end.failure->error);
    end.retry_after = attempt_end.failure->retry_after;
  } else if (attempt_end.failure) {
    std::ranges::replace(end.finishes, Finish::Error, Finish::Cancelled);
  }
  end.continued = continued_;
  end.answerer = answerer_;
  if (end.answerer.model.empty()) {
    end.answerer.model = route_->name;
    if (answered_by_ != nullptr) end.answerer.release_id = answered_by_->id();
  }
  settle(std::move(end));
}

// Settles what was produced, and tells the sink once that is on disk.
void GenerationRun::settle(End end) {
  const bool failed = end.error || std::ranges::any_of(end.finishes, [](Finish finish) {
                        return finish == Finish::Cancelled || finish == Finish::Error;
                      });
  const bool delivered = !failed || end.usage.completion > 0;
  const money::PriceQuote price = (answered_by_ != nullptr ? answered_by_ : order_.front())->price;
  if (!delivered)
    end.usage = {};
  else if (const auto cost = money::cost(
               price, end.usage.prompt, end.usage.completion,
               std::clamp<int64_t>(end.usage.cached, 0, std::max<int64_t>(0, end.usage.prompt))))
    end.cost = route_->metered ? *cost : money::Amount();
  auto durable = [self = shared_from_this(), end](const base::Status& status) mutable {
    if (!status && !end.error) end.error = status.error();
    self->report(end);
  };
  if (!delivered) return metering_.drop("nothing was delivered", std::move(durable));
  const auto settled = metering_.settle(usage_of(end), price, std::move(durable));
  if (settled) return;
  base::log(base::Level::Error, "a request could not be settled",
            {{"request_id", generation_.request_id}, {"error", settled.error().text()}});
  if (!end.error) end.error = settled.error();
  report(end);
}

journal::Usage GenerationRun::usage_of(const End& end) const {
  journal::Usage usage;
  if (answered_by_ != nullptr && answered_by_->upstream)
    usage.upstream = answered_by_->upstream->name() + "/" + answered_by_->model;
  else
    usage.release_id = end.answerer.release_id;
  usage.prompt_tokens = end.usage.prompt;
  usage.completion_tokens = end.usage.completion;
  usage.cached_tokens = end.usage.cached;
  usage.reasoning_tokens = end.usage.reasoning;
  usage.batch = generation_.batch;
  usage.continued = end.continued;
  return usage;
}

// The sink's end, then the receipt. On the ledger's thread, where the model is metered.
void GenerationRun::report(const End& end) {
  const int64_t duration_ns = base::monotonic_ns() - generation_.received_ns;
  RouteMetrics& metrics = *route_->metrics;
  metrics.duration.observe_ns(duration_ns);
  metrics.prompt_tokens.add(static_cast<uint64_t>(end.usage.prompt));
  metrics.completion_tokens.add(static_cast<uint64_t>(end.usage.completion));
  if (std::ranges::find(end.finishes, Finish::Cancelled) != end.finishes.end())
    metrics.cancelled.add();
  if (end.error) metrics.failures.add();
  const Channel* release = end.answerer.channel.get();
  if (release != nullptr && release->share().is_canary && !cancelled_.load())
    end.answerer.channel->observe(end.error.has_value(), gateway_.house_.clock.now());
  sink_->end(end);
  base::log(base::Level::Info, "receipt",
            {{"request_id", generation_.request_id},
             {"model", route_->name},
             {"release", end.answerer.release_id},
             {"manifest", release != nullptr ? release->release().manifest_digest : ""},
             {"certificate_leaf",
              release != nullptr ? static_cast<int64_t>(release->release().leaf) : -1},
             {"charter_sha256", release != nullptr ? release->release().charter_sha256 : ""},
             {"org_id", caller_.org_id},
             {"key_id", caller_.key_id},
             {"prompt_tokens", end.usage.prompt},
             {"cached_tokens", end.usage.cached},
             {"completion_tokens", end.usage.completion},
             {"amount_pico_usd", end.cost.decimal()},
             {"finish", finish_name(end.finishes.front())},
             {"continued", end.continued},
             {"batch", generation_.batch},
             {"duration_ms", static_cast<double>(duration_ns) * 1e-6},
             {"error", end.error ? end.error->text() : std::string()}});
  gateway_.ended();
}

}  // namespace gateway
