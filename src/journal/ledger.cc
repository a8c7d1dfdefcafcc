#include "journal/ledger.h"

#include <algorithm>
#include <future>

#include "base/check.h"
#include "base/log.h"
#include "journal/ledger_state.h"
#include "money/accounts.h"

namespace journal {
namespace {

using base::Code;
using money::Transfer;
using money::TransferResult;

constexpr size_t kTransfersRemembered = 1'024;
constexpr size_t kRequestsRemembered = 16'384;
constexpr int64_t kRequestsLoaded = 2'048;
constexpr size_t kRequestIdBytesMax = 128;
// ledger.db may be so many entries behind before new work is refused.
constexpr int64_t kBehindMax = 500'000;

base::Status check_request(const HoldRequest& request) {
  const money::AccountKind* kind = money::find_kind(request.account);
  if (kind == nullptr || kind->code != "2000")
    return base::fail(Code::InvalidArgument,
                      "only a customer's account (\"2000:…\") can pay for a request",
                      request.account, "BAD_ACCOUNT");
  if (request.request_id.empty() || request.request_id.size() > kRequestIdBytesMax)
    return base::fail(Code::InvalidArgument, "a request id has 1 to 128 bytes", "request_id",
                      "BAD_REQUEST_ID");
  constexpr uint64_t kPriceMax = INT64_MAX;
  if (request.price.in_micro_per_million > kPriceMax ||
      request.price.out_micro_per_million > kPriceMax)
    return base::fail(Code::InvalidArgument,
                      "a price is at most 2^63-1 micro-dollars per million tokens", "price",
                      "BAD_PRICE");
  if (request.share && (request.share->bps > 10'000 ||
                        money::find_kind(money::builder(request.share->builder)) == nullptr))
    return base::fail(Code::InvalidArgument,
                      "a builder's share names a builder and at most 10,000 basis points", "share",
                      "BAD_SHARE");
  return {};
}

std::unexpected<base::Error> refused(TransferResult result, std::string_view request_id) {
  return base::fail(Code::FailedPrecondition,
                    "the ledger refuses the transfer: " + std::string(money::result_name(result)),
                    std::string(request_id), std::string(money::result_name(result)));
}

Transfer pending_for(const HoldRequest& request, money::Id id, base::Time at) {
  return {.id = id,
          .debit = request.account,
          .credit = std::string(money::kClearing),
          .amount = request.amount,
          .code = money::TransferCode::Reserve,
          .flags = money::kPending,
          .user_data = {request.request_id, request.epoch, request.price.version,
                        request.share ? request.share->version : 0},
          .at = at};
}

Entry charge_of(const Hold& hold, Usage usage, Amount charge, base::Time at) {
  const HoldRequest& request = hold.request;
  Entry entry;
  entry.at = at;
  entry.name = request.request_id;
  entry.account = request.account;
  entry.amount = charge;
  entry.held = request.amount;
  entry.held_at = hold.at;
  entry.price = request.price;
  entry.epoch = request.epoch;
  if (request.share) entry.share = *request.share;
  entry.usage = std::move(usage);
  return entry;
}

}  // namespace

std::string customer_account(std::string_view org_id) { return money::customer(org_id); }

Ledger::State::State(const base::Clock& the_clock, const LedgerOptions& the_options,
                     std::string path, db::Database the_database, AheadFiles the_ahead,
                     Folded folded)
    : clock(the_clock),
      options(the_options),
      readers(std::move(path)),
      ahead(std::move(the_ahead)),
      database(std::move(the_database)) {
  books.open_with(folded.balances());
  budgets = folded.budgets;
  last_at = folded.last_at;
  digest = folded.digest;
  rows = durable_seq = indexed_seq = safe_seq = folded.rows;
  ahead.safe_through(rows);
  tables.emplace(&database, std::move(folded));
  writer = std::thread([this] { write_loop(); });
  indexer = std::thread([this] { index_loop(); });
}

Ledger::State::~State() {
  {
    std::lock_guard lock(mutex);
    stopping = true;
  }
  write_wake.notify_one();
  writer.join();
  indexer.join();
  if (safe_seq == rows) ahead.forget();
}

base::Time Ledger::State::now() {
  last_at = std::max(last_at, clock.now());
  return last_at;
}

base::Status Ledger::State::health() const { return write_health ? index_health : write_health; }

TransferResult Ledger::State::append(Entry entry, std::span<const Transfer> transfers) {
  for (const TransferResult result : books.apply(transfers))
    if (result != TransferResult::Ok && result != TransferResult::LinkedEventFailed) return result;
  books.retire(kTransfersRemembered);
  entry.seq = rows + 1;
  if (group.count == 0) {
    group.first_seq = entry.seq;
    group.previous = digest;
  }
  encoded.clear();
  append_encoded(entry, &encoded);
  digest = entry_digest(digest, encoded);
  rows = entry.seq;
  append_record(encoded, digest, &group);
  return TransferResult::Ok;
}

void Ledger::State::release(money::Id id, const OpenHold& hold) {
  const Transfer freed{.id = id + 1,
                       .pending_id = id,
                       .code = money::TransferCode::Release,
                       .flags = money::kVoid,
                       .at = last_at};
  CHECK(books.apply({&freed, 1})[0] == TransferResult::Ok);
  books.retire(kTransfersRemembered);
  budgets.release(hold.request.scopes, hold.request.amount);
  open.erase(id);
  remember(id, {});
}

void Ledger::State::remember(money::Id id, const Ended& what) {
  ended.insert_or_assign(id, what);
  ended_order.push_back(id);
  if (ended_order.size() <= kRequestsRemembered) return;
  ended.erase(ended_order.front());
  ended_order.pop_front();
}

void Ledger::State::when_durable(Durable durable) {
  if (durable) waiting.push_back(std::move(durable));
}

void Ledger::State::poke() {
  poked_write = poked_index = true;
  write_wake.notify_one();
  index_wake.notify_one();
}

Ledger::Ledger(std::unique_ptr<State> state) : state_(std::move(state)) {}
Ledger::~Ledger() { flush(); }

namespace {

// What was on its way to ledger.db when the last process ended.
base::Result<Folded> replay(db::Database& database, AheadFiles* ahead, Folded folded) {
  TRY(const auto records, ahead->recover(folded.rows + 1));
  if (!records.empty() && records.front().previous != folded.digest)
    return base::fail(Code::Corrupt,
                      "the write-ahead files are of another ledger; restore ledger.db and its "
                      ".ahead files from one backup, or move the .ahead files away when the "
                      "backup has none",
                      database.path(), "LEDGER_DAMAGED");
  IndexWriter tables(&database, std::move(folded));
  if (!records.empty()) {
    TRY_VOID(database.begin());
    const auto add_all = [&]() -> base::Status {
      for (const AheadRecord& record : records) {
        TRY(Entry entry, decode_entry(record.encoded));
        entry.digest = record.digest;
        TRY_VOID(tables.add(entry));
      }
      return tables.finish();
    };
    if (base::Status added = add_all(); !added) {
      database.rollback();
      return std::unexpected(added.error());
    }
    TRY_VOID(database.commit());
    TRY_VOID(database.checkpoint());
    base::log(base::Level::Info, "ledger entries recovered",
              {{"entries", static_cast<int64_t>(records.size())}});
  }
  ahead->reset();
  return tables.folded();
}

struct Recent {
  std::string request;
  int64_t seq = 0;
  Amount charge = {};
};

// The last requests that were charged, oldest first.
base::Result<std::vector<Recent>> recent_requests(db::Database& database) {
  TRY(db::Statement rows,
      database.query("SELECT name, seq, amount FROM (SELECT name, seq, amount, kind FROM entries "
                     "ORDER BY seq DESC LIMIT ?) WHERE kind = 1 ORDER BY seq",
                     kRequestsLoaded));
  std::vector<Recent> recent;
  for (;;) {
    TRY(const bool more, rows.step());
    if (!more) return recent;
    Recent& one = recent.emplace_back(Recent{rows.text(0), rows.integer(1)});
    TRY(one.charge, read_amount(rows, 2));
  }
}

}  // namespace

base::Result<std::unique_ptr<Ledger>> Ledger::open(const std::string& path,
                                                   const base::Clock& clock,
                                                   const LedgerOptions& options) {
  TRY(db::Database database, db::Database::open(path, {.sync = db::Sync::Normal}));
  TRY_VOID(database.migrate(ledger_schema()));
  TRY(Folded folded, load_or_make_tables(database));
  TRY(AheadFiles ahead, AheadFiles::open(path));
  TRY(folded, replay(database, &ahead, std::move(folded)));
  TRY(const auto recent, recent_requests(database));
  std::unique_ptr<Ledger> ledger(new Ledger(std::make_unique<State>(
      clock, options, path, std::move(database), std::move(ahead), std::move(folded))));
  std::lock_guard lock(ledger->state_->mutex);
  for (const Recent& one : recent)
    ledger->state_->remember(request_id_of(one.request), {one.seq, one.charge});
  return ledger;
}

base::Result<Hold> Ledger::hold(HoldRequest request, Durable durable) {
  TRY_VOID(check_request(request));
  const money::Id id = request_id_of(request.request_id);
  const State::Wake wake(*state_);
  std::lock_guard lock(state_->mutex);
  State& s = *state_;
  if (const base::Status health = s.health(); !health) {
    s.poke();  // perhaps the disk takes writes again; then the next request finds it well
    return std::unexpected(health.error());
  }
  if (s.rows - s.indexed_seq > kBehindMax)
    return base::fail(Code::Unavailable, "the ledger is behind; try again later", {},
                      "server_is_overloaded");
  if (s.open.contains(id) || s.ended.contains(id))
    return base::fail(Code::AlreadyExists,
                      "a request with this id was already admitted; use a new id",
                      request.request_id, "REQUEST_ALREADY_HELD");
  const Amount available = s.books.available(request.account);
  if (available < request.amount)
    return base::fail(Code::QuotaExceeded,
                      "You exceeded your current quota: the balance is $" + available.in_usd() +
                          " and this request may cost up to $" + request.amount.in_usd() +
                          "; add money, or ask for fewer tokens",
                      request.account, "insufficient_quota");
  const base::Time at = s.now();
  if (auto over = s.budgets.hold(request.scopes, request.budgets, request.amount, at))
    return std::unexpected(over->error());
  const Transfer pending = pending_for(request, id, at);
  if (const TransferResult result = s.books.apply({&pending, 1})[0]; result != TransferResult::Ok) {
    s.budgets.release(request.scopes, request.amount);
    return refused(result, request.request_id);
  }
  s.books.retire(kTransfersRemembered);
  request.budgets.clear();
  s.open.emplace(id, State::OpenHold{request, at});
  s.when_durable(std::move(durable));
  return Hold{std::move(request), at, id};
}

base::Result<Amount> Ledger::settle(const Hold& hold, const Usage& reported, Durable durable) {
  const HoldRequest& request = hold.request;
  // A provider may report more cached tokens than it read: the request is charged all the same.
  Usage usage = reported;
  usage.cached_tokens =
      std::clamp<int64_t>(usage.cached_tokens, 0, std::max<int64_t>(0, usage.prompt_tokens));
  TRY(const Amount charge, money::cost(request.price, usage.prompt_tokens, usage.completion_tokens,
                                       usage.cached_tokens));
  const money::Id id = hold.id != 0 ? hold.id : request_id_of(request.request_id);
  const State::Wake wake(*state_);
  std::lock_guard lock(state_->mutex);
  State& s = *state_;
  const auto open = s.open.find(id);
  if (open == s.open.end()) {
    const auto ended = s.ended.find(id);
    if (ended == s.ended.end())
      return base::fail(Code::NotFound, "there is no hold for this request", request.request_id,
                        "HOLD_NOT_FOUND");
    if (ended->second.seq == 0)
      return base::fail(Code::FailedPrecondition,
                        "the hold of this request was released; nothing is charged",
                        request.request_id, "HOLD_RELEASED");
    if (ended->second.charge != charge)
      return base::fail(Code::AlreadyExists,
                        "this request was already charged, with another amount", request.request_id,
                        "REQUEST_ALREADY_SETTLED");
    s.when_durable(std::move(durable));
    return charge;
  }
  const money::Scopes scopes = scopes_of(usage);
  Entry entry = charge_of(hold, std::move(usage), charge, s.now());
  const Parts parts = parts_of(entry);
  const std::vector<Transfer> transfers = transfers_of(entry, id);
  if (const TransferResult result = s.append(std::move(entry), transfers);
      result != TransferResult::Ok)
    return refused(result, request.request_id);
  s.budgets.release(open->second.request.scopes, open->second.request.amount);
  s.budgets.spend(scopes, parts.customer, s.last_at);
  s.open.erase(open);
  s.remember(id, {s.rows, charge});
  s.when_durable(std::move(durable));
  if (!parts.loss.is_zero())
    base::log(base::Level::Error, "charge exceeds its hold",
              {{"request", request.request_id}, {"excess_pico", parts.loss.decimal()}});
  return charge;
}

base::Result<Amount> Ledger::settle_and_wait(const Hold& hold, const Usage& usage) {
  std::promise<base::Status> done;
  TRY(const Amount charge,
      settle(hold, usage, [&done](const base::Status& status) { done.set_value(status); }));
  TRY_VOID(done.get_future().get());
  return charge;
}

void Ledger::release(const Hold& hold, std::string_view reason, Durable durable) {
  const money::Id id = hold.id != 0 ? hold.id : request_id_of(hold.request.request_id);
  const State::Wake wake(*state_);
  std::lock_guard lock(state_->mutex);
  if (const auto open = state_->open.find(id); open != state_->open.end()) {
    state_->now();
    state_->release(id, open->second);
    base::log(base::Level::Debug, "hold released",
              {{"request", hold.request.request_id}, {"reason", std::string(reason)}});
  }
  state_->when_durable(std::move(durable));
}

int64_t Ledger::sweep() {
  std::lock_guard lock(state_->mutex);
  const base::Time now = state_->now();
  std::vector<money::Id> expired;
  for (const auto& [id, hold] : state_->open)
    if ((now - hold.at).ns >= base::seconds(state_->options.hold_timeout_s).ns)
      expired.push_back(id);
  for (const money::Id id : expired) {
    const State::OpenHold& hold = state_->open.find(id)->second;
    base::log(base::Level::Warn, "hold expired", {{"request", hold.request.request_id}});
    state_->release(id, hold);
  }
  return static_cast<int64_t>(expired.size());
}

base::Status Ledger::deposit(std::string_view account, Amount amount, std::string_view deposit_id,
                             std::string_view reason) {
  const money::AccountKind* kind = money::find_kind(account);
  if (kind == nullptr || kind->code != "2000")
    return base::fail(Code::InvalidArgument,
                      "money is deposited to a customer's account (\"2000:…\")",
                      std::string(account), "BAD_ACCOUNT");
  const std::lock_guard one_at_a_time(state_->deposits);
  TRY_VOID(catch_up());
  bool exists = false;
  TRY_VOID(state_->readers.read([&](db::Database& database) -> base::Status {
    TRY(db::Statement rows,
        database.query("SELECT amount, account FROM entries e JOIN dimensions d ON d.id = "
                       "e.dimensions WHERE e.kind = 2 AND name = ?",
                       deposit_id));
    TRY(exists, rows.step());
    if (exists && rows.text(0) != amount.decimal())
      return refused(TransferResult::ExistsWithDifferentAmount, deposit_id);
    if (exists && rows.text(1) != account)
      return refused(TransferResult::ExistsWithDifferentCreditAccount, deposit_id);
    return {};
  }));
  if (exists) return {};
  std::promise<base::Status> done;
  {
    const State::Wake wake(*state_);
    std::lock_guard lock(state_->mutex);
    Entry entry;
    entry.kind = EntryKind::Deposit;
    entry.at = state_->now();
    entry.name = deposit_id;
    entry.account = account;
    entry.amount = amount;
    entry.reason = reason;
    const std::vector<Transfer> transfers = transfers_of(entry);
    if (const TransferResult result = state_->append(std::move(entry), transfers);
        result != TransferResult::Ok)
      return refused(result, deposit_id);
    state_->when_durable([&done](const base::Status& status) { done.set_value(status); });
  }
  return done.get_future().get();
}

Amount Ledger::available(std::string_view account) const {
  std::lock_guard lock(state_->mutex);
  return state_->books.available(account);
}

Amount Ledger::available(std::string_view account, const money::Scopes& scopes,
                         std::span<const money::BudgetCap> caps) const {
  std::lock_guard lock(state_->mutex);
  return std::min(state_->books.available(account),
                  state_->budgets.room(scopes, caps, state_->now()));
}

money::BudgetUse Ledger::budget_use(money::Scope scope, std::string_view id,
                                    money::Period period) const {
  std::lock_guard lock(state_->mutex);
  return state_->budgets.use(scope, id, period, state_->now());
}

money::Balances Ledger::balances(std::string_view account) const {
  std::lock_guard lock(state_->mutex);
  return state_->books.balances(account);
}

std::vector<money::AccountBalances> Ledger::trial_balance() const {
  std::lock_guard lock(state_->mutex);
  return state_->books.trial_balance();
}

int64_t Ledger::open_holds() const {
  std::lock_guard lock(state_->mutex);
  return static_cast<int64_t>(state_->open.size());
}

crypto::Digest Ledger::root() const {
  std::lock_guard lock(state_->mutex);
  return state_->digest;
}

int64_t Ledger::rows() const {
  std::lock_guard lock(state_->mutex);
  return state_->rows;
}

base::Status Ledger::health() const {
  std::lock_guard lock(state_->mutex);
  return state_->health();
}

void Ledger::flush() const {
  std::unique_lock lock(state_->mutex);
  State& s = *state_;
  const int64_t target = s.rows;
  // A try under way may be failing: what counts is one that begins after this.
  const int64_t write_tries = s.write_tries + 2;
  const int64_t index_tries = s.index_tries + 2;
  ++s.urgent;
  s.poke();
  s.progress.wait(lock, [&] {
    if (s.indexed_seq >= target && s.waiting.empty() && !s.delivering) return true;
    const bool refused_writing = !s.write_health && s.write_tries >= write_tries;
    const bool refused_index = !s.index_health && s.index_tries >= index_tries;
    if (!refused_writing && !refused_index) s.poke();
    return refused_writing || refused_index;
  });
  --s.urgent;
}

base::Status Ledger::catch_up() const {
  flush();
  std::lock_guard lock(state_->mutex);
  return state_->health();
}

}  // namespace journal
