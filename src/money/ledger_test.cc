#include "money/ledger.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "money/accounts.h"

namespace money {
namespace {

using enum TransferResult;

constexpr base::Time kStart{1'000'000'000'000};

Transfer plain(Id id, std::string debit, std::string credit, Uint128 amount) {
  return {.id = id,
          .debit = std::move(debit),
          .credit = std::move(credit),
          .amount = Amount::pico(amount),
          .at = kStart};
}
Transfer pending(Id id, std::string debit, std::string credit, Uint128 amount,
                 uint32_t timeout_s = 0) {
  Transfer t = plain(id, std::move(debit), std::move(credit), amount);
  t.flags = kPending;
  t.timeout_s = timeout_s;
  return t;
}
Transfer resolve(Id id, Id pending_id, uint16_t flags, Uint128 amount = 0) {
  return {.id = id,
          .amount = Amount::pico(amount),
          .pending_id = pending_id,
          .flags = flags,
          .at = kStart};
}
Transfer linked(Transfer t) {
  t.flags |= kLinked;
  return t;
}
TransferResult apply(Ledger& ledger, const Transfer& transfer) {
  return ledger.apply({&transfer, 1})[0];
}

TEST(Chart, KnowsItsAccountsAndTheirOwners) {
  EXPECT_NE(find_kind("2000:org_7"), nullptr);
  EXPECT_TRUE(find_kind("2000:org_7")->debits_must_not_exceed_credits);
  EXPECT_FALSE(find_kind("2050")->debits_must_not_exceed_credits);
  for (const char* bad :
       {"", "2000", "2000:", "2050:x", "9999", "2000:a b", "2000:a:b", ":", "2000:ü"})
    EXPECT_EQ(find_kind(bad), nullptr) << bad;
  EXPECT_EQ(find_kind("2000:" + std::string(129, 'a')), nullptr);
  for (const AccountKind& kind : chart_of_accounts())
    EXPECT_EQ(find_kind(std::string(kind.code) + (kind.per_owner ? ":x" : "")), &kind);
}

// GOVERNANCE 4.4: 1,234 tokens in, 317 out of at most 1,024, builder 30 %.
TEST(Ledger, MeteringExampleToThePico) {
  Ledger ledger;
  ASSERT_EQ(apply(ledger, plain(1, "1000", "2000:7", 1'000'000'000)), Ok);
  ASSERT_EQ(apply(ledger, pending(2, "2000:7", "2050", 799'500'000, 300)), Ok);
  EXPECT_EQ(ledger.balances("2000:7").debits_pending, Amount::pico(799'500'000));
  EXPECT_EQ(ledger.available("2000:7"), Amount::pico(200'500'000));
  const std::vector<Transfer> chain{linked(resolve(3, 2, kPost, 375'300'000)),
                                    linked(plain(4, "2050", "2100:b9", 112'590'000)),
                                    plain(5, "2050", "4000", 262'710'000)};
  EXPECT_EQ(ledger.apply(chain), (std::vector{Ok, Ok, Ok}));
  const Balances clearing = ledger.balances("2050");
  EXPECT_EQ(clearing.debits_posted, clearing.credits_posted);
  EXPECT_TRUE(clearing.credits_pending.is_zero());
  EXPECT_TRUE(ledger.balances("2000:7").debits_pending.is_zero());
  EXPECT_EQ(ledger.balances("2000:7").debits_posted, Amount::pico(375'300'000));
  EXPECT_EQ(ledger.available("2000:7"), Amount::pico(624'700'000));
  EXPECT_EQ(ledger.balances("2100:b9").credits_posted, Amount::pico(112'590'000));
  EXPECT_EQ(ledger.balances("4000").credits_posted, Amount::pico(262'710'000));
  EXPECT_TRUE(ledger.is_balanced());
  EXPECT_EQ(ledger.open_count(), 0u);
}

TEST(Ledger, SameIdOnceAndOtherFieldsAreNamed) {
  Ledger ledger;
  Transfer deposit = plain(1, "1000", "2000:a", 100);
  ASSERT_EQ(apply(ledger, deposit), Ok);
  EXPECT_EQ(apply(ledger, deposit), Exists);
  const auto with = [&](auto change) {
    Transfer other = deposit;
    change(other);
    return apply(ledger, other);
  };
  EXPECT_EQ(with([](Transfer& t) { t.amount = Amount::pico(101); }), ExistsWithDifferentAmount);
  EXPECT_EQ(with([](Transfer& t) { t.debit = "1010"; }), ExistsWithDifferentDebitAccount);
  EXPECT_EQ(with([](Transfer& t) { t.credit = "2000:b"; }), ExistsWithDifferentCreditAccount);
  EXPECT_EQ(with([](Transfer& t) { t.code = TransferCode::Refund; }), ExistsWithDifferentCode);
  EXPECT_EQ(with([](Transfer& t) { t.user_data.request = "r"; }), ExistsWithDifferentUserData);
  EXPECT_EQ(with([](Transfer& t) { t.flags = kPending; }), ExistsWithDifferentFlags);
  EXPECT_EQ(with([](Transfer& t) { t.timeout_s = 1; }), ExistsWithDifferentTimeout);
  EXPECT_EQ(with([](Transfer& t) { t.pending_id = 9; }), ExistsWithDifferentPendingId);
  EXPECT_EQ(ledger.balances("2000:a").credits_posted, Amount::pico(100));
}

TEST(Ledger, MalformedTransfersChangeNothing) {
  Ledger ledger;
  EXPECT_EQ(apply(ledger, plain(0, "1000", "4000", 1)), IdMustNotBeZero);
  Transfer t = plain(1, "1000", "4000", 1);
  t.flags = kPost | kVoid;
  EXPECT_EQ(apply(ledger, t), FlagsAreMutuallyExclusive);
  t.flags = 0x100;
  EXPECT_EQ(apply(ledger, t), FlagsAreMutuallyExclusive);
  t.flags = 0;
  t.pending_id = 5;
  EXPECT_EQ(apply(ledger, t), PendingIdMustBeZero);
  t.pending_id = 0;
  t.timeout_s = 5;
  EXPECT_EQ(apply(ledger, t), TimeoutReservedForPendingTransfer);
  EXPECT_EQ(apply(ledger, plain(1, "1000", "1000", 1)), AccountsMustBeDifferent);
  EXPECT_EQ(apply(ledger, resolve(1, 0, kPost)), PendingIdMustNotBeZero);
  EXPECT_EQ(apply(ledger, resolve(1, 1, kPost)), PendingIdMustBeDifferent);
  EXPECT_TRUE(ledger.trial_balance().empty());
  EXPECT_EQ(apply(ledger, plain(1, "1000", "4000", 1)), Ok)
      << "a malformed transfer does not spend its id";
}

TEST(Ledger, TransientFailureSpendsTheId) {
  Ledger ledger;
  ASSERT_EQ(apply(ledger, pending(1, "2000:a", "2050", 10)), ExceedsCredits);
  ASSERT_EQ(apply(ledger, plain(2, "1000", "2000:a", 100)), Ok);
  EXPECT_EQ(apply(ledger, pending(1, "2000:a", "2050", 10)), IdAlreadyFailed);
  EXPECT_EQ(apply(ledger, resolve(3, 99, kVoid)), PendingTransferNotFound);
  EXPECT_EQ(apply(ledger, pending(99, "2000:a", "2050", 10)), Ok);
  EXPECT_EQ(apply(ledger, resolve(3, 99, kVoid)), IdAlreadyFailed);
  EXPECT_EQ(apply(ledger, plain(4, "7777", "2000:a", 1)), DebitAccountNotFound);
  EXPECT_EQ(apply(ledger, plain(5, "1000", "2000", 1)), CreditAccountNotFound);
}

TEST(Ledger, PendingResolvesOnceAndNeverForMore) {
  Ledger ledger;
  ASSERT_EQ(apply(ledger, plain(1, "1000", "2000:a", 100)), Ok);
  ASSERT_EQ(apply(ledger, pending(2, "2000:a", "2050", 60)), Ok);
  EXPECT_EQ(apply(ledger, pending(3, "2000:a", "2050", 41)), ExceedsCredits)
      << "reserved money counts";
  EXPECT_EQ(apply(ledger, resolve(4, 2, kPost, 61)), ExceedsPendingTransferAmount);
  EXPECT_EQ(apply(ledger, resolve(4, 1, kPost, 1)), PendingTransferNotPending);
  Transfer other = resolve(4, 2, kPost, 1);
  other.debit = "2000:b";
  EXPECT_EQ(apply(ledger, other), PendingTransferHasDifferentDebitAccount);
  other.debit = "2000:a";
  other.credit = "4000";
  EXPECT_EQ(apply(ledger, other), PendingTransferHasDifferentCreditAccount);
  EXPECT_EQ(apply(ledger, resolve(4, 2, kVoid, 59)), PendingTransferHasDifferentAmount);
  ASSERT_EQ(apply(ledger, resolve(4, 2, kPost, 60)), Ok);
  EXPECT_EQ(apply(ledger, resolve(4, 2, kPost, 60)), Exists);
  EXPECT_EQ(apply(ledger, resolve(5, 2, kPost, 1)), PendingTransferAlreadyPosted);
  EXPECT_EQ(apply(ledger, resolve(5, 2, kVoid)), PendingTransferAlreadyPosted);
  ASSERT_EQ(apply(ledger, pending(6, "2000:a", "2050", 40)), Ok);
  ASSERT_EQ(apply(ledger, resolve(7, 6, kVoid)), Ok);
  EXPECT_EQ(apply(ledger, resolve(8, 6, kPost, 1)), PendingTransferAlreadyVoided);
  EXPECT_EQ(ledger.available("2000:a"), Amount::pico(40));
}

TEST(Ledger, TimeoutsAreRelativeAndTimeDoesNotRunBack) {
  Ledger ledger;
  ASSERT_EQ(apply(ledger, plain(1, "1000", "2000:a", 100)), Ok);
  ASSERT_EQ(apply(ledger, pending(2, "2000:a", "2050", 60, 10)), Ok);
  ASSERT_EQ(apply(ledger, pending(3, "2000:a", "2050", 10)), Ok);
  EXPECT_TRUE(ledger.expired_pending(kStart + base::milliseconds(9'999)).empty());
  EXPECT_EQ(ledger.expired_pending(kStart + base::seconds(10)), std::vector<Id>{2});
  Transfer post = resolve(4, 2, kPost, 5);
  post.at = kStart + base::seconds(10);
  EXPECT_EQ(apply(ledger, post), PendingTransferExpired);
  Transfer early = resolve(4, 2, kVoid);
  early.at = base::Time{kStart.ns - 1};
  EXPECT_EQ(apply(ledger, early), DatedBeforePendingTransfer);
  Transfer release = resolve(4, 2, kVoid);
  release.at = kStart + base::seconds(10);
  EXPECT_EQ(apply(ledger, release), Ok);
  EXPECT_EQ(ledger.open_pending(), std::vector<Id>{3});
}

TEST(Ledger, LinkedChainsAreAllOrNothing) {
  Ledger ledger;
  ASSERT_EQ(apply(ledger, plain(1, "1000", "2000:a", 100)), Ok);
  ASSERT_EQ(apply(ledger, pending(2, "2000:a", "2050", 50)), Ok);
  const auto before = ledger.trial_balance();
  const std::vector<Transfer> fails{linked(resolve(3, 2, kPost, 50)),
                                    linked(plain(4, "2050", "4000", 50)),
                                    plain(5, "2000:a", "4000", 51), plain(6, "2000:a", "2400", 1)};
  EXPECT_EQ(ledger.apply(fails),
            (std::vector{LinkedEventFailed, LinkedEventFailed, ExceedsCredits, Ok}));
  EXPECT_EQ(ledger.balances("2050").credits_pending, Amount::pico(50));
  EXPECT_EQ(ledger.balances("4000"), Balances{});
  EXPECT_EQ(ledger.open_pending(), std::vector<Id>{2});
  EXPECT_EQ(ledger.find(3), nullptr);
  EXPECT_EQ(apply(ledger, resolve(3, 2, kPost, 50)), Ok)
      << "the others of a failed chain keep their ids";
  EXPECT_EQ(apply(ledger, plain(5, "1000", "4000", 1)), IdAlreadyFailed);
  const std::vector<Transfer> open{plain(10, "1000", "4000", 1),
                                   linked(plain(11, "1000", "4000", 1)),
                                   linked(plain(12, "1000", "4000", 1))};
  EXPECT_EQ(ledger.apply(open), (std::vector{Ok, LinkedEventFailed, LinkedEventChainOpen}));
  EXPECT_TRUE(ledger.is_balanced());
}

TEST(Ledger, SumsThatDoNotFitAreRefused) {
  Ledger ledger;
  const Uint128 most = Amount::max().pico();
  ASSERT_EQ(apply(ledger, plain(1, "1000", "2000:a", most)), Ok);
  EXPECT_EQ(apply(ledger, plain(2, "1000", "2000:b", 1)), OverflowsDebits);
  EXPECT_EQ(apply(ledger, plain(3, "1010", "2000:a", 1)), OverflowsCredits);
  EXPECT_EQ(apply(ledger, pending(4, "1000", "2000:b", 1)), OverflowsDebits)
      << "pending and posted count together";
  ASSERT_EQ(apply(ledger, pending(5, "2000:a", "2050", most)), Ok);
  EXPECT_EQ(apply(ledger, plain(6, "1020", "2050", 1)), OverflowsCredits);
  ASSERT_EQ(apply(ledger, resolve(7, 5, kPost, most)), Ok);
  EXPECT_TRUE(ledger.available("2000:a").is_zero());
  EXPECT_TRUE(ledger.is_balanced());
}

TEST(Ledger, CapStopsAPaymentWithItsWholeChain) {
  Ledger ledger;
  ASSERT_EQ(apply(ledger, plain(1, "8000", "8050:m", 1000)), Ok);
  const auto distribute = [&](Id id, Uint128 amount) {
    return ledger.apply(std::vector{linked(plain(id, "3100", "2300:m", amount)),
                                    plain(id + 1, "8050:m", "8000", amount)});
  };
  EXPECT_EQ(distribute(10, 999), (std::vector{Ok, Ok}));
  EXPECT_EQ(distribute(20, 2), (std::vector{LinkedEventFailed, ExceedsCredits}));
  EXPECT_EQ(ledger.balances("2300:m").credits_posted, Amount::pico(999));
}

TEST(Ledger, RetireForgetsOnlyWhatIsResolved) {
  Ledger ledger;
  ASSERT_EQ(apply(ledger, plain(1, "1000", "2000:a", 1000)), Ok);
  for (Id id = 2; id < 100; ++id) ASSERT_EQ(apply(ledger, pending(id, "2000:a", "2050", 1)), Ok);
  for (Id id = 3; id < 100; ++id) ASSERT_EQ(apply(ledger, resolve(id + 1000, id, kPost, 1)), Ok);
  const auto before = ledger.trial_balance();
  for (int call = 0; call < 100; ++call) ledger.retire(10);  // each looks at a few
  EXPECT_EQ(ledger.find(50), nullptr);
  EXPECT_NE(ledger.find(2), nullptr);
  EXPECT_NE(ledger.find(1099), nullptr);
  EXPECT_EQ(ledger.open_pending(), std::vector<Id>{2});
  EXPECT_EQ(before.size(), ledger.trial_balance().size());
  EXPECT_EQ(apply(ledger, resolve(5000, 2, kVoid)), Ok);
}

TEST(Ledger, EveryResultHasItsOwnName) {
  std::vector<std::string_view> names;
  for (int i = 0; i <= static_cast<int>(ExceedsCredits); ++i)
    names.push_back(result_name(static_cast<TransferResult>(i)));
  std::ranges::sort(names);
  EXPECT_EQ(std::ranges::adjacent_find(names), names.end());
  EXPECT_EQ(result_name(PendingTransferAlreadyPosted), "pending_transfer_already_posted");
}

}  // namespace
}  // namespace money
