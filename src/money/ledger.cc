#include "money/ledger.h"

#include <algorithm>

#include "base/check.h"
#include "money/accounts.h"

namespace money {
namespace {

using enum TransferResult;

constexpr uint16_t kKnownFlags = kLinked | kPending | kPost | kVoid;
constexpr int64_t kNsPerSecond = 1'000'000'000;

bool flags_are_valid(uint16_t flags) {
  if ((flags & ~kKnownFlags) != 0) return false;
  const int kinds = ((flags & kPending) != 0) + ((flags & kPost) != 0) + ((flags & kVoid) != 0);
  return kinds <= 1;
}

bool resolves(const Transfer& transfer) { return (transfer.flags & (kPost | kVoid)) != 0; }

// Failures that another moment might not have: the id is spent all the same, so that a caller who
// gave up on a transfer never sees it succeed later.
bool is_transient(TransferResult result) {
  return result == DebitAccountNotFound || result == CreditAccountNotFound ||
         result == PendingTransferNotFound || result == ExceedsCredits;
}

// A post or void may leave the accounts out: they are those of its pending transfer.
bool same_account(std::string_view sent, std::string_view stored, bool may_be_left_out) {
  return sent == stored || (may_be_left_out && sent.empty());
}

TransferResult compare_existing(const Transfer& sent, const Transfer& stored) {
  if (sent.flags != stored.flags) return ExistsWithDifferentFlags;
  if (sent.pending_id != stored.pending_id) return ExistsWithDifferentPendingId;
  if (sent.timeout_s != stored.timeout_s) return ExistsWithDifferentTimeout;
  if (!same_account(sent.debit, stored.debit, resolves(sent)))
    return ExistsWithDifferentDebitAccount;
  if (!same_account(sent.credit, stored.credit, resolves(sent)))
    return ExistsWithDifferentCreditAccount;
  if (sent.amount != stored.amount) return ExistsWithDifferentAmount;
  if (sent.user_data != stored.user_data) return ExistsWithDifferentUserData;
  if (sent.code != stored.code) return ExistsWithDifferentCode;
  return Exists;
}

bool sum_fits(Amount a, Amount b, Amount c) {
  const auto sum = checked_add(a, b);
  return sum && checked_add(*sum, c);
}

Amount must_add(Amount a, Amount b) {
  const auto sum = checked_add(a, b);
  CHECK(sum);
  return *sum;
}

Amount must_sub(Amount a, Amount b) {
  const auto difference = checked_sub(a, b);
  CHECK(difference);
  return *difference;
}

bool is_past_timeout(const Transfer& pending, base::Time now) {
  if (pending.timeout_s == 0) return false;
  return now.ns >= pending.at.ns &&
         now.ns - pending.at.ns >= int64_t{pending.timeout_s} * kNsPerSecond;
}

}  // namespace

void Ledger::open_with(std::span<const AccountBalances> balances) {
  CHECK(accounts_.empty());
  UndoLog undo;
  for (const AccountBalances& account : balances) {
    CHECK(account.balances.debits_pending.is_zero() && account.balances.credits_pending.is_zero());
    change(account.account, &undo) = account.balances;
  }
}

std::vector<TransferResult> Ledger::apply(std::span<const Transfer> transfers) {
  std::vector<TransferResult> results(transfers.size(), Ok);
  for (size_t begin = 0; begin < transfers.size();) {
    size_t end = begin;
    while (end < transfers.size() && (transfers[end].flags & kLinked) != 0) ++end;
    if (end == transfers.size()) {  // the last transfer links to one that is not there
      std::fill(results.begin() + static_cast<ptrdiff_t>(begin), results.end(), LinkedEventFailed);
      results.back() = LinkedEventChainOpen;
      break;
    }
    const size_t count = end + 1 - begin;
    apply_chain(transfers.subspan(begin, count), std::span(results).subspan(begin, count));
    begin = end + 1;
  }
  return results;
}

void Ledger::apply_chain(std::span<const Transfer> chain, std::span<TransferResult> results) {
  UndoLog undo;
  for (size_t i = 0; i < chain.size(); ++i) {
    results[i] = apply_one(chain[i], &undo);
    if (results[i] == Ok) continue;
    roll_back(undo);
    const TransferResult failure = results[i];
    std::ranges::fill(results, LinkedEventFailed);
    results[i] = failure;
    if (is_transient(failure)) failed_.insert(chain[i].id);
    return;
  }
}

TransferResult Ledger::apply_one(const Transfer& transfer, UndoLog* undo) {
  if (transfer.id == 0) return IdMustNotBeZero;
  if (!flags_are_valid(transfer.flags)) return FlagsAreMutuallyExclusive;
  if (const Stored* stored = find(transfer.id)) return compare_existing(transfer, stored->transfer);
  if (failed_.contains(transfer.id)) return IdAlreadyFailed;
  return resolves(transfer) ? resolve_pending(transfer, undo) : apply_plain(transfer, undo);
}

TransferResult Ledger::check_limits(const Transfer& transfer) const {
  const Balances debit = balances(transfer.debit);
  const Balances credit = balances(transfer.credit);
  if (!sum_fits(debit.debits_pending, debit.debits_posted, transfer.amount)) return OverflowsDebits;
  if (!sum_fits(credit.credits_pending, credit.credits_posted, transfer.amount))
    return OverflowsCredits;
  const AccountKind* kind = find_kind(transfer.debit);
  if (kind->debits_must_not_exceed_credits) {
    const Amount debits =
        must_add(must_add(debit.debits_pending, debit.debits_posted), transfer.amount);
    if (debits > debit.credits_posted) return ExceedsCredits;
  }
  return Ok;
}

TransferResult Ledger::apply_plain(const Transfer& transfer, UndoLog* undo) {
  const bool pending = (transfer.flags & kPending) != 0;
  if (transfer.pending_id != 0) return PendingIdMustBeZero;
  if (!pending && transfer.timeout_s != 0) return TimeoutReservedForPendingTransfer;
  if (find_kind(transfer.debit) == nullptr) return DebitAccountNotFound;
  if (find_kind(transfer.credit) == nullptr) return CreditAccountNotFound;
  if (transfer.debit == transfer.credit) return AccountsMustBeDifferent;
  if (const TransferResult limits = check_limits(transfer); limits != Ok) return limits;

  Balances& debit = change(transfer.debit, undo);
  Amount& debits = pending ? debit.debits_pending : debit.debits_posted;
  debits = must_add(debits, transfer.amount);
  Balances& credit = change(transfer.credit, undo);
  Amount& credits = pending ? credit.credits_pending : credit.credits_posted;
  credits = must_add(credits, transfer.amount);
  store(transfer, pending ? PendingState::Open : PendingState::NotPending, undo);
  return Ok;
}

TransferResult Ledger::resolve_pending(const Transfer& transfer, UndoLog* undo) {
  const bool post = (transfer.flags & kPost) != 0;
  if (transfer.pending_id == 0) return PendingIdMustNotBeZero;
  if (transfer.pending_id == transfer.id) return PendingIdMustBeDifferent;
  if (transfer.timeout_s != 0) return TimeoutReservedForPendingTransfer;
  const auto found = transfers_.find(transfer.pending_id);
  if (found == transfers_.end()) return PendingTransferNotFound;
  const Transfer& pending = found->second.transfer;
  const PendingState state = found->second.state;
  if (state == PendingState::NotPending) return PendingTransferNotPending;
  if (!same_account(transfer.debit, pending.debit, true))
    return PendingTransferHasDifferentDebitAccount;
  if (!same_account(transfer.credit, pending.credit, true))
    return PendingTransferHasDifferentCreditAccount;
  if (post && transfer.amount > pending.amount) return ExceedsPendingTransferAmount;
  if (!post && !transfer.amount.is_zero() && transfer.amount != pending.amount)
    return PendingTransferHasDifferentAmount;
  if (state == PendingState::Posted) return PendingTransferAlreadyPosted;
  if (state == PendingState::Voided) return PendingTransferAlreadyVoided;
  if (transfer.at < pending.at) return DatedBeforePendingTransfer;
  if (post && is_past_timeout(pending, transfer.at)) return PendingTransferExpired;

  Balances& debit = change(pending.debit, undo);
  debit.debits_pending = must_sub(debit.debits_pending, pending.amount);
  if (post) debit.debits_posted = must_add(debit.debits_posted, transfer.amount);
  Balances& credit = change(pending.credit, undo);
  credit.credits_pending = must_sub(credit.credits_pending, pending.amount);
  if (post) credit.credits_posted = must_add(credit.credits_posted, transfer.amount);

  undo->push_back({.what = Undo::What::PendingState, .id = transfer.pending_id});
  found->second.state = post ? PendingState::Posted : PendingState::Voided;
  open_.erase(found->second.place);
  Transfer stored = transfer;
  stored.debit = pending.debit;
  stored.credit = pending.credit;
  store(std::move(stored), PendingState::NotPending, undo);
  return Ok;
}

void Ledger::store(Transfer transfer, PendingState state, UndoLog* undo) {
  const Id id = transfer.id;
  const uint64_t place = next_place_++;
  undo->push_back({.what = Undo::What::Stored, .id = id});
  const bool inserted = transfers_.emplace(id, Stored{std::move(transfer), state, place}).second;
  CHECK(inserted);
  order_.push_back(id);
  if (state == PendingState::Open) open_.emplace(place, id);
}

void Ledger::roll_back(const UndoLog& undo) {
  for (size_t i = undo.size(); i-- > 0;) {
    const Undo& step = undo[i];
    switch (step.what) {
      case Undo::What::Balances:
        accounts_[static_cast<size_t>(step.account)].balances = step.balances;
        break;
      case Undo::What::Stored: {
        const auto found = transfers_.find(step.id);
        CHECK(found != transfers_.end() && order_.back() == step.id);
        open_.erase(found->second.place);
        transfers_.erase(found);
        order_.pop_back();
        break;
      }
      case Undo::What::PendingState: {
        Stored& pending = transfers_.at(step.id);
        pending.state = PendingState::Open;
        open_.emplace(pending.place, step.id);
        break;
      }
    }
  }
}

const Ledger::Account* Ledger::find_account(std::string_view name) const {
  const auto found = account_index_.find(name);
  return found == account_index_.end() ? nullptr : &accounts_[static_cast<size_t>(found->second)];
}

Balances& Ledger::change(std::string_view account, UndoLog* undo) {
  auto found = account_index_.find(account);
  if (found == account_index_.end()) {
    found = account_index_.emplace(account, static_cast<int>(accounts_.size())).first;
    accounts_.push_back({std::string(account), {}});
  }
  Account& entry = accounts_[static_cast<size_t>(found->second)];
  undo->push_back(
      {.what = Undo::What::Balances, .account = found->second, .balances = entry.balances});
  return entry.balances;
}

Balances Ledger::balances(std::string_view account) const {
  const Account* found = find_account(account);
  return found == nullptr ? Balances{} : found->balances;
}

Amount Ledger::available(std::string_view account) const {
  const Balances all = balances(account);
  return checked_sub(all.credits_posted, must_add(all.debits_posted, all.debits_pending))
      .value_or(Amount{});
}

std::vector<AccountBalances> Ledger::trial_balance() const {
  std::vector<AccountBalances> rows;
  for (const Account& account : accounts_)
    if (account.balances != Balances{}) rows.push_back({account.name, account.balances});
  std::ranges::sort(rows, {}, &AccountBalances::account);
  return rows;
}

bool Ledger::is_balanced() const {
  // Sums over many accounts may pass 2^128; both sides wrap alike, so they are equal if and only if
  // the books balance.
  Uint128 pending = 0;
  Uint128 posted = 0;
  for (const Account& account : accounts_) {
    pending += account.balances.debits_pending.pico() - account.balances.credits_pending.pico();
    posted += account.balances.debits_posted.pico() - account.balances.credits_posted.pico();
  }
  return pending == 0 && posted == 0;
}

const Ledger::Stored* Ledger::find(Id id) const {
  const auto found = transfers_.find(id);
  return found == transfers_.end() ? nullptr : &found->second;
}

std::vector<Id> Ledger::open_pending() const {
  std::vector<Id> ids;
  ids.reserve(open_.size());
  for (const auto& [place, id] : open_) ids.push_back(id);
  return ids;
}

std::vector<Id> Ledger::expired_pending(base::Time now) const {
  std::vector<Id> ids;
  for (const auto& [place, id] : open_)
    if (is_past_timeout(transfers_.at(id).transfer, now)) ids.push_back(id);
  return ids;
}

void Ledger::retire(size_t keep) {
  constexpr int kLooksMax = 16;  // many may be open, and each call must be short
  for (int looked = 0; looked < kLooksMax && order_.size() > keep; ++looked) {
    const Id id = order_.front();
    order_.pop_front();
    if (transfers_.at(id).state == PendingState::Open)
      order_.push_back(id);
    else
      transfers_.erase(id);
  }
}

}  // namespace money
