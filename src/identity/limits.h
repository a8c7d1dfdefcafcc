// What a caller may use: rates and budgets by organisation, project, user, key and model. Set by
// administrators, kept in identity.db, and handed to the gateway with every authenticated caller.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "money/amount.h"

namespace identity {

enum class ScopeKind : unsigned char { Organisation, Project, User, Key };
std::string_view scope_kind_name(ScopeKind kind);  // "organization" "project" "user" "key"
base::Result<ScopeKind> parse_scope_kind(std::string_view name);

// Absent: not limited. Zero is a limit: nothing passes.
struct RateLimits {
  std::optional<int64_t> requests_per_minute = {};
  std::optional<int64_t> tokens_per_minute = {};
  std::optional<int64_t> requests_per_day = {};
  std::optional<int64_t> tokens_per_day = {};
  friend bool operator==(const RateLimits&, const RateLimits&) = default;
};

// Days and months are those of UTC.
struct BudgetCaps {
  std::optional<money::Amount> per_day = {};
  std::optional<money::Amount> per_month = {};
  std::optional<money::Amount> total = {};
  friend bool operator==(const BudgetCaps&, const BudgetCaps&) = default;
};

// One row that an administrator sets. With a model it counts that model's requests only; a request
// must pass every row that fits it.
struct ScopeLimits {
  ScopeKind kind = ScopeKind::Organisation;
  std::string id = {};     // "org_…", "proj_…", "user_…", "key_…"
  std::string model = {};  // a channel; empty: all together
  RateLimits rates = {};
  BudgetCaps budgets = {};
  friend bool operator==(const ScopeLimits&, const ScopeLimits&) = default;
};

// All rows that one caller is under: organisation, project, user, key; within each, all models
// first. An organisation's and a project's numbers are shared by everybody in it.
struct EffectiveLimits {
  std::vector<ScopeLimits> rows = {};
};

}  // namespace identity
