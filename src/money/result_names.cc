#include "base/check.h"
#include "money/ledger.h"

namespace money {

std::string_view result_name(TransferResult result) {
  switch (result) {
    case TransferResult::Ok:
      return "ok";
    case TransferResult::LinkedEventFailed:
      return "linked_event_failed";
    case TransferResult::LinkedEventChainOpen:
      return "linked_event_chain_open";
    case TransferResult::IdMustNotBeZero:
      return "id_must_not_be_zero";
    case TransferResult::FlagsAreMutuallyExclusive:
      return "flags_are_mutually_exclusive";
    case TransferResult::ExistsWithDifferentFlags:
      return "exists_with_different_flags";
    case TransferResult::ExistsWithDifferentPendingId:
      return "exists_with_different_pending_id";
    case TransferResult::ExistsWithDifferentTimeout:
      return "exists_with_different_timeout";
    case TransferResult::ExistsWithDifferentDebitAccount:
      return "exists_with_different_debit_account_id";
    case TransferResult::ExistsWithDifferentCreditAccount:
      return "exists_with_different_credit_account_id";
    case TransferResult::ExistsWithDifferentAmount:
      return "exists_with_different_amount";
    case TransferResult::ExistsWithDifferentUserData:
      return "exists_with_different_user_data";
    case TransferResult::ExistsWithDifferentCode:
      return "exists_with_different_code";
    case TransferResult::Exists:
      return "exists";
    case TransferResult::IdAlreadyFailed:
      return "id_already_failed";
    case TransferResult::PendingIdMustBeZero:
      return "pending_id_must_be_zero";
    case TransferResult::PendingIdMustNotBeZero:
      return "pending_id_must_not_be_zero";
    case TransferResult::PendingIdMustBeDifferent:
      return "pending_id_must_be_different";
    case TransferResult::TimeoutReservedForPendingTransfer:
      return "timeout_reserved_for_pending_transfer";
    case TransferResult::DebitAccountNotFound:
      return "debit_account_not_found";
    case TransferResult::CreditAccountNotFound:
      return "credit_account_not_found";
    case TransferResult::AccountsMustBeDifferent:
      return "accounts_must_be_different";
    case TransferResult::PendingTransferNotFound:
      return "pending_transfer_not_found";
    case TransferResult::PendingTransferNotPending:
      return "pending_transfer_not_pending";
    case TransferResult::PendingTransferHasDifferentDebitAccount:
      return "pending_transfer_has_different_debit_account_id";
    case TransferResult::PendingTransferHasDifferentCreditAccount:
      return "pending_transfer_has_different_credit_account_id";
    case TransferResult::PendingTransferHasDifferentAmount:
      return "pending_transfer_has_different_amount";
    case TransferResult::ExceedsPendingTransferAmount:
      return "exceeds_pending_transfer_amount";
    case TransferResult::PendingTransferAlreadyPosted:
      return "pending_transfer_already_posted";
    case TransferResult::PendingTransferAlreadyVoided:
      return "pending_transfer_already_voided";
    case TransferResult::PendingTransferExpired:
      return "pending_transfer_expired";
    case TransferResult::DatedBeforePendingTransfer:
      return "dated_before_pending_transfer";
    case TransferResult::OverflowsDebits:
      return "overflows_debits";
    case TransferResult::OverflowsCredits:
      return "overflows_credits";
    case TransferResult::ExceedsCredits:
      return "exceeds_credits";
  }
  CHECK(false);
}

}  // namespace money
