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
using money::TransferCode;
using money::TransferResult;

constexpr size_t kTransfersRemembered = 65'536;
constexpr size_t kRequestIdBytesMax = 128;
constexpr std::string_view kReleasedAtRestart = "released at restart";

// Ids follow from what they are for, so that doing the same thing twice is the same transfer.
money::Id id_for(std::string_view purpose, std::string_view name) {
  const crypto::Digest digest =
      crypto::Sha256().update(purpose).update(std::string_view(":")).update(name).finish();
  money::Id id = 0;
  for (size_t i = 0; i < 16; ++i) id = (id << 8) | digest[i];
  return id;
}

Transfer void_of(const Transfer& pending, base::Time at) {
  return {.id = id_for("void", pending.user_data.request),
          .debit = pending.debit,
          .credit = pending.credit,
          .pending_id = pending.id,
          .code = TransferCode::Release,
          .flags = money::kVoid,
          .user_data = pending.user_data,
          .at = std::max(at, pending.at)};
}

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

}  // namespace

std::string customer_account(std::string_view org_id) { return money::customer(org_id); }

base::Time Ledger::State::now() {
  last_at = std::max(last_at, clock.now());
  return last_at;
}

TransferResult Ledger::State::append(std::vector<Entry> chain) {
  std::vector<Transfer> transfers;
  transfers.reserve(chain.size());
  for (const Entry& entry : chain) transfers.push_back(entry.transfer);
  for (size_t i = 0; i + 1 < transfers.size(); ++i) transfers[i].flags |= money::kLinked;
  for (const TransferResult result : books.apply(transfers))
    if (result != TransferResult::Ok && result != TransferResult::LinkedEventFailed) return result;

  for (size_t i = 0; i < chain.size(); ++i) {
    LedgerRow row{.seq = rows + 1,
                  .transfer = std::move(transfers[i]),
                  .reason = std::move(chain[i].reason),
                  .metered = std::move(chain[i].metered)};
    row.digest = row_digest(digest, row);
    digest = row.digest;
    rows = row.seq;
    dirty.insert(row.transfer.debit);
    dirty.insert(row.transfer.credit);
    queue.push_back(std::move(row));
  }
  books.retire(kTransfersRemembered);
  return TransferResult::Ok;
}

void Ledger::State::when_durable(Durable durable) {
  if (durable) waiting.push_back({rows, std::move(durable)});
  start_flush();
}

void Ledger::State::start_flush() {
  if (flushing || (queue.empty() && writing.empty() && waiting.empty())) return;
  flushing = true;
  writer->submit([this](db::Database& database) { return write_queue(database); },
                 [this](const base::Status& status) { finish_flush(status); });
}

base::Status Ledger::State::write_queue(db::Database& database) {
  {
    std::lock_guard lock(mutex);
    std::ranges::move(queue, std::back_inserter(writing));
    queue.clear();
    // The books stand exactly after the last row taken, so their balances are what these rows lead
    // to.
    writing_accounts.clear();
    for (const std::string& name : dirty) writing_accounts.push_back({name, books.balances(name)});
  }
  for (const LedgerRow& row : writing) TRY_VOID(insert_row(database, row));
  for (const auto& account : writing_accounts) TRY_VOID(write_account(database, account));
  return {};
}

void Ledger::State::finish_flush(const base::Status& status) {
  std::vector<Waiting> ready;
  {
    std::lock_guard lock(mutex);
    flushing = false;
    if (status) {
      const int64_t durable_rows =
          writing.empty() ? rows - static_cast<int64_t>(queue.size()) : writing.back().seq;
      const auto rest =
          std::ranges::partition(waiting, [&](const Waiting& w) { return w.seq > durable_rows; });
      ready.assign(std::make_move_iterator(rest.begin()), std::make_move_iterator(rest.end()));
      waiting.erase(rest.begin(), rest.end());
      // An account that moved while the disk worked is behind again.
      for (const auto& account : writing_accounts)
        if (books.balances(account.account) == account.balances) dirty.erase(account.account);
      writing.clear();
      start_flush();
    } else {
      if (health)
        base::log(base::Level::Error, "ledger cannot write", {{"error", status.error().text()}});
      ready.swap(
          waiting);  // the rows stay in `writing`, and go first when the disk takes them again
    }
    health = status;
  }
  std::ranges::sort(ready, {}, &Waiting::seq);
  for (const Waiting& entry : ready) entry.durable(status);
}

Ledger::Ledger(std::unique_ptr<State> state) : state_(std::move(state)) {}
Ledger::~Ledger() { flush(); }

base::Result<std::unique_ptr<Ledger>> Ledger::open(const std::string& path,
                                                   const base::Clock& clock,
                                                   const LedgerOptions& options) {
  TRY(db::Database database, db::Database::open(path, {.sync = db::Sync::Full}));
  TRY_VOID(database.migrate(ledger_schema()));
  Fold fold(kTransfersRemembered);
  TRY_VOID(fold_rows(database, &fold));
  TRY(const auto index, read_accounts(database));
  if (const auto differences = compare_accounts(index, fold.books.trial_balance());
      !differences.empty())
    return base::fail(Code::Corrupt,
                      "the ledger's balances are not what its transfers give (" + differences[0] +
                          "); run `charter rebuild` to look and to mend",
                      path, "LEDGER_INDEX_DIFFERS");

  auto state = std::make_unique<State>(clock, options, path);
  state->books = std::move(fold.books);
  state->last_at = fold.last_at;
  state->digest = fold.digest;
  state->rows = fold.rows;
  state->writer = std::make_unique<db::Writer>(std::move(database));
  std::unique_ptr<Ledger> ledger(new Ledger(std::move(state)));
  TRY_VOID(ledger->release_all_open());
  return ledger;
}

base::Status Ledger::release_all_open() {
  std::promise<base::Status> done;
  int64_t released = 0;
  {
    std::lock_guard lock(state_->mutex);
    for (const money::Id id : state_->books.open_pending()) {
      const Transfer pending = state_->books.find(id)->transfer;
      const auto result =
          state_->append({{void_of(pending, state_->now()), std::string(kReleasedAtRestart)}});
      CHECK(result == TransferResult::Ok);
      ++released;
    }
    state_->when_durable([&done](const base::Status& status) { done.set_value(status); });
  }
  TRY_VOID(done.get_future().get());
  if (released > 0)
    base::log(base::Level::Info, "holds released at restart", {{"holds", released}});
  return {};
}

base::Result<Hold> Ledger::hold(HoldRequest request, Durable durable) {
  TRY_VOID(check_request(request));
  std::lock_guard lock(state_->mutex);
  if (!state_->health) {
    state_->start_flush();  // perhaps the disk takes writes again; then the next request finds it
                            // well
    return std::unexpected(state_->health.error());
  }
  const money::Id id = id_for("hold", request.request_id);
  if (state_->books.find(id) != nullptr)
    return base::fail(Code::AlreadyExists,
                      "a request with this id was already admitted; use a new id",
                      request.request_id, "REQUEST_ALREADY_HELD");
  const Amount available = state_->books.available(request.account);
  if (available < request.amount)
    return base::fail(Code::QuotaExceeded,
                      "the balance is $" + available.in_usd() +
                          " and this request may cost up to $" + request.amount.in_usd() +
                          "; add money, or ask for fewer tokens",
                      request.account, "insufficient_quota");
  const base::Time at = state_->now();
  const TransferResult result = state_->append(
      {{.transfer = {.id = id,
                     .debit = request.account,
                     .credit = std::string(money::kClearing),
                     .amount = request.amount,
                     .timeout_s = state_->options.hold_timeout_s,
                     .code = TransferCode::Reserve,
                     .flags = money::kPending,
                     .user_data = {request.request_id, request.epoch, request.price.version,
                                   request.share ? request.share->version : 0},
                     .at = at}}});
  if (result != TransferResult::Ok) return refused(result, request.request_id);
  state_->when_durable(std::move(durable));
  return Hold{std::move(request), at};
}

namespace {

struct Parts {
  Amount posted;  // from the hold
  Amount excess;  // beyond it; cannot be, and is our loss if it is
  Amount builder;
  Amount revenue;
};

Parts divide(const HoldRequest& request, Amount charge) {
  Parts parts;
  parts.posted = std::min(charge, request.amount);
  parts.excess = *money::checked_sub(charge, parts.posted);
  if (request.share) parts.builder = money::share_floor(charge, request.share->bps);
  parts.revenue = *money::checked_sub(charge, parts.builder);
  return parts;
}

}  // namespace

base::Result<Amount> Ledger::settle(const Hold& hold, const Usage& usage, Durable durable) {
  const HoldRequest& request = hold.request;
  TRY(const Amount charge,
      money::cost(request.price, usage.prompt_tokens, usage.completion_tokens));
  const Parts parts = divide(request, charge);
  std::lock_guard lock(state_->mutex);
  const money::Id hold_id = id_for("hold", request.request_id);
  const auto* stored = state_->books.find(hold_id);
  if (stored == nullptr)
    return base::fail(Code::NotFound, "there is no hold for this request", request.request_id,
                      "HOLD_NOT_FOUND");
  const money::Id post_id = id_for("post", request.request_id);
  if (stored->state == money::Ledger::PendingState::Posted) {
    const auto* posted = state_->books.find(post_id);
    if (posted == nullptr || posted->transfer.amount != parts.posted)
      return base::fail(Code::AlreadyExists,
                        "this request was already charged, with another amount", request.request_id,
                        "REQUEST_ALREADY_SETTLED");
    state_->when_durable(std::move(durable));
    return charge;
  }
  if (stored->state != money::Ledger::PendingState::Open)
    return base::fail(Code::FailedPrecondition,
                      "the hold of this request was released; nothing is charged",
                      request.request_id, "HOLD_RELEASED");

  const money::UserData user_data = stored->transfer.user_data;
  const base::Time at = state_->now();
  const auto move = [&](std::string_view purpose, TransferCode code, std::string_view debit,
                        std::string_view credit, Amount amount) {
    return State::Entry{.transfer = {.id = id_for(purpose, request.request_id),
                                     .debit = std::string(debit),
                                     .credit = std::string(credit),
                                     .amount = amount,
                                     .code = code,
                                     .user_data = user_data,
                                     .at = at}};
  };
  std::vector<State::Entry> chain;
  chain.push_back({.transfer = {.id = post_id,
                                .debit = request.account,
                                .credit = std::string(money::kClearing),
                                .amount = parts.posted,
                                .pending_id = hold_id,
                                .code = TransferCode::Charge,
                                .flags = money::kPost,
                                .user_data = user_data,
                                .at = at},
                   .metered = Metered{usage, request.price}});
  if (!parts.excess.is_zero())
    chain.push_back(move("loss", TransferCode::MeteringLoss, money::kMeteringLoss, money::kClearing,
                         parts.excess));
  if (!parts.builder.is_zero())
    chain.push_back(move("builder", TransferCode::BuilderShare, money::kClearing,
                         money::builder(request.share->builder), parts.builder));
  if (!parts.revenue.is_zero())
    chain.push_back(
        move("revenue", TransferCode::Revenue, money::kClearing, money::kRevenue, parts.revenue));
  if (const TransferResult result = state_->append(std::move(chain)); result != TransferResult::Ok)
    return refused(result, request.request_id);
  if (!parts.excess.is_zero())
    base::log(base::Level::Error, "charge exceeds its hold",
              {{"request", request.request_id}, {"excess_pico", parts.excess.decimal()}});
  state_->when_durable(std::move(durable));
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
  std::lock_guard lock(state_->mutex);
  const auto* stored = state_->books.find(id_for("hold", hold.request.request_id));
  if (stored != nullptr && stored->state == money::Ledger::PendingState::Open) {
    const Transfer pending = stored->transfer;
    CHECK(state_->append({{void_of(pending, state_->now()), std::string(reason)}}) ==
          TransferResult::Ok);
  }
  state_->when_durable(std::move(durable));
}

int64_t Ledger::sweep() {
  std::lock_guard lock(state_->mutex);
  const auto expired = state_->books.expired_pending(state_->now());
  for (const money::Id id : expired) {
    const Transfer pending = state_->books.find(id)->transfer;
    CHECK(state_->append({{void_of(pending, state_->now()), "expired"}}) == TransferResult::Ok);
    base::log(base::Level::Warn, "hold expired", {{"request", pending.user_data.request}});
  }
  state_->start_flush();
  return static_cast<int64_t>(expired.size());
}

base::Status Ledger::deposit(std::string_view account, Amount amount, std::string_view deposit_id,
                             std::string_view reason) {
  std::promise<base::Status> done;
  {
    std::lock_guard lock(state_->mutex);
    const money::AccountKind* kind = money::find_kind(account);
    if (kind == nullptr || kind->code != "2000")
      return base::fail(Code::InvalidArgument,
                        "money is deposited to a customer's account (\"2000:…\")",
                        std::string(account), "BAD_ACCOUNT");
    const TransferResult result =
        state_->append({{.transfer = {.id = id_for("deposit", deposit_id),
                                      .debit = std::string(money::kCash),
                                      .credit = std::string(account),
                                      .amount = amount,
                                      .code = TransferCode::Deposit,
                                      .user_data = {.request = std::string(deposit_id)},
                                      .at = state_->now()},
                         .reason = std::string(reason)}});
    if (result != TransferResult::Ok && result != TransferResult::Exists)
      return refused(result, deposit_id);
    state_->when_durable([&done](const base::Status& status) { done.set_value(status); });
  }
  return done.get_future().get();
}

Amount Ledger::available(std::string_view account) const {
  std::lock_guard lock(state_->mutex);
  return state_->books.available(account);
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
  return static_cast<int64_t>(state_->books.open_count());
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
  return state_->health;
}

void Ledger::flush() {
  state_->writer->drain();  // an attempt under way may be failing: what follows is one of our own
  {
    std::lock_guard lock(state_->mutex);
    state_->start_flush();
  }
  state_->writer->drain();
}

}  // namespace journal
