// The rows of ledger.db and their fold. `transfers` and `charges` are the history: appended, never
// changed, each row's digest covering the row and the digest before it. `accounts` is an index:
// what the fold of the history gives.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "crypto/sha256.h"
#include "db/database.h"
#include "journal/ledger.h"

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

std::span<const std::string_view> ledger_schema();

// SHA-256 of the previous digest and every field of the row.
crypto::Digest row_digest(const crypto::Digest& previous, const LedgerRow& row);

base::Status insert_row(db::Database& database, const LedgerRow& row);
base::Status write_account(db::Database& database,
                           const money::AccountBalances& account);  // all zero: removed
base::Result<std::vector<money::AccountBalances>> read_accounts(db::Database& database);  // by name

// Balances as a fold of rows, in their order.
class Fold {
 public:
  // `remember`: how many resolved transfers to keep by id; by default all, so that an id used twice
  // is found.
  explicit Fold(size_t remember = SIZE_MAX) : remember_(remember) {}
  base::Status add(LedgerRow row);  // Code::Corrupt, reason LEDGER_DAMAGED: a gap, a wrong digest,
                                    // an impossible transfer
  base::Status finish();            // Code::Corrupt when the last chain is cut off

  money::Ledger books;
  crypto::Digest digest{};
  int64_t rows = 0;
  int64_t charges = 0;
  base::Time last_at;

 private:
  size_t remember_;
  std::vector<money::Transfer> chain_;
};

// Folds every row of the file. `visit` is called after each whole chain.
base::Status fold_rows(db::Database& database, Fold* fold,
                       const std::function<void(const Fold&)>& visit = {});

// The differences between an index and what the fold gives, one line each.
std::vector<std::string> compare_accounts(std::span<const money::AccountBalances> index,
                                          std::span<const money::AccountBalances> fold);

}  // namespace journal
