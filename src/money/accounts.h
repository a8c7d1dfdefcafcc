// The chart of accounts (GOVERNANCE 4.2): which codes there are, which of them belong to an owner
// ("2000:org_7"), and which may not be debited beyond what was credited to them.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace money {

struct AccountKind {
  std::string_view code;
  std::string_view name;
  bool per_owner = false;  // named CODE:OWNER
  bool debits_must_not_exceed_credits = false;
};

std::span<const AccountKind> chart_of_accounts();

// The kind of an account's name; null when the chart has no such code, or an owner is missing or
// too many. An owner is 1 to 128 letters, digits, '_', '-', '.'.
const AccountKind* find_kind(std::string_view account);

inline constexpr std::string_view kCash = "1000";
inline constexpr std::string_view kClearing = "2050";
inline constexpr std::string_view kRevenue = "4000";
inline constexpr std::string_view kMeteringLoss = "5300";
std::string customer(std::string_view owner);  // "2000:owner"
std::string builder(std::string_view owner);   // "2100:owner"

}  // namespace money
