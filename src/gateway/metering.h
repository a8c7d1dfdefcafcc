// The money and the rates of one request: taken before any work, settled or given back after it.
// The worst case is held in one step over the balance and every budget; the rates of all scopes are
// taken together or not at all.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "gateway/generation.h"
#include "gateway/limits.h"
#include "identity/identity.h"
#include "journal/ledger.h"

namespace gateway {

struct MeteringHouse {
  journal::Ledger& ledger;
  Limits& limits;
  const base::Clock& clock;
};

class Metering {
 public:
  Metering(const MeteringHouse& house, const identity::Caller& caller, std::string model,
           std::string request_id);

  // What the caller's balance and budgets still pay for; of the most that can be held now.
  money::Amount available() const;
  // The least that a cap on tokens lets pass at once; none: no such cap.
  std::optional<int64_t> tokens_cap() const;

  // Takes a request and `tokens` from the rates. RateLimited (rate_limit_exceeded). `admission` is
  // filled either way; it may be null.
  base::Status take_rates(int64_t tokens, Admission* admission);
  // QuotaExceeded (insufficient_quota), Unavailable (STORAGE_UNAVAILABLE). After a refusal the
  // rates are as they were taken: drop() gives them back.
  base::Status hold(money::Amount worst, const money::PriceQuote& price, uint32_t epoch);
  // Nothing was done: everything goes back.
  void drop(std::string_view reason, journal::Ledger::Durable durable = {});
  // Charges what was used, by `price`, which costs no more than was held. A model that is not
  // metered has held nothing, and nothing is charged or written.
  base::Result<money::Amount> settle(journal::Usage usage, const money::PriceQuote& price,
                                     journal::Ledger::Durable durable);

 private:
  void read_limits();

  const MeteringHouse& house_;
  const identity::Caller& caller_;
  const std::string model_, request_id_;
  const money::Scopes scopes_;
  std::vector<RateCap> rates_;
  std::vector<money::BudgetCap> budgets_;
  std::optional<int64_t> tokens_taken_;
  std::optional<journal::Hold> hold_;
};

}  // namespace gateway
