// The check of a whole ledger, and its tables made again.
#include <algorithm>

#include "journal/ledger_state.h"

namespace journal {
namespace {

using base::Code;

// At an entry that is in the past by the time the file is read.
struct Moment {
  int64_t rows = 0;
  crypto::Digest digest{};
  std::vector<money::AccountBalances> accounts;
  std::vector<money::BudgetRow> budgets;
};

// Without what is held, of which the disk knows nothing.
std::vector<money::AccountBalances> posted(std::vector<money::AccountBalances> accounts) {
  for (auto& account : accounts)
    account.balances.debits_pending = account.balances.credits_pending = {};
  std::erase_if(accounts,
                [](const auto& account) { return account.balances == money::Balances{}; });
  return accounts;
}

std::unexpected<base::Error> differs(const std::string& what) {
  return base::fail(
      Code::Corrupt,
      "the ledger does not add up: " + what + "; stop, keep the file, and run `charter rebuild`",
      "ledger.db", "LEDGER_DIFFERS");
}

// Every line in which the tables differ from the fold.
base::Result<std::vector<std::string>> compare_tables(db::Database& database,
                                                      const FullFold& fold) {
  TRY(const auto accounts, read_accounts(database));
  TRY(const auto budgets, read_budgets(database));
  TRY(const Hours hours, read_hours(database));
  std::vector<std::string> lines = compare_accounts(accounts, fold.folded.balances());
  std::ranges::move(compare_budgets(budgets, fold.folded.budgets.rows()),
                    std::back_inserter(lines));
  std::ranges::move(compare_hours(hours, fold.hours), std::back_inserter(lines));
  return lines;
}

base::Status compare_with_file(db::Database& database, const Moment& memory) {
  std::optional<Moment> seen;
  if (memory.rows == 0) seen.emplace();
  FullFold fold;
  TRY_VOID(fold.run(database, [&](const FullFold& now) {
    if (now.folded.rows == memory.rows)
      seen = Moment{now.folded.rows, now.folded.digest, now.folded.balances(),
                    now.folded.budgets.rows()};
  }));
  if (!seen) return differs("entry " + std::to_string(memory.rows) + " is not on the disk");
  if (seen->digest != memory.digest)
    return differs("entry " + std::to_string(memory.rows) + " is not the one that was written");
  if (const auto found = compare_accounts(memory.accounts, seen->accounts); !found.empty())
    return differs(found[0]);
  if (const auto found = compare_budgets(memory.budgets, seen->budgets); !found.empty())
    return differs(found[0]);
  TRY(const auto found, compare_tables(database, fold));
  if (!found.empty()) return differs(found[0]);
  // Two ways to the same balances: by the transfers of every entry, and by what each one moves.
  if (const auto by_books = compare_accounts(fold.folded.balances(), fold.books.trial_balance());
      !by_books.empty())
    return differs(by_books[0]);
  if (!fold.books.is_balanced()) return differs("debits and credits are not equal");
  return {};
}

}  // namespace

base::Status Ledger::verify() const {
  Moment memory;
  {
    std::lock_guard lock(state_->mutex);
    memory = {state_->rows, state_->digest, posted(state_->books.trial_balance()),
              state_->budgets.rows()};
  }
  TRY_VOID(catch_up());
  return state_->readers.read(
      [&](db::Database& database) { return compare_with_file(database, memory); });
}

base::Status Ledger::copy_to(const std::string& path) const {
  TRY_VOID(catch_up());
  return state_->readers.read([&](db::Database& database) { return database.copy_to(path); });
}

base::Result<std::vector<money::AccountBalances>> read_balances(const std::string& path) {
  TRY(db::Database database, db::Database::open_readonly(path));
  return read_accounts(database);
}

base::Result<RebuildReport> rebuild_ledger(const std::string& path, bool write) {
  TRY(db::Database database, db::Database::open(path, {.sync = db::Sync::Full}));
  TRY_VOID(database.migrate(ledger_schema()));
  TRY_VOID(database.check_integrity());
  const auto tables = read_folded(database);
  if (tables && !*tables) TRY_VOID(make_tables_again(database));  // of an older schema
  FullFold fold;
  TRY_VOID(fold.run(database));
  RebuildReport report{.transfers = fold.folded.rows,
                       .usage_rows = fold.folded.charges,
                       .accounts = static_cast<int64_t>(fold.folded.balances().size()),
                       .root = fold.folded.digest};
  TRY(report.differences, compare_tables(database, fold));
  if (!tables && report.differences.empty())
    report.differences.push_back("state: " + tables.error().message);
  if (write) TRY_VOID(make_tables_again(database));
  return report;
}

}  // namespace journal
