#include "journal/ledger_fold.h"

#include <algorithm>

namespace journal {
namespace {

constexpr size_t kTransfersRemembered = 65'536;

// Entries from `seq` on, each with the id of its dimensions in the last column.
base::Result<db::Statement> select_entries(db::Database& database, int64_t seq) {
  return database.query("SELECT " + std::string(kEntryColumns) + ", e.dimensions" +
                            std::string(kEntryTables) + "WHERE e.seq >= ? ORDER BY e.seq",
                        seq);
}

constexpr int kDimensionsColumn = 36;

}  // namespace

// Rows of version 1 are history; their copies among the entries must say the same.
base::Status FullFold::add_old(db::Database& database) {
  RowFold old;
  TRY_VOID(old.run(database, [&](const Entry& entry) -> base::Status {
    TRY(db::Statement rows, select_entries(database, entry.seq));
    TRY(const bool there, rows.step());
    if (!there) return ledger_damaged(entry.seq, "has no copy among the entries");
    TRY(const Entry copy, read_entry(rows));
    if (copy != entry) return ledger_damaged(entry.seq, "differs from its copy among the entries");
    if (!counts_as_usage(entry.kind)) return {};
    ++folded.charges;
    folded.budgets.spend(scopes_of(entry.usage), parts_of(entry).customer, entry.at);
    hours[{hour_of(entry.at).ns, rows.integer(kDimensionsColumn)}].add(sums_of(entry));
    return {};
  }));
  old_rows = folded.rows = old.rows;
  folded.digest = old.digest;
  folded.last_at = old.last_at;
  for (auto& account : old.books.trial_balance())
    folded.accounts.emplace(std::move(account.account), account.balances);
  books = std::move(old.books);
  return {};
}

base::Status FullFold::add(const Entry& entry, int64_t dimensions) {
  if (entry.seq != folded.rows + 1) return ledger_damaged(folded.rows + 1, "is missing");
  if (entry_digest(folded.digest, entry) != entry.digest)
    return ledger_damaged(entry.seq, "was changed: its digest does not fit");
  std::vector<money::Transfer> chain = transfers_of(entry);
  if (entry.kind == EntryKind::Charge) {
    const money::Transfer pending = pending_of(entry);
    chain.insert(chain.begin(), pending);
    chain.front().flags |= money::kLinked;
  }
  for (const money::TransferResult result : books.apply(chain))
    if (result != money::TransferResult::Ok)
      return ledger_damaged(
          entry.seq, "cannot have happened (" + std::string(money::result_name(result)) + ")");
  books.retire(kTransfersRemembered);
  folded.add(entry);
  if (counts_as_usage(entry.kind))
    hours[{hour_of(counted_at(entry)).ns, dimensions}].add(sums_of(entry));
  return {};
}

base::Status FullFold::run(db::Database& database,
                           const std::function<void(const FullFold&)>& visit) {
  TRY_VOID(add_old(database));
  if (visit) visit(*this);
  TRY(db::Statement rows, select_entries(database, old_rows + 1));
  for (;;) {
    TRY(const bool more, rows.step());
    if (!more) return {};
    auto entry = read_entry(rows);
    if (!entry)
      return ledger_damaged(folded.rows + 1, "cannot be read (" + entry.error().message + ")");
    TRY_VOID(add(*entry, rows.integer(kDimensionsColumn)));
    if (visit) visit(*this);
  }
}

namespace {

// Charges and deposits of version 1 once more, where those who read look for them.
base::Status copy_old_rows(db::Database& database) {
  TRY_VOID(
      database.run("DELETE FROM entries WHERE seq <= (SELECT coalesce(max(seq), 0) FROM "
                   "transfers)"));
  IndexWriter copies(&database, {});
  RowFold old;
  return old.run(database, [&](const Entry& entry) { return copies.insert(entry); });
}

// Inside a transaction.
base::Status make_tables(db::Database& database) {
  TRY_VOID(copy_old_rows(database));
  FullFold fold;
  TRY_VOID(fold.run(database));
  IndexWriter tables(&database, std::move(fold.folded));
  // Holds that a program of schema version 1 wrote down and left, in the middle of their request.
  for (const money::Id id : fold.books.open_pending()) {
    const money::Transfer& pending = fold.books.find(id)->transfer;
    Entry release;
    release.seq = tables.folded().rows + 1;
    release.kind = EntryKind::Release;
    release.at = tables.folded().last_at;
    release.name = pending.user_data.request;
    release.account = pending.debit;
    release.held = pending.amount;
    release.reason = "released at restart";
    release.digest = entry_digest(tables.folded().digest, release);
    TRY_VOID(tables.add(release));
  }
  return tables.write_all(fold.hours);
}

}  // namespace

base::Status make_tables_again(db::Database& database) {
  TRY_VOID(database.begin());
  if (base::Status made = make_tables(database); !made) {
    database.rollback();
    return made;
  }
  return database.commit();
}

base::Result<Folded> load_or_make_tables(db::Database& database) {
  TRY(auto folded, read_folded(database));
  if (folded) return std::move(*folded);
  TRY_VOID(make_tables_again(database));
  TRY(folded, read_folded(database));
  return std::move(*folded);
}

}  // namespace journal
