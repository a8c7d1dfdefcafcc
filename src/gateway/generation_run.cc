#include "gateway/generation_run.h"

#include <algorithm>

#include "base/check.h"
#include "crypto/random.h"
#include "gateway/gateway.h"
#include "gateway/local_attempt.h"

namespace gateway {
namespace {

constexpr int64_t kBackoffFirstNs = 100'000'000;
constexpr int64_t kBackoffMaxNs = 5'000'000'000;

base::Rng& random_of_thread() {
  thread_local base::Rng random = [] {
    uint64_t seed = 0;
    crypto::random_bytes({reinterpret_cast<uint8_t*>(&seed), sizeof seed});
    return base::Rng(seed);
  }();
  return random;
}

base::Error none_left() {
  return {base::Code::Unavailable,
          "No provider of this model can be asked at the moment. Please try again later.",
          "upstream_failed",
          {},
          {}};
}

}  // namespace

GenerationRun::GenerationRun(Gateway& gateway, std::shared_ptr<const ModelRoute> route,
                             const identity::Caller& caller, Generation generation,
                             std::shared_ptr<Sink> sink)
    : gateway_(gateway),
      route_(std::move(route)),
      caller_(caller),
      generation_(std::move(generation)),
      sink_(std::move(sink)),
      metering_(gateway.house_, caller_, route_->name, generation_.request_id) {
  CHECK(generation_.choices >= 1);
}

base::Status GenerationRun::check_target(const Target& target) const {
  return target.channel ? check_local(generation_)
                        : check_wire(target.upstream->kind(), generation_);
}

// Which targets can answer this, in their order, and how much there is to read.
base::Status GenerationRun::plan() {
  base::Error refusal = none_left();
  for (const Target* target : order_targets(*route_, random_of_thread(), caller_.user_id)) {
    if (base::Status fits = check_target(*target); fits)
      order_.push_back(target);
    else
      refusal = std::move(fits).error();
  }
  prompt_size_ = prompt_size(generation_);
  while (!order_.empty() && order_.front()->channel) {
    auto prompt = local_prompt(*order_.front()->channel, generation_);
    if (prompt) {
      prompt_ = *std::move(prompt);
      const auto count = static_cast<int64_t>(prompt_.size());
      prompt_size_ = {order_.size() == 1 ? count : std::max(count, prompt_size_.tokens_max), count};
      break;
    }
    refusal = std::move(prompt).error();
    order_.erase(order_.begin());
  }
  if (order_.empty() && route_->by_share && refusal.reason == none_left().reason)
    return base::fail(base::Code::Unavailable,
                      "This model answers only a part of its users at the moment. Please ask for "
                      "another model.",
                      {}, "release_share");
  if (order_.empty()) return std::unexpected(std::move(refusal));
  return {};
}

// The charter's hook on what clients send. A prompt of tokens is read as its text.
base::Status GenerationRun::check_prompt() {
  TRY(const auto moderation, gateway_.moderation());
  if (!moderation) return {};
  if (moderation->after() != govern::ModerationAction::Off)
    screen_.emplace(moderation, generation_.choices, generation_.whole);
  if (moderation->before() == govern::ModerationAction::Off) return {};
  std::vector<std::string_view> texts = texts_of(generation_);
  std::string decoded;
  if (const auto* tokens = std::get_if<std::vector<int32_t>>(&generation_.input)) {
    if (!order_.front()->channel)
      return base::fail(base::Code::InvalidArgument,
                        "Prompts are moderated here, and tokens of a provider's model cannot be "
                        "read: send text instead.",
                        "prompt", "unsupported_value");
    decoded = order_.front()->channel->model().tokenizer().decode(*tokens);
    texts.push_back(decoded);
  }
  for (const std::string_view text : texts) {
    const std::vector<size_t> harm = moderation->find_harm(text);
    if (harm.empty()) continue;
    note_harm("before", harm);
    if (moderation->before() != govern::ModerationAction::Block) return {};
    return base::fail(base::Code::InvalidArgument,
                      "Your request was rejected because the prompt was flagged as " +
                          category_names(harm) + " by this house's moderation.",
                      std::holds_alternative<Messages>(generation_.input) ? "messages" : "prompt",
                      "content_policy_violation");
  }
  return {};
}

int64_t GenerationRun::room(const Target& target) const {
  if (target.channel)
    return target.channel->engine().context_length() - static_cast<int64_t>(prompt_.size());
  if (target.context_length == 0) return INT64_MAX;
  return std::max<int64_t>(1, target.context_length - prompt_size_.tokens_likely);
}

// Tokens of each choice that the caller can pay for behind this prompt.
int64_t GenerationRun::affordable(const money::PriceQuote& price) const {
  if (price.out_micro_per_million == 0) return INT64_MAX;
  const auto for_prompt = money::cost(price, prompt_size_.tokens_max, 0);
  const money::Uint128 left = metering_.available().pico();
  const money::Uint128 taken = for_prompt ? for_prompt->pico() : left;
  const money::Uint128 tokens = (left > taken ? left - taken : 0) / price.out_micro_per_million /
                                static_cast<uint64_t>(generation_.choices);
  return static_cast<int64_t>(std::clamp<money::Uint128>(tokens, 1, INT64_MAX));
}

// Holds the worst case of whichever target may answer. Without a limit in the request, that is what
// the context has room for or, if less, what the balance pays; another request may take from the
// balance meanwhile, hence the second try.
base::Status GenerationRun::hold_worst_case() {
  const Target& first = *order_.front();
  const bool limited = generation_.max_tokens.has_value();
  const int64_t most = max_tokens_;
  for (int attempt = 0;; ++attempt) {
    if (!limited) {
      max_tokens_ = most;
      for (const Target* target : order_)
        max_tokens_ = std::min(max_tokens_, affordable(target->price));
    }
    money::Amount worst;
    const int64_t choices = std::max(generation_.choices, generation_.best_of);
    for (const Target* target : order_) {
      TRY(const money::Amount cost,
          money::cost(target->price, prompt_size_.tokens_max, max_tokens_ * choices));
      worst = std::max(worst, cost);
    }
    base::Status held =
        metering_.hold(worst, first.price, first.channel ? first.channel->release().epoch : 0);
    const bool lost_a_race = !held && held.error().code == base::Code::QuotaExceeded && !limited;
    if (!lost_a_race || attempt == 2) return held;
  }
}

base::Status GenerationRun::admit(Admission* admission) {
  const Target& first = *order_.front();
  const bool limited = generation_.max_tokens.has_value();
  const int64_t wanted =
      generation_.max_tokens.value_or(first.channel ? INT64_MAX : first.max_tokens_default);
  max_tokens_ = std::min(wanted, room(first));
  const std::optional<int64_t> cap = metering_.tokens_cap();
  if (cap && !limited)
    max_tokens_ = std::clamp<int64_t>(*cap - prompt_size_.tokens_likely, 1, max_tokens_);
  TRY_VOID(metering_.take_rates(prompt_size_.tokens_likely + max_tokens_ * generation_.choices,
                                admission));
  if (!route_->metered) return {};
  base::Status held = hold_worst_case();
  if (!held) metering_.drop("refused before it ran");
  return held;
}

base::Status GenerationRun::start(Admission* admission) {
  TRY_VOID(plan());
  TRY_VOID(check_prompt());
  TRY_VOID(admit(admission));
  base::Status status;
  {
    const std::lock_guard lock(mutex_);  // what an attempt says waits until it has begun
    first_try_ns_ = base::monotonic_ns();
    status = try_next();
    if (!status) ended_ = true;
  }
  if (!status) {
    metering_.drop("refused before it ran");
    return status;
  }
  route_->metrics->requests.add();
  if (cancelled_.load()) let_go();
  return {};
}

const Target* GenerationRun::next_target() {
  const int64_t now = base::monotonic_ns();
  while (cursor_ < order_.size()) {
    const Target* target = order_[cursor_++];
    if (!target->health || target->health->may_try(now)) return target;
  }
  return nullptr;
}

// Begins with the next target that lets itself be asked.
base::Status GenerationRun::try_next() {
  base::Error refusal = last_error_.value_or(none_left());
  while (const Target* target = next_target()) {
    base::Status status = begin(*target);
    if (status) return status;
    refusal = std::move(status).error();
    if (refusal.code != base::Code::Unavailable) break;
  }
  return std::unexpected(std::move(refusal));
}

base::Status GenerationRun::begin(const Target& target) {
  if (attempts_++ > 0 && target.metrics) target.metrics->retries.add();
  return target.channel ? begin_local(target) : begin_upstream(target);
}

void GenerationRun::add_try(const Target& target, std::shared_ptr<Attempt> attempt) {
  const std::lock_guard lock(tries_mutex_);
  tries_.push_back({&target, std::move(attempt), base::monotonic_ns(), !target.channel});
}

GenerationRun::Try GenerationRun::take_try(const Attempt& attempt) {
  const std::lock_guard lock(tries_mutex_);
  const auto found = std::ranges::find_if(
      tries_, [&](const Try& entry) { return entry.attempt.get() == &attempt; });
  if (found == tries_.end()) return {};
  Try entry = std::move(*found);
  tries_.erase(found);
  return entry;
}

base::Status GenerationRun::begin_local(const Target& target) {
  std::vector<int32_t> prompt = prompt_;
  if (&target != order_.front()) {
    TRY(prompt, local_prompt(*target.channel, generation_));
  }
  const std::vector<int32_t> written = target.channel->model().tokenizer().encode(written_, false);
  prompt.insert(prompt.end(), written.begin(), written.end());
  TRY(prompt, target.channel->check_prompt(std::move(prompt)));
  const int64_t left = std::max<int64_t>(1, max_tokens_ - earlier_.completion);
  auto attempt = std::make_shared<LocalAttempt>(target.channel, generation_, std::move(prompt),
                                                left, caller_.project_id);
  add_try(target, attempt);
  if (base::Status status = attempt->start(shared_from_this()); !status) {
    take_try(*attempt);
    return status;
  }
  if (hedging_) return {};
  Later later;
  begin_answer(*attempt, &later);
  return {};
}

base::Status GenerationRun::begin_upstream(const Target& target) {
  switch (target.upstream->take_place(
      [self = shared_from_this(), &target] { self->granted(target); })) {
    case Upstream::Place::Now:
      break;
    case Upstream::Place::Queued:
      waiting_ = true;
      return {};
    case Upstream::Place::Full:
      target.health->let_go();
      return base::fail(base::Code::Unavailable, "too many requests wait for this model", {},
                        "server_is_overloaded");
  }
  begin_granted(target);
  return {};
}

// With a place at the provider.
void GenerationRun::begin_granted(const Target& target) {
  UpstreamAttempt::Plan plan;
  plan.upstream = target.upstream;
  plan.model = target.model;
  plan.max_tokens =
      std::max<int64_t>(max_tokens_ - earlier_.completion, generation_.max_tokens == 0 ? 0 : 1);
  plan.prompt = prompt_size_;
  plan.prompt.tokens_max += static_cast<int64_t>(written_.size());
  plan.prefix = written_;
  auto attempt = std::make_shared<UpstreamAttempt>(std::move(plan), generation_);
  target.metrics->requests.add();
  add_try(target, attempt);
  attempt->start(shared_from_this());
  if (attempts_ == 1 && route_->hedged) hedge_later();
}

// A place at the provider has come free and is ours. Called without the lock.
void GenerationRun::granted(const Target& target) {
  bool unused = true;
  {
    const std::lock_guard lock(mutex_);
    if (!ended_ && waiting_ && !cancelled_.load()) {
      waiting_ = false;
      unused = false;
      begin_granted(target);
    }
  }
  if (unused) {
    target.upstream->leave_place();
    wake();
  }
  if (cancelled_.load()) let_go();
}

void GenerationRun::hedge_later() {
  const auto usual = tries_.front().target->health->first_piece_p95_ns();
  if (!usual || cursor_ >= order_.size()) return;
  gateway_.timers_.at(base::monotonic_ns() + *usual, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->hedge();
  });
}

void GenerationRun::hedge() {
  {
    const std::lock_guard lock(mutex_);
    if (ended_ || winner_ != nullptr || waiting_ || cancelled_.load() || tries_.size() != 1) return;
    const Target* target = next_target();
    if (target == nullptr) return;
    hedging_ = true;
    // One that cannot begin leaves the first alone.
    if (target->channel || target->upstream->has_place()) static_cast<void>(begin(*target));
    hedging_ = false;
  }
  if (cancelled_.load()) let_go();
}

// Nothing was answered and no other target is left: the same ones again, after a moment.
bool GenerationRun::retry_later() {
  if (attempts_ >= route_->attempts_max || started_) return false;
  const int64_t now = base::monotonic_ns();
  int64_t wait_ns = std::min(kBackoffFirstNs << std::min(attempts_ - 1, 10), kBackoffMaxNs);
  wait_ns = wait_ns / 2 +
            static_cast<int64_t>(random_of_thread().uniform() * static_cast<double>(wait_ns / 2));
  if (retry_after_ns_) wait_ns = std::max(wait_ns, *retry_after_ns_);
  if (wait_ns > kBackoffMaxNs || now + wait_ns > first_try_ns_ + route_->time_limit.ns)
    return false;
  waiting_ = true;
  // While no attempt runs, nobody else holds the run.
  gateway_.timers_.at(now + wait_ns, [self = shared_from_this()] { self->retry(); });
  return true;
}

void GenerationRun::retry() {
  {
    const std::lock_guard lock(mutex_);
    if (ended_ || !waiting_) return;
    waiting_ = false;
    cursor_ = 0;
    if (cancelled_.load())
      finish_cancelled();
    else if (base::Status status = try_next(); !status)
      finish_failed(std::move(status).error());
  }
  if (cancelled_.load()) let_go();
}

// Somebody cancelled while nothing ran.
void GenerationRun::wake() {
  const std::lock_guard lock(mutex_);
  if (ended_ || !waiting_ || !cancelled_.load()) return;
  waiting_ = false;
  finish_cancelled();
}

void GenerationRun::cancel() {
  at_once_.store(true);
  leave();
}

void GenerationRun::leave() {
  cancelled_.store(true);
  let_go();
}

void GenerationRun::let_go() {
  std::vector<std::shared_ptr<Attempt>> attempts;
  {
    const std::lock_guard lock(tries_mutex_);
    for (const Try& entry : tries_) attempts.push_back(entry.attempt);
  }
  for (const auto& attempt : attempts) at_once_.load() ? attempt->cancel() : attempt->leave();
  if (attempts.empty()) gateway_.timers_.at(0, [self = shared_from_this()] { self->wake(); });
}

}  // namespace gateway
