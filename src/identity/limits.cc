// Rates and budgets by scope.
#include "identity/limits.h"

#include <algorithm>

#include "identity/store.h"

namespace identity {
namespace {

constexpr size_t kModelBytesMax = 200;

// The organisation that a scope is in; empty when there is no such thing.
std::string org_of(const Tables& tables, ScopeKind kind, std::string_view id) {
  const auto in = [id](const auto& map, const auto& org) -> std::string {
    const auto found = map.find(id);
    return found == map.end() ? std::string() : org(found->second);
  };
  switch (kind) {
    case ScopeKind::Organisation:
      return in(tables.organisations, [](const Organisation& o) { return o.id; });
    case ScopeKind::Project:
      return in(tables.projects, [](const Project& p) { return p.org_id; });
    case ScopeKind::Key:
      return in(tables.keys, [](const StoredKey& k) { return k.key.org_id; });
    case ScopeKind::User:
      break;
  }
  if (const auto user = tables.users.find(id); user != tables.users.end())
    return user->second.org_id;
  const auto account = tables.service_accounts.find(id);
  if (account == tables.service_accounts.end()) return {};
  return tables.projects.find(account->second.project_id)->second.org_id;
}

json::Object details_of(const ScopeLimits& row) {
  const auto count = [](const std::optional<int64_t>& n) {
    return n ? json::Value(*n) : json::Value();
  };
  const auto dollars = [](const std::optional<money::Amount>& amount) {
    return amount ? json::Value(amount->in_usd()) : json::Value();
  };
  return {{"scope", scope_kind_name(row.kind)},
          {"model", row.model},
          {"requests_per_minute", count(row.rates.requests_per_minute)},
          {"tokens_per_minute", count(row.rates.tokens_per_minute)},
          {"requests_per_day", count(row.rates.requests_per_day)},
          {"tokens_per_day", count(row.rates.tokens_per_day)},
          {"usd_per_day", dollars(row.budgets.per_day)},
          {"usd_per_month", dollars(row.budgets.per_month)},
          {"usd_total", dollars(row.budgets.total)}};
}

base::Status check_row(const ScopeLimits& row) {
  for (const auto& count : {row.rates.requests_per_minute, row.rates.tokens_per_minute,
                            row.rates.requests_per_day, row.rates.tokens_per_day})
    if (count && *count < 0)
      return base::fail(base::Code::InvalidArgument, "a limit cannot be negative", "limits",
                        "invalid_value");
  if (row.model.size() > kModelBytesMax)
    return base::fail(base::Code::InvalidArgument, "a model's name has at most 200 bytes", "model",
                      "invalid_value");
  return {};
}

}  // namespace

base::Status Identity::set_limits(const ScopeLimits& row, const Actor& by) {
  TRY_VOID(check_row(row));
  std::lock_guard change(state_->change);
  std::string org_id;
  {
    std::shared_lock lock(state_->mutex);
    org_id = org_of(state_->tables, row.kind, row.id);
  }
  if (org_id.empty()) return unknown(scope_kind_name(row.kind), row.id);
  const bool empty = row.rates == RateLimits() && row.budgets == BudgetCaps();
  TRY_VOID(state_->write(
      [&](db::Database& database) {
        if (!empty) return insert(database, row);
        return database.run("DELETE FROM limits WHERE kind = ? AND id = ? AND model = ?",
                            static_cast<int>(row.kind), row.id, row.model);
      },
      act(empty ? "rate_limit.deleted" : "rate_limit.updated", org_id, row.id, details_of(row),
          row.kind == ScopeKind::Project ? row.id : ""),
      by));
  std::unique_lock lock(state_->mutex);
  const LimitsKey key{row.kind, row.id, row.model};
  if (empty)
    state_->tables.limits.erase(key);
  else
    state_->tables.limits[key] = row;
  return {};
}

std::vector<ScopeLimits> Identity::limits(std::string_view org_id) const {
  std::shared_lock lock(state_->mutex);
  std::vector<ScopeLimits> rows;
  for (const auto& [key, row] : state_->tables.limits)
    if (org_of(state_->tables, row.kind, row.id) == org_id) rows.push_back(row);
  return rows;
}

std::optional<ScopeLimits> Identity::find_limits(ScopeKind kind, std::string_view id,
                                                 std::string_view model) const {
  std::shared_lock lock(state_->mutex);
  const auto found =
      state_->tables.limits.find(LimitsKey{kind, std::string(id), std::string(model)});
  if (found == state_->tables.limits.end()) return std::nullopt;
  return found->second;
}

std::shared_ptr<const EffectiveLimits> Identity::State::limits_of(const Caller& caller) const {
  if (tables.limits.empty()) return nullptr;
  auto effective = std::make_shared<EffectiveLimits>();
  const std::pair<ScopeKind, const std::string*> scopes[] = {
      {ScopeKind::Organisation, &caller.org_id},
      {ScopeKind::Project, &caller.project_id},
      {ScopeKind::User, &caller.user_id},
      {ScopeKind::Key, &caller.key_id}};
  for (const auto& [kind, id] : scopes) {
    if (id->empty()) continue;
    for (auto row = tables.limits.lower_bound({kind, *id, ""});
         row != tables.limits.end() && row->second.kind == kind && row->second.id == *id; ++row)
      effective->rows.push_back(row->second);
  }
  if (effective->rows.empty()) return nullptr;
  return effective;
}

std::shared_ptr<const EffectiveLimits> Identity::limits_of(const Caller& caller) const {
  std::shared_lock lock(state_->mutex);
  return state_->limits_of(caller);
}

}  // namespace identity
