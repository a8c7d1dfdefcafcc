// The ledger as a pure state machine: values in, results out; no clock, no disk. Balances are a
// fold of the transfers, in order, so the same transfers always give the same balances. Transfers
// never change; a correction is a new transfer. Result names and their order of precedence follow
// TigerBeetle, whose two-phase transfers this is.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/time.h"
#include "money/amount.h"

namespace money {

// A transfer's name, made by who asks for it. Equal ids mean the same transfer, however often it is
// sent.
using Id = Uint128;

enum TransferFlags : uint16_t {
  kLinked = 1,   // succeeds or fails together with the next one
  kPending = 2,  // reserves the amount until it is posted, voided, or its timeout has passed
  kPost = 4,     // posts `amount` of the pending transfer `pending_id`, releases the rest
  kVoid = 8,     // releases it all
};

enum class TransferCode : uint16_t {
  Reserve = 1,
  Charge = 2,
  BuilderShare = 3,
  Revenue = 4,
  Release = 5,
  Deposit = 6,
  MeteringLoss = 7,
  Refund = 8,
};

struct UserData {
  std::string request = {};  // the request it is for
  uint32_t epoch = 0;        // of the release that answered
  uint32_t price_version = 0;
  uint32_t split_version = 0;
  friend bool operator==(const UserData&, const UserData&) = default;
};

struct Transfer {
  Id id = 0;
  std::string debit = {};  // account names: "2050", "2000:org_7" (money/accounts.h); empty on post
                           // and void: as pending
  std::string credit = {};
  Amount amount = {};  // on post: at most the pending amount; on void: zero
  Id pending_id = 0;
  uint32_t timeout_s = 0;  // pending only; 0 never expires
  TransferCode code = TransferCode::Charge;
  uint16_t flags = 0;
  UserData user_data = {};
  base::Time at = {};
  friend bool operator==(const Transfer&, const Transfer&) = default;
};

enum class TransferResult : uint8_t {
  Ok,
  LinkedEventFailed,
  LinkedEventChainOpen,
  IdMustNotBeZero,
  FlagsAreMutuallyExclusive,
  ExistsWithDifferentFlags,
  ExistsWithDifferentPendingId,
  ExistsWithDifferentTimeout,
  ExistsWithDifferentDebitAccount,
  ExistsWithDifferentCreditAccount,
  ExistsWithDifferentAmount,
  ExistsWithDifferentUserData,
  ExistsWithDifferentCode,
  Exists,
  IdAlreadyFailed,
  PendingIdMustBeZero,
  PendingIdMustNotBeZero,
  PendingIdMustBeDifferent,
  TimeoutReservedForPendingTransfer,
  DebitAccountNotFound,
  CreditAccountNotFound,
  AccountsMustBeDifferent,
  PendingTransferNotFound,
  PendingTransferNotPending,
  PendingTransferHasDifferentDebitAccount,
  PendingTransferHasDifferentCreditAccount,
  PendingTransferHasDifferentAmount,
  ExceedsPendingTransferAmount,
  PendingTransferAlreadyPosted,
  PendingTransferAlreadyVoided,
  PendingTransferExpired,
  DatedBeforePendingTransfer,
  OverflowsDebits,
  OverflowsCredits,
  ExceedsCredits,  // the debit account may not owe more than it was credited
};
std::string_view result_name(TransferResult result);  // "exists_with_different_amount"

struct Balances {
  Amount debits_pending = {}, debits_posted = {}, credits_pending = {}, credits_posted = {};
  friend bool operator==(const Balances&, const Balances&) = default;
};

struct AccountBalances {
  std::string account;
  Balances balances;
};

class Ledger {
 public:
  // Begins with balances that other transfers led to. Only on a new ledger; nothing is pending.
  void open_with(std::span<const AccountBalances> balances);

  // One result per transfer, in order. A chain of linked transfers is applied whole or not at all.
  // Accounts open when they are first named, if the chart of accounts knows them.
  std::vector<TransferResult> apply(std::span<const Transfer> transfers);

  Balances balances(std::string_view account) const;  // zeros for an account that was never named
  Amount available(std::string_view account)
      const;  // credits posted - debits posted - debits pending, at least 0
  std::vector<AccountBalances> trial_balance() const;  // every account, by name
  bool is_balanced() const;  // sum of debits = sum of credits, pending and posted

  enum class PendingState : uint8_t { NotPending, Open, Posted, Voided };
  struct Stored {
    Transfer transfer = {};
    PendingState state = PendingState::NotPending;
    uint64_t place = 0;  // in the order of arrival
  };
  const Stored* find(Id id) const;
  std::vector<Id> open_pending() const;  // oldest first
  size_t open_count() const { return open_.size(); }
  std::vector<Id> expired_pending(base::Time now) const;  // open, and past their timeout

  // Forgets the oldest transfers that nothing can refer to any more, a few at a time, until `keep`
  // are left; open ones stay. A forgotten id is no longer known as one that exists, so ids must be
  // unique beyond this window.
  void retire(size_t keep);

 private:
  struct Account {
    std::string name;
    Balances balances;
  };
  struct Undo {  // one step back, taken when a later transfer of the chain fails
    enum class What : uint8_t { Balances, Stored, PendingState } what;
    int account = 0;
    Balances balances = {};
    Id id = 0;
  };
  using UndoLog = std::vector<Undo>;

  void apply_chain(std::span<const Transfer> chain, std::span<TransferResult> results);
  TransferResult apply_one(const Transfer& transfer, UndoLog* undo);
  TransferResult apply_plain(const Transfer& transfer, UndoLog* undo);
  TransferResult resolve_pending(const Transfer& transfer, UndoLog* undo);
  TransferResult check_limits(const Transfer& transfer) const;
  void store(Transfer transfer, PendingState state, UndoLog* undo);
  void roll_back(const UndoLog& undo);
  const Account* find_account(std::string_view name) const;
  Balances& change(std::string_view account, UndoLog* undo);  // opens the account when it is new

  struct IdHash {
    size_t operator()(Id id) const { return static_cast<size_t>(id ^ (id >> 64)); }
  };
  struct NameHash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  std::vector<Account> accounts_;
  std::unordered_map<std::string, int, NameHash, std::equal_to<>> account_index_;
  std::unordered_map<Id, Stored, IdHash> transfers_;
  std::unordered_set<Id, IdHash>
      failed_;                   // ids that failed for a reason that may pass: they stay failed
  std::map<uint64_t, Id> open_;  // open pending transfers by place
  std::deque<Id> order_;         // all that are remembered, oldest first
  uint64_t next_place_ = 0;
};

}  // namespace money
