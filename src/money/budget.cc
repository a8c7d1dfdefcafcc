#include "money/budget.h"

#include <algorithm>
#include <chrono>

#include "base/check.h"

namespace money {
namespace {

constexpr int64_t kDayNs = int64_t{86'400} * 1'000'000'000;
constexpr std::string_view kScopeNames[kScopes] = {
    "organization", "project", "user", "key", "model", "project_model", "user_model", "key_model"};
constexpr std::string_view kPeriodNames[kPeriods] = {"day", "month", "total"};

using Days = std::chrono::sys_days;

Days day_of(base::Time at) {
  return std::chrono::floor<std::chrono::days>(
      std::chrono::sys_time<std::chrono::nanoseconds>(std::chrono::nanoseconds(at.ns)));
}

base::Time time_of(Days day) { return {int64_t{day.time_since_epoch().count()} * kDayNs}; }

// The index of `name` among `names`, or -1.
int index_of(std::span<const std::string_view> names, std::string_view name) {
  const auto found = std::ranges::find(names, name);
  return found == names.end() ? -1 : static_cast<int>(found - names.begin());
}

Amount saturating_add(Amount a, Amount b) { return checked_add(a, b).value_or(Amount::max()); }
Amount floor_sub(Amount a, Amount b) { return checked_sub(a, b).value_or(Amount{}); }

Amount room_of(const BudgetCap& cap, const BudgetUse& use) {
  return floor_sub(cap.cap, saturating_add(use.spent, use.held));
}

size_t index(Scope scope) { return static_cast<size_t>(scope); }
size_t index(Period period) { return static_cast<size_t>(period); }

}  // namespace

std::string_view scope_name(Scope scope) { return kScopeNames[index(scope)]; }
std::string_view period_name(Period period) { return kPeriodNames[index(period)]; }

base::Result<Scope> scope_from(std::string_view name) {
  const int found = index_of(kScopeNames, name);
  if (found < 0)
    return base::fail(
        base::Code::InvalidArgument,
        "a scope is organization, project, user, key, model, project_model, user_model or "
        "key_model",
        std::string(name), "BAD_SCOPE");
  return static_cast<Scope>(found);
}

Scope with_model(Scope scope) {
  const size_t place = index(scope);
  return place < index(Scope::Model) ? static_cast<Scope>(place + index(Scope::Model)) : scope;
}

std::string_view id_of(const Scopes& scopes, Scope scope, std::string* buffer) {
  const std::string* const owners[] = {&scopes.org_id, &scopes.project_id, &scopes.user_id,
                                       &scopes.key_id};
  const std::string& owner = *owners[index(scope) % std::size(owners)];
  if (scope < Scope::Model) return owner;
  if (owner.empty() || scopes.model.empty()) return {};
  buffer->assign(owner).append("/").append(scopes.model);
  return *buffer;
}

std::string describe(Scope scope, std::string_view id) {
  if (scope < Scope::Model) return std::string(scope_name(scope)) + " " + std::string(id);
  const size_t slash = std::min(id.find('/'), id.size());
  const auto owner = static_cast<Scope>(index(scope) - index(Scope::Model));
  return "model " + std::string(id.substr(std::min(slash + 1, id.size()))) + " of " +
         describe(owner, id.substr(0, slash));
}

base::Result<Period> period_from(std::string_view name) {
  const int found = index_of(kPeriodNames, name);
  if (found < 0)
    return base::fail(base::Code::InvalidArgument, "a period is day, month or total",
                      std::string(name), "BAD_PERIOD");
  return static_cast<Period>(found);
}

base::Time period_start(Period period, base::Time at) {
  if (period == Period::Total) return {};
  if (period == Period::Day) return time_of(day_of(at));
  const std::chrono::year_month_day date(day_of(at));
  return time_of(Days(date.year() / date.month() / 1));
}

std::optional<base::Time> period_end(Period period, base::Time at) {
  if (period == Period::Total) return std::nullopt;
  if (period == Period::Day) return period_start(period, at) + base::Duration{kDayNs};
  const std::chrono::year_month_day date(day_of(at));
  return time_of(Days((date.year() / date.month() + std::chrono::months(1)) / 1));
}

base::Error BudgetRefusal::error() const {
  std::string message = "You exceeded your current quota: the budget of " + describe(cap.scope, id);
  message += cap.period == Period::Total ? " is $"
                                         : " per " + std::string(period_name(cap.period)) + " is $";
  message += cap.cap.in_usd() + ", of which $" + use.spent.in_usd() + " is spent and $" +
             use.held.in_usd() + " is held for requests under way; this request may cost up to $" +
             asked.in_usd() + ". ";
  message += resets ? "It starts again at " + base::rfc3339(*resets) +
                          "; until then ask for fewer tokens, or raise the budget."
                    : std::string("Ask for fewer tokens, or raise the budget.");
  return {base::Code::QuotaExceeded,
          std::move(message),
          "insufficient_quota",
          std::string(scope_name(cap.scope)) + ":" + id,
          {}};
}

const Budgets::Counter* Budgets::find(Scope scope, std::string_view id) const {
  const Counters& counters = counters_[index(scope)];
  const auto found = counters.find(id);
  return found == counters.end() ? nullptr : &found->second;
}

template <class Visit>
void Budgets::visit(const Scopes& scopes, Visit visit) {
  std::string buffer;
  for (size_t i = 0; i < kScopes; ++i) {
    const auto scope = static_cast<Scope>(i);
    const std::string_view id = id_of(scopes, scope, &buffer);
    if (id.empty()) continue;
    auto found = counters_[i].find(id);
    if (found == counters_[i].end()) found = counters_[i].emplace(std::string(id), Counter{}).first;
    visit(scope, found->first, found->second);
  }
}

BudgetUse Budgets::use_of(const Counter& counter, Period period, base::Time now) {
  const base::Time start = period_start(period, now);
  // A sum of a later period than `now` counts still: time does not run back for money.
  const bool ended = (period == Period::Day && counter.day < start) ||
                     (period == Period::Month && counter.month < start);
  return {ended ? Amount{} : counter.spent[index(period)], counter.held};
}

std::optional<BudgetRefusal> Budgets::hold(const Scopes& scopes, std::span<const BudgetCap> caps,
                                           Amount amount, base::Time now) {
  const BudgetCap* least = nullptr;
  BudgetUse least_use;
  std::string buffer;
  for (const BudgetCap& cap : caps) {
    const std::string_view id = id_of(scopes, cap.scope, &buffer);
    if (id.empty()) continue;
    const Counter* counter = find(cap.scope, id);
    const BudgetUse use = counter == nullptr ? BudgetUse{} : use_of(*counter, cap.period, now);
    if (room_of(cap, use) >= amount) continue;
    if (least != nullptr && room_of(*least, least_use) <= room_of(cap, use)) continue;
    least = &cap;
    least_use = use;
  }
  if (least != nullptr)
    return BudgetRefusal{*least, std::string(id_of(scopes, least->scope, &buffer)), least_use,
                         amount, period_end(least->period, now)};
  visit(scopes, [&](Scope, const std::string&, Counter& counter) {
    const auto held = checked_add(counter.held, amount);
    CHECK(held);  // the balances that cover the holds fit 128 bits
    counter.held = *held;
  });
  return std::nullopt;
}

void Budgets::release(const Scopes& scopes, Amount held) {
  visit(scopes, [&](Scope, const std::string&, Counter& counter) {
    const auto rest = checked_sub(counter.held, held);
    CHECK(rest);
    counter.held = *rest;
  });
}

void Budgets::spend(const Scopes& scopes, Amount amount, base::Time at) {
  const base::Time day = period_start(Period::Day, at);
  const base::Time month = period_start(Period::Month, at);
  visit(scopes, [&](Scope scope, const std::string& id, Counter& counter) {
    const auto add = [&](Period period) {
      Amount& spent = counter.spent[index(period)];
      spent = saturating_add(spent, amount);
    };
    const auto add_in = [&](Period period, base::Time start, base::Time* current) {
      if (*current < start) {
        *current = start;
        counter.spent[index(period)] = {};
      }
      if (*current == start) add(period);
    };
    add_in(Period::Day, day, &counter.day);
    add_in(Period::Month, month, &counter.month);
    add(Period::Total);
    if (!counter.changed) changed_.emplace_back(scope, id);
    counter.changed = true;
  });
}

void Budgets::give_back(const Scopes& scopes, Amount amount, base::Time spent_at) {
  const base::Time day = period_start(Period::Day, spent_at);
  const base::Time month = period_start(Period::Month, spent_at);
  visit(scopes, [&](Scope scope, const std::string& id, Counter& counter) {
    const auto take = [&](Period period) {
      Amount& spent = counter.spent[index(period)];
      spent = floor_sub(spent, amount);
    };
    if (counter.day == day) take(Period::Day);
    if (counter.month == month) take(Period::Month);
    take(Period::Total);
    if (!counter.changed) changed_.emplace_back(scope, id);
    counter.changed = true;
  });
}

Amount Budgets::room(const Scopes& scopes, std::span<const BudgetCap> caps, base::Time now) const {
  Amount least = Amount::max();
  std::string buffer;
  for (const BudgetCap& cap : caps) {
    const std::string_view id = id_of(scopes, cap.scope, &buffer);
    if (!id.empty()) least = std::min(least, room_of(cap, use(cap.scope, id, cap.period, now)));
  }
  return least;
}

BudgetUse Budgets::use(Scope scope, std::string_view id, Period period, base::Time now) const {
  const Counter* counter = find(scope, id);
  return counter == nullptr ? BudgetUse{} : use_of(*counter, period, now);
}

BudgetRow Budgets::row_of(Scope scope, const std::string& id, const Counter& counter) const {
  return {scope, id, counter.day, counter.month, counter.spent};
}

std::vector<BudgetRow> Budgets::rows() const {
  std::vector<BudgetRow> rows;
  for (size_t i = 0; i < kScopes; ++i)
    for (const auto& [id, counter] : counters_[i])
      if (counter.day != base::Time{}) rows.push_back(row_of(static_cast<Scope>(i), id, counter));
  std::ranges::sort(rows, [](const BudgetRow& a, const BudgetRow& b) {
    return std::tie(a.scope, a.id) < std::tie(b.scope, b.id);
  });
  return rows;
}

std::vector<BudgetRow> Budgets::take_changed() {
  std::vector<BudgetRow> rows;
  rows.reserve(changed_.size());
  for (const auto& [scope, id] : changed_) {
    Counter& counter = counters_[index(scope)].find(id)->second;
    counter.changed = false;
    rows.push_back(row_of(scope, id, counter));
  }
  changed_.clear();
  return rows;
}

void Budgets::restore(BudgetRow row) {
  Counter& counter = counters_[index(row.scope)][std::move(row.id)];
  counter.day = row.day;
  counter.month = row.month;
  counter.spent = row.spent;
}

}  // namespace money
