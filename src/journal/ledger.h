// The durable ledger: hold the worst-case price before a request, settle the exact price after it,
// release what is left. A hold is decided at once, in memory, from the balance and every budget,
// and lives in memory alone: it ends with the process, as a crash should end it. Settlements are
// chained by digest and reach the disk in groups (journal/ledger_ahead.h), then ledger.db; one that
// was called durable is never lost. Every function may be called from any thread.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "crypto/sha256.h"
#include "journal/usage.h"
#include "money/amount.h"
#include "money/budget.h"
#include "money/ledger.h"

namespace journal {

using money::Amount;
using money::PriceQuote;

// A builder's part of a charge, pinned when the request is admitted.
struct BuilderShare {
  std::string builder;  // owner of 2100:BUILDER
  uint32_t bps = 0;
  uint32_t version = 0;
  friend bool operator==(const BuilderShare&, const BuilderShare&) = default;
};

struct HoldRequest {
  std::string account = {};     // the customer: "2000:org_…" (identity::Caller::account)
  std::string request_id = {};  // unique for ever; the same request id cannot hold or bill twice
  Amount amount = {};  // the worst case: money::cost(price, prompt tokens, max completion tokens)
  PriceQuote price = {};  // the version it is priced by, whatever changes meanwhile
  uint32_t epoch = 0;     // of the release that will answer
  std::optional<BuilderShare> share = {};
  money::Scopes scopes = {};                   // whose budgets it counts in; empty: nobody's
  std::vector<money::BudgetCap> budgets = {};  // checked and held in one step with the balance
};

struct Hold {
  HoldRequest request = {};  // its budgets apart, which have been checked
  base::Time at = {};
  money::Id id = 0;
};

struct LedgerOptions {
  uint32_t hold_timeout_s =
      3600;  // a hold that nobody settled or released by then is released by sweep()
  // While requests come fast, a group waits this long for more before it goes to the disk.
  base::Duration group_window = base::milliseconds(1);
};

class Ledger {
 public:
  // Called on the ledger's writer thread when the rows are on disk, or with the reason why they are
  // not (Code::Unavailable: they are kept and written as soon as the disk takes them; until then no
  // new hold is admitted).
  using Durable = std::function<void(const base::Status&)>;

  // Reads the tables of balances and budgets and the entries that were still on their way to them,
  // not the history. Errors: Corrupt (LEDGER_INDEX_DIFFERS, LEDGER_DAMAGED).
  static base::Result<std::unique_ptr<Ledger>> open(const std::string& path,
                                                    const base::Clock& clock,
                                                    const LedgerOptions& options = {});
  ~Ledger();

  // Errors: QuotaExceeded (insufficient_quota: the balance, or a budget, which the message names);
  // AlreadyExists (REQUEST_ALREADY_HELD); Unavailable (STORAGE_UNAVAILABLE).
  base::Result<Hold> hold(HoldRequest request, Durable durable = {});

  // Posts what the tokens cost by the price of the hold, and releases the rest; returns the charge
  // at once. Send the last byte of an answer after `durable` said yes. Repeating it with the same
  // counts changes nothing.
  base::Result<Amount> settle(const Hold& hold, const Usage& reported, Durable durable);
  base::Result<Amount> settle_and_wait(const Hold& hold, const Usage& usage);

  // Nothing was delivered: the whole hold is free again. Harmless on a hold that is resolved.
  void release(const Hold& hold, std::string_view reason, Durable durable = {});
  int64_t sweep();  // releases holds past their timeout; returns how many

  // What a request really used, found out after it was settled: the difference is charged or given
  // back as a row of its own, by the price of its hold; what the balance or one of `budgets` does
  // not cover is our loss. Returns the whole charge as it stands then. May wait for the disk.
  // Errors: NotFound (REQUEST_NOT_FOUND), FailedPrecondition (REQUEST_REFUNDED).
  base::Result<Amount> correct(std::string_view request_id, const Usage& truth,
                               std::string_view reason,
                               std::span<const money::BudgetCap> budgets = {},
                               Durable durable = {});

  // Gives all of a request's charge back, and takes it back from the builder and from revenue.
  // Twice is harmless. Returns, when durable, what was given back. Errors: NotFound
  // (REQUEST_NOT_FOUND).
  base::Result<Amount> refund(std::string_view request_id, std::string_view reason);

  // Money in: Dr 1000 cash, Cr the customer. The same deposit id counts once. Returns when durable.
  base::Status deposit(std::string_view account, Amount amount, std::string_view deposit_id,
                       std::string_view reason);

  Amount available(std::string_view account) const;  // what can still be held
  // The same, and no more than any of the budgets leaves.
  Amount available(std::string_view account, const money::Scopes& scopes,
                   std::span<const money::BudgetCap> budgets) const;
  // `id` is the scope's (money::id_of).
  money::BudgetUse budget_use(money::Scope scope, std::string_view id, money::Period period) const;
  money::Balances balances(std::string_view account) const;
  std::vector<money::AccountBalances> trial_balance() const;
  int64_t open_holds() const;

  // From disk, by a read-only connection, once it has everything that was settled before the call.
  base::Result<std::vector<UsageRow>> usage(const UsageQuery& query) const;
  base::Result<UsageTotals> usage_totals(const UsageQuery& query) const;
  base::Result<UsagePage> usage_buckets(const BucketQuery& query) const;

  // Reads every entry again, checks its digest, folds it, and compares with the balances and
  // budgets in memory, and with the tables.
  base::Status verify() const;
  // A copy of ledger.db with everything so far, which needs no write-ahead file to be opened.
  base::Status copy_to(const std::string& path) const;
  crypto::Digest root() const;  // digest of the last entry: names the whole history
  int64_t rows() const;
  base::Status health() const;  // why the disk takes no rows, if it does not
  void flush() const;           // waits until everything so far is written or refused

 private:
  struct State;
  explicit Ledger(std::unique_ptr<State> state);
  base::Status catch_up() const;  // until ledger.db has everything that was appended
  base::Result<Amount> adjust(std::string_view request_id, const Usage* truth,
                              std::string_view reason, std::span<const money::BudgetCap> budgets,
                              Durable durable);
  std::unique_ptr<State> state_;
};

// The account of an organisation: "2000:" + org_id.
std::string customer_account(std::string_view org_id);

// The same from a file, while another process may be using it.
base::Result<std::vector<UsageRow>> read_usage(const std::string& path, const UsageQuery& query);
base::Result<UsagePage> read_usage_buckets(const std::string& path, const BucketQuery& query,
                                           base::Time now);
base::Result<std::vector<money::AccountBalances>> read_balances(const std::string& path);

struct RebuildReport {
  int64_t transfers = 0;  // entries and, of an older schema, rows
  int64_t usage_rows = 0;
  int64_t accounts = 0;
  std::vector<std::string> differences =
      {};  // index rows that are not what the fold gives; empty: the same to the byte
  crypto::Digest root{};
};

// Makes the index tables of a ledger file again from its transfers. Takes the file's lock;
// Code::Corrupt when a digest fails. With `write` the index is replaced, without it only compared.
base::Result<RebuildReport> rebuild_ledger(const std::string& path, bool write);

}  // namespace journal
