#include "money/accounts.h"

#include <algorithm>

namespace money {
namespace {

constexpr AccountKind kChart[] = {
    {"1000", "cash"},
    {"1010", "processor receivable"},
    {"1020", "prepaid compute"},
    {"2000", "customer balance", true, true},
    {"2050", "metering clearing"},
    {"2100", "builder payable", true, true},
    {"2110", "builder holdback", true},
    {"2200", "vendor payable"},
    {"2210", "tax"},
    {"2300", "distribution payable", true},
    {"2310", "nonprofit payable"},
    {"2400", "refunds"},
    {"3000", "contributed capital", true},
    {"3100", "undistributed profit"},
    {"4000", "usage revenue"},
    {"5000", "compute"},
    {"5200", "fees"},
    {"5300", "metering loss"},
    {"8000", "cap contra"},
    {"8050", "cap", true, true},
    {"8100", "waterfall suspense"},
};

constexpr size_t kOwnerBytesMax = 128;

bool is_owner_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-' || c == '.';
}

}  // namespace

std::span<const AccountKind> chart_of_accounts() { return kChart; }

const AccountKind* find_kind(std::string_view account) {
  const size_t colon = account.find(':');
  const std::string_view code = account.substr(0, colon);
  const auto* kind = std::ranges::find(kChart, code, &AccountKind::code);
  if (kind == std::end(kChart)) return nullptr;
  if (kind->per_owner != (colon != std::string_view::npos)) return nullptr;
  if (!kind->per_owner) return kind;
  const std::string_view owner = account.substr(colon + 1);
  const bool good = !owner.empty() && owner.size() <= kOwnerBytesMax &&
                    std::ranges::all_of(owner, is_owner_letter);
  return good ? kind : nullptr;
}

std::string customer(std::string_view owner) { return "2000:" + std::string(owner); }
std::string builder(std::string_view owner) { return "2100:" + std::string(owner); }

}  // namespace money
