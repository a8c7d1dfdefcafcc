// What is read back from ledger.db: usage, the check of the whole file, and the index made again.
#include <algorithm>

#include "journal/ledger_state.h"

namespace journal {
namespace {

using base::Code;

constexpr int64_t kUsageRowsMax = 1000;

// One text for every filter: an empty value lets everything pass.
constexpr std::string_view kUsageWhere =
    " FROM charges c JOIN transfers t ON t.seq = c.seq WHERE (?1 = '' OR org = ?1) AND (?2 = '' OR "
    "project = ?2)"
    " AND (?3 = '' OR user = ?3) AND (?4 = '' OR key = ?4) AND (?5 = '' OR model = ?5) AND at >= "
    "?6 AND at < ?7"
    " AND c.seq < ?8 ORDER BY c.seq DESC LIMIT ?9";

base::Result<db::Statement> select_usage(db::Database& database, std::string_view columns,
                                         const UsageQuery& query, int64_t limit) {
  return database.query("SELECT " + std::string(columns) + std::string(kUsageWhere), query.org_id,
                        query.project_id, query.user_id, query.key_id, query.model, query.from.ns,
                        query.to.ns, query.before_seq, limit);
}

base::Result<std::vector<UsageRow>> select_rows(db::Database& database, const UsageQuery& query) {
  TRY(db::Statement s, select_usage(database,
                                    "c.seq, request, org, project, user, key, model, release, "
                                    "prompt_tokens, completion_tokens, price_in,"
                                    " price_out, price_version, amount, at",
                                    query, std::clamp<int64_t>(query.limit, 0, kUsageRowsMax)));
  std::vector<UsageRow> rows;
  for (;;) {
    TRY(const bool more, s.step());
    if (!more) return rows;
    UsageRow row{
        .seq = s.integer(0),
        .request_id = s.text(1),
        .usage = {.org_id = s.text(2),
                  .project_id = s.text(3),
                  .user_id = s.text(4),
                  .key_id = s.text(5),
                  .model = s.text(6),
                  .release_id = s.text(7),
                  .prompt_tokens = s.integer(8),
                  .completion_tokens = s.integer(9)},
        .price = {static_cast<uint64_t>(s.integer(10)), static_cast<uint64_t>(s.integer(11)),
                  static_cast<uint32_t>(s.integer(12))},
        .at = {s.integer(14)}};
    TRY(row.amount, money::parse_decimal(s.text(13)));
    rows.push_back(std::move(row));
  }
}

base::Result<Amount> add(Amount a, Amount b) {
  const auto sum = money::checked_add(a, b);
  if (!sum)
    return base::fail(Code::TooLarge, "the sum does not fit; ask for a shorter time", "usage",
                      "AMOUNT_OVERFLOW");
  return *sum;
}

// At a seq that is in the past by the time the file is read.
struct Moment {
  int64_t rows = 0;
  crypto::Digest digest{};
  std::vector<money::AccountBalances> accounts;
};

std::unexpected<base::Error> differs(const std::string& what) {
  return base::fail(
      Code::Corrupt,
      "the ledger does not add up: " + what + "; stop, keep the file, and run `charter rebuild`",
      "ledger.db", "LEDGER_DIFFERS");
}

base::Status compare_with_file(db::Database& database, const Moment& memory) {
  std::optional<Moment> seen;
  if (memory.rows == 0) seen.emplace();
  Fold fold;
  TRY_VOID(fold_rows(database, &fold, [&](const Fold& now) {
    if (now.rows == memory.rows) seen = Moment{now.rows, now.digest, now.books.trial_balance()};
  }));
  if (!seen) return differs("row " + std::to_string(memory.rows) + " is not on the disk");
  if (seen->digest != memory.digest)
    return differs("row " + std::to_string(memory.rows) + " is not the one that was written");
  if (const auto found = compare_accounts(memory.accounts, seen->accounts); !found.empty())
    return differs(found[0]);
  TRY(const auto index, read_accounts(database));
  if (const auto found = compare_accounts(index, fold.books.trial_balance()); !found.empty())
    return differs(found[0]);
  if (!fold.books.is_balanced()) return differs("debits and credits are not equal");
  return {};
}

}  // namespace

base::Result<std::vector<UsageRow>> Ledger::usage(const UsageQuery& query) const {
  std::vector<UsageRow> rows;
  TRY_VOID(state_->readers.read([&](db::Database& database) -> base::Status {
    TRY(rows, select_rows(database, query));
    return {};
  }));
  return rows;
}

base::Result<std::vector<UsageRow>> read_usage(const std::string& path, const UsageQuery& query) {
  TRY(db::Database database, db::Database::open_readonly(path));
  return select_rows(database, query);
}

base::Result<std::vector<money::AccountBalances>> read_balances(const std::string& path) {
  TRY(db::Database database, db::Database::open_readonly(path));
  return read_accounts(database);
}

base::Result<UsageTotals> Ledger::usage_totals(const UsageQuery& query) const {
  UsageTotals totals;
  TRY_VOID(state_->readers.read([&](db::Database& database) -> base::Status {
    TRY(db::Statement s,
        select_usage(database, "prompt_tokens, completion_tokens, amount", query, INT64_MAX));
    for (;;) {
      TRY(const bool more, s.step());
      if (!more) return {};
      TRY(const Amount amount, money::parse_decimal(s.text(2)));
      totals.requests += 1;
      totals.prompt_tokens += s.integer(0);
      totals.completion_tokens += s.integer(1);
      TRY(totals.amount, add(totals.amount, amount));
    }
  }));
  return totals;
}

base::Status Ledger::verify() const {
  Moment memory;
  {
    std::lock_guard lock(state_->mutex);
    memory = {state_->rows, state_->digest, state_->books.trial_balance()};
    state_->start_flush();
  }
  state_->writer->drain();
  return state_->readers.read(
      [&](db::Database& database) { return compare_with_file(database, memory); });
}

base::Result<RebuildReport> rebuild_ledger(const std::string& path, bool write) {
  TRY(db::Database database, db::Database::open(path, {.sync = db::Sync::Full}));
  TRY_VOID(database.migrate(ledger_schema()));
  TRY_VOID(database.check_integrity());
  Fold fold;
  TRY_VOID(fold_rows(database, &fold));
  TRY(const auto index, read_accounts(database));
  const auto truth = fold.books.trial_balance();
  RebuildReport report{.transfers = fold.rows,
                       .usage_rows = fold.charges,
                       .accounts = static_cast<int64_t>(truth.size()),
                       .differences = compare_accounts(index, truth),
                       .root = fold.digest};
  if (!write) return report;
  TRY_VOID(database.begin());
  base::Status done = database.run("DELETE FROM accounts");
  for (const auto& account : truth)
    if (done) done = write_account(database, account);
  if (!done) {
    database.rollback();
    return std::unexpected(done.error());
  }
  TRY_VOID(database.commit());
  return report;
}

}  // namespace journal
