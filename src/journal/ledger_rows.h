// The rows of a ledger.db of schema version 1, which wrote every transfer of a request: they are
// read for ever, and never written. `transfers` and `charges` are history like the entries that
// follow them, each row's digest covering the row and the digest before it.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "crypto/sha256.h"
#include "db/database.h"
#include "journal/ledger_entry.h"

namespace journal {

// Tokens and price behind a charge; travels with the transfer that posts it.
struct Metered {
  Usage usage = {};
  PriceQuote price = {};
};

struct LedgerRow {
  int64_t seq = 0;  // 1, 2, 3, ... without a gap
  money::Transfer transfer = {};
  std::string reason = {};
  std::optional<Metered> metered = {};
  crypto::Digest digest{};
};

// SHA-256 of the previous digest and every field of the row.
crypto::Digest row_digest(const crypto::Digest& previous, const LedgerRow& row);

// Folds rows of version 1, in their order.
class RowFold {
 public:
  using Visit = std::function<base::Status(const Entry&)>;

  // Every row of the file, checked; Code::Corrupt, reason LEDGER_DAMAGED: a gap, a wrong digest, an
  // impossible transfer, a chain without its end. `visit` gets each charge and deposit as the entry
  // that it would be.
  base::Status run(db::Database& database, const Visit& visit);

  money::Ledger books;
  crypto::Digest digest{};
  int64_t rows = 0;
  base::Time last_at;

 private:
  base::Status add(LedgerRow row, const Visit& visit);
  base::Status visit_chain(const Visit& visit) const;
  std::vector<LedgerRow> chain_;
};

// "row 7 of the ledger ..."; Code::Corrupt, reason LEDGER_DAMAGED.
std::unexpected<base::Error> ledger_damaged(int64_t seq, std::string_view what);

}  // namespace journal
