// ledger.db: the entries, with the words and prices they share kept once, and the tables that
// follow from them (balances, budgets, sums by hour, and how far they go). Rows of schema version 1
// stay as they were written; their charges and deposits are copied among the entries for those who
// read.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "db/database.h"
#include "journal/ledger_entry.h"
#include "money/budget.h"

namespace journal {

// Sums that may go below zero on their way.
struct Sums {
  int64_t requests = 0, prompt_tokens = 0, completion_tokens = 0;
  int64_t cached_tokens = 0, reasoning_tokens = 0, units = 0;
  __int128 amount = 0;
  void add(const Sums& other);
  friend bool operator==(const Sums&, const Sums&) = default;
};
Sums sums_of(const Entry& entry);  // none for a deposit or a release
UsageTotals totals_of(const Sums& sums);
base::Time hour_of(base::Time at);

// What the entries lead to: the fold of all of them, as the tables have it.
struct Folded {
  int64_t rows = 0;
  int64_t charges = 0;
  crypto::Digest digest{};
  base::Time last_at = {};
  std::map<std::string, money::Balances, std::less<>> accounts;
  money::Budgets budgets;

  void add(const Entry& entry);                          // CHECKs that it is the next one
  std::vector<money::AccountBalances> balances() const;  // by name, zeros left out
};

using Hours = std::map<std::pair<int64_t, int64_t>, Sums>;  // by hour (ns) and dimensions

// Writes entries and the tables that follow from them. One thread; every call inside a transaction
// of the caller. When that is undone, the writer is of no use any more: begin anew from
// read_folded.
class IndexWriter {
 public:
  IndexWriter(db::Database* database, Folded folded);
  const Folded& folded() const { return folded_; }

  base::Status add(const Entry& entry);  // the row, and what follows from it
  base::Status finish();                 // the tables that follow, for all that was added
  base::Status insert(const Entry& entry, int64_t* dimensions = nullptr);  // the row alone
  base::Status write_all(const Hours& hours);  // every table that follows, made again

 private:
  struct Named {  // a table of words that entries share
    std::string_view select, insert;
    std::unordered_map<std::string, int64_t> known = {};
  };
  template <class... Columns>
  base::Result<int64_t> id_in(Named* table, const Columns&... columns);
  base::Status write_account(const std::string& name, const money::Balances& balances);
  base::Status write_budget(const money::BudgetRow& row);
  base::Status add_hour(int64_t hour, int64_t dimensions, const Sums& sums);
  base::Status write_state();
  void checksum(std::string key, std::string_view row);

  db::Database* database_;
  Folded folded_;
  Hours hours_;                    // to be added
  std::set<std::string> touched_;  // accounts
  Named dimensions_, terms_;
  // Of the rows of balances and budgets: a sum that no change to a row leaves as it was.
  std::unordered_map<std::string, money::Uint128> row_checksums_;
  money::Uint128 checksum_ = 0;
};

// Reads rows of `entries` in the order of their columns.
inline constexpr std::string_view kEntryColumns =
    "e.seq, e.kind, e.at, e.name, e.amount, e.given_back, e.held, e.held_ns, e.of, "
    "e.prompt_tokens, e.completion_tokens, e.cached_tokens, e.reasoning_tokens, e.units, e.parts, "
    "e.reason, e.digest, d.account, d.org, d.project, d.user, d.key, d.model, d.release, "
    "d.upstream, d.kind, d.batch, d.continued, t.price_in, t.price_out, t.price_cached, "
    "t.price_version, t.epoch, t.builder, t.bps, t.split_version";
inline constexpr std::string_view kEntryTables =
    " FROM entries e JOIN dimensions d ON d.id = e.dimensions JOIN terms t ON t.id = e.terms ";
base::Result<Entry> read_entry(const db::Statement& row, int first = 0);
// Code::Corrupt when the column is no amount.
base::Result<Amount> read_amount(const db::Statement& row, int column);
// Seven columns of `hours`, from `first` on.
base::Result<Sums> read_sums(const db::Statement& row, int first);

// The tables as they stand, and the entry they go to. Empty when they were never made. Refuses
// (Code::Corrupt, LEDGER_INDEX_DIFFERS) when they are not what was written.
base::Result<std::optional<Folded>> read_folded(db::Database& database);
base::Result<std::vector<money::AccountBalances>> read_accounts(db::Database& database);  // by name
base::Result<std::vector<money::BudgetRow>> read_budgets(db::Database& database);
base::Result<Hours> read_hours(db::Database& database);

// The differences between tables and what the fold gives, one line each.
std::vector<std::string> compare_accounts(std::span<const money::AccountBalances> index,
                                          std::span<const money::AccountBalances> fold);
std::vector<std::string> compare_budgets(std::span<const money::BudgetRow> index,
                                         std::span<const money::BudgetRow> fold);
std::vector<std::string> compare_hours(const Hours& index, const Hours& fold);

}  // namespace journal
