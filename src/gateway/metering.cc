#include "gateway/metering.h"

#include <algorithm>

namespace gateway {
namespace {

money::Scope scope_of(identity::ScopeKind kind) {
  switch (kind) {
    case identity::ScopeKind::Organisation:
      return money::Scope::Organisation;
    case identity::ScopeKind::Project:
      return money::Scope::Project;
    case identity::ScopeKind::User:
      return money::Scope::User;
    case identity::ScopeKind::Key:
      return money::Scope::Key;
  }
  return money::Scope::Organisation;
}

// The names of the headers are OpenAI's.
void add_headers(std::string_view unit, const std::optional<RateState>& state,
                 Admission* admission) {
  if (!state) return;
  const std::string suffix(unit);
  admission->headers.emplace_back("x-ratelimit-limit-" + suffix, std::to_string(state->limit));
  admission->headers.emplace_back("x-ratelimit-remaining-" + suffix,
                                  std::to_string(state->remaining));
  admission->headers.emplace_back("x-ratelimit-reset-" + suffix, go_duration(state->reset));
}

}  // namespace

Metering::Metering(const MeteringHouse& house, const identity::Caller& caller, std::string model,
                   std::string request_id)
    : house_(house),
      caller_(caller),
      model_(std::move(model)),
      request_id_(std::move(request_id)),
      scopes_{caller.org_id, caller.project_id, caller.user_id, caller.key_id, model_} {
  if (caller.limits) read_limits();
}

// A row that names a model counts that model's requests of its owner.
void Metering::read_limits() {
  for (const identity::ScopeLimits& row : caller_.limits->rows) {
    if (!row.model.empty() && row.model != model_) continue;
    const money::Scope owner = scope_of(row.kind);
    const money::Scope scope = row.model.empty() ? owner : money::with_model(owner);
    const auto rate = [&](const std::optional<int64_t>& limit, RateUnit unit, RateWindow window) {
      if (limit) rates_.push_back({scope, unit, window, *limit});
    };
    rate(row.rates.requests_per_minute, RateUnit::Requests, RateWindow::Minute);
    rate(row.rates.tokens_per_minute, RateUnit::Tokens, RateWindow::Minute);
    rate(row.rates.requests_per_day, RateUnit::Requests, RateWindow::Day);
    rate(row.rates.tokens_per_day, RateUnit::Tokens, RateWindow::Day);
    const auto budget = [&](const std::optional<money::Amount>& cap, money::Period period) {
      if (cap) budgets_.push_back({scope, period, *cap});
    };
    budget(row.budgets.per_day, money::Period::Day);
    budget(row.budgets.per_month, money::Period::Month);
    budget(row.budgets.total, money::Period::Total);
  }
}

money::Amount Metering::available() const {
  if (budgets_.empty()) return house_.ledger.available(caller_.account);
  return house_.ledger.available(caller_.account, scopes_, budgets_);
}

std::optional<int64_t> Metering::tokens_cap() const {
  std::optional<int64_t> least;
  for (const RateCap& cap : rates_) {
    if (cap.unit == RateUnit::Tokens) least = std::min(cap.limit, least.value_or(cap.limit));
  }
  return least;
}

base::Status Metering::take_rates(int64_t tokens, Admission* admission) {
  if (rates_.empty()) return {};
  const auto taken = house_.limits.admit(scopes_, rates_, tokens, house_.clock.now());
  if (admission != nullptr) {
    const RateAdmission& state = taken ? *taken : taken.error().state;
    add_headers("requests", state.requests, admission);
    add_headers("tokens", state.tokens, admission);
  }
  if (taken) {
    tokens_taken_ = tokens;
    return {};
  }
  const RateRefusal& refusal = taken.error();
  if (admission != nullptr && refusal.retry_after.ns > 0) {
    admission->headers.emplace_back("retry-after", retry_after_seconds(refusal.retry_after));
    admission->headers.emplace_back("retry-after-ms", retry_after_ms(refusal.retry_after));
  }
  return std::unexpected(refusal.error);
}

base::Status Metering::hold(money::Amount worst, const money::PriceQuote& price, uint32_t epoch) {
  journal::HoldRequest request;
  request.account = caller_.account;
  request.request_id = request_id_;
  request.amount = worst;
  request.price = price;
  request.epoch = epoch;
  request.scopes = scopes_;
  request.budgets = budgets_;
  TRY(hold_, house_.ledger.hold(std::move(request)));
  return {};
}

void Metering::drop(std::string_view reason, journal::Ledger::Durable durable) {
  if (tokens_taken_) house_.limits.give_back(scopes_, rates_, *tokens_taken_, house_.clock.now());
  tokens_taken_.reset();
  if (hold_)
    house_.ledger.release(*hold_, reason, std::move(durable));
  else if (durable)
    durable({});
}

base::Result<money::Amount> Metering::settle(journal::Usage usage, const money::PriceQuote& price,
                                             journal::Ledger::Durable durable) {
  if (tokens_taken_) {
    house_.limits.correct(scopes_, rates_, *tokens_taken_,
                          usage.prompt_tokens + usage.completion_tokens, house_.clock.now());
    tokens_taken_.reset();
  }
  if (!hold_) {
    durable({});
    return money::Amount();
  }
  usage.org_id = caller_.org_id;
  usage.project_id = caller_.project_id;
  usage.user_id = caller_.user_id;
  usage.key_id = caller_.key_id;
  usage.model = model_;
  hold_->request.price = price;
  return house_.ledger.settle(*hold_, usage, std::move(durable));
}

}  // namespace gateway
