// Random histories against a model that keeps nothing but the list of what succeeded and sums it
// anew for every question.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/random.h"
#include "money/accounts.h"
#include "money/ledger.h"

namespace money {
namespace {

using enum TransferResult;

class NaiveModel {
 public:
  Balances sum(const std::string& account) const {
    Uint128 dp = 0, dd = 0, cp = 0, cd = 0;
    for (const Transfer& t : accepted_) {
      const Uint128 amount = t.amount.pico();
      const Transfer& on = resolves(t) ? by_id(t.pending_id) : t;
      const bool posts = (t.flags & (kPending | kVoid)) == 0;
      if (on.debit == account) {
        if (t.flags & kPending) dp += amount;
        if (resolves(t)) dp -= on.amount.pico();
        if (posts) dd += amount;
      }
      if (on.credit == account) {
        if (t.flags & kPending) cp += amount;
        if (resolves(t)) cp -= on.amount.pico();
        if (posts) cd += amount;
      }
    }
    return {Amount::pico(dp), Amount::pico(dd), Amount::pico(cp), Amount::pico(cd)};
  }

  // Whether the transfer must succeed, judged from the whole history.
  bool would_succeed(const Transfer& t) const {
    if (t.id == 0 || known(t.id) || spent_.contains(t.id)) return false;
    if (resolves(t)) {
      if (!known(t.pending_id) || t.pending_id == t.id) return false;
      const Transfer& p = by_id(t.pending_id);
      if (!(p.flags & kPending) || t.at < p.at) return false;
      for (const Transfer& other : accepted_)
        if (resolves(other) && other.pending_id == p.id) return false;
      if (t.flags & kVoid) return true;
      const bool late =
          p.timeout_s != 0 && t.at.ns - p.at.ns >= int64_t{p.timeout_s} * 1'000'000'000;
      return t.amount <= p.amount && !late;
    }
    if (find_kind(t.debit) == nullptr || find_kind(t.credit) == nullptr || t.debit == t.credit)
      return false;
    if (!find_kind(t.debit)->debits_must_not_exceed_credits) return true;
    const Balances all = sum(t.debit);
    return all.debits_pending.pico() + all.debits_posted.pico() + t.amount.pico() <=
           all.credits_posted.pico();
  }

  bool accept(std::span<const Transfer> chain) {
    const auto saved = accepted_;
    for (const Transfer& t : chain) {
      if (would_succeed(t)) {
        accepted_.push_back(t);
        continue;
      }
      accepted_ = saved;
      return false;
    }
    return true;
  }
  void spend(Id id) { spent_.insert(id); }
  const std::vector<Transfer>& accepted() const { return accepted_; }

 private:
  static bool resolves(const Transfer& t) { return (t.flags & (kPost | kVoid)) != 0; }
  bool known(Id id) const {
    return std::ranges::find(accepted_, id, &Transfer::id) != accepted_.end();
  }
  const Transfer& by_id(Id id) const { return *std::ranges::find(accepted_, id, &Transfer::id); }

  std::vector<Transfer> accepted_;
  std::set<Id> spent_;
};

const std::vector<std::string> kAccounts{"1000",   "2000:a", "2000:b", "2050",
                                         "2100:x", "4000",   "5300",   "nowhere"};

Transfer random_transfer(base::Rng& rng, base::Time now) {
  const auto account = [&] { return kAccounts[rng.below(kAccounts.size())]; };
  Transfer t;
  t.id = rng.below(120);
  t.at = now;
  t.amount = Amount::pico(rng.below(60));
  const uint64_t kind = rng.below(10);
  if (kind < 5) {
    t.debit = account();
    t.credit = account();
    if (kind < 1) t.debit = "1000", t.credit = "2000:a", t.amount = Amount::pico(100);
    if (kind >= 2) {
      t.flags = kPending;
      t.timeout_s = static_cast<uint32_t>(rng.below(3) * 20);
    }
  } else {
    t.pending_id = rng.below(120);
    t.flags = kind < 8 ? kPost : kVoid;
    if (t.flags == kVoid) t.amount = Amount{};
    if (rng.below(20) == 0) t.at = base::Time{now.ns - 30'000'000'000};
  }
  return t;
}

void expect_invariants(const Ledger& ledger, const NaiveModel& model) {
  EXPECT_TRUE(ledger.is_balanced());  // L1
  for (const std::string& account : kAccounts) {
    const Balances balances = ledger.balances(account);
    ASSERT_EQ(balances, model.sum(account)) << account;
    const AccountKind* kind = find_kind(account);
    if (kind != nullptr && kind->debits_must_not_exceed_credits)  // L3
      EXPECT_LE(balances.debits_pending.pico() + balances.debits_posted.pico(),
                balances.credits_posted.pico());
  }
}

TEST(LedgerProperty, RandomHistoriesMatchTheNaiveModel) {
  int accepted = 0;
  for (uint64_t seed = 1; seed <= 400; ++seed) {
    base::Rng rng(seed);
    Ledger ledger;
    NaiveModel model;
    base::Time now{1'000'000'000'000};
    for (int step = 0; step < 80; ++step) {
      now = now + base::seconds(static_cast<int64_t>(rng.below(8)));
      std::vector<Transfer> chain(1 + (rng.below(4) == 0 ? rng.below(3) : 0));
      for (Transfer& t : chain) t = random_transfer(rng, now);
      for (size_t i = 0; i + 1 < chain.size(); ++i) chain[i].flags |= kLinked;
      const bool expected = model.accept(chain);
      const auto results = ledger.apply(chain);
      const bool got = std::ranges::all_of(results, [](auto r) { return r == Ok; });
      ASSERT_EQ(got, expected) << "seed " << seed << " step " << step << ": "
                               << result_name(results[0]);
      accepted += got;
      for (size_t i = 0; i < chain.size(); ++i)
        if (results[i] == ExceedsCredits || results[i] == PendingTransferNotFound ||
            results[i] == DebitAccountNotFound || results[i] == CreditAccountNotFound)
          model.spend(chain[i].id);
      expect_invariants(ledger, model);
    }
    // L14: a replay of what succeeded gives the same books.
    Ledger replay;
    for (const Transfer& t : model.accepted()) {
      Transfer alone = t;
      alone.flags &= static_cast<uint16_t>(~kLinked);
      ASSERT_EQ(replay.apply({&alone, 1})[0], Ok);
    }
    for (const std::string& account : kAccounts)
      EXPECT_EQ(replay.balances(account), ledger.balances(account));
    EXPECT_EQ(replay.open_pending(), ledger.open_pending());
  }
  EXPECT_GT(accepted, 5000) << "the histories must do something";
}

// Reserve, charge and release as the gateway does them: L6, L7, L8 over many requests.
TEST(LedgerProperty, MeteringAddsUpToThePico) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    base::Rng rng(seed);
    Ledger ledger;
    Id next = 1;
    const base::Time now{5};
    const auto send = [&](std::vector<Transfer> chain) {
      for (Transfer& t : chain) t.id = next++, t.at = now;
      for (size_t i = 0; i + 1 < chain.size(); ++i) chain[i].flags |= kLinked;
      return ledger.apply(chain);
    };
    ASSERT_EQ(send({{.debit = "1000", .credit = "2000:a", .amount = Amount::usd(1)}})[0], Ok);
    std::map<Id, Amount> open;
    Uint128 charged = 0;
    for (int step = 0; step < 400; ++step) {
      const PriceQuote price{rng.below(1'000'000), rng.below(3'000'000), 1};
      if (rng.below(2) == 0 || open.empty()) {
        const Amount worst = *cost(price, static_cast<int64_t>(rng.below(10'000)),
                                   static_cast<int64_t>(rng.below(5'000)));
        if (send({{.debit = "2000:a", .credit = "2050", .amount = worst, .flags = kPending}})[0] ==
            Ok)
          open.emplace(next - 1, worst);
      } else {
        const auto [id, held] = *open.begin();
        open.erase(open.begin());
        if (rng.below(4) == 0) {
          ASSERT_EQ(send({{.pending_id = id, .flags = kVoid}})[0], Ok);
          continue;
        }
        const Amount charge =
            Amount::pico(held.is_zero() ? 0 : rng.below(static_cast<uint64_t>(held.pico()) + 1));
        const Amount share = share_floor(charge, static_cast<uint32_t>(rng.below(10'001)));
        const auto results =
            send({{.amount = charge, .pending_id = id, .flags = kPost},
                  {.debit = "2050", .credit = "2100:b", .amount = share},
                  {.debit = "2050", .credit = "4000", .amount = *checked_sub(charge, share)}});
        ASSERT_TRUE(std::ranges::all_of(results, [](auto r) { return r == Ok; }));
        charged += charge.pico();
      }
      Uint128 reserved = 0;
      for (const auto& [id, amount] : open) reserved += amount.pico();
      const Balances clearing = ledger.balances("2050");
      ASSERT_EQ(clearing.credits_pending.pico(), reserved);
      ASSERT_EQ(clearing.debits_posted, clearing.credits_posted);
      ASSERT_EQ(ledger.balances("2000:a").debits_posted.pico(), charged);
      ASSERT_EQ(ledger.balances("2100:b").credits_posted.pico() +
                    ledger.balances("4000").credits_posted.pico(),
                charged);
    }
  }
}

}  // namespace
}  // namespace money
