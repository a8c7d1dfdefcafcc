// Budgets, corrections, refunds and usage by bucket, on a ledger on disk.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "base/random.h"
#include "db/database.h"
#include "files/files.h"
#include "journal/ledger.h"

namespace journal {
namespace {

using base::Code;
using money::BudgetCap;
using money::Period;
using money::Scope;

constexpr PriceQuote kPrice{150'000, 600'000, 3, 75'000};
const std::string kCustomer = customer_account("org_7");
const std::string kBuilder = "2100:b9";

class LedgerMoney : public testing::Test {
 protected:
  LedgerMoney() { EXPECT_TRUE(ledger_->deposit(kCustomer, Amount::usd(1000), "grant", "")); }

  std::unique_ptr<Ledger> open() {
    auto ledger = Ledger::open(path_, clock_);
    EXPECT_TRUE(ledger) << ledger.error().text();
    return ledger ? std::move(*ledger) : nullptr;
  }
  void open_again() {
    ledger_.reset();
    ledger_ = open();
  }
  static money::Scopes scopes() { return {"org_7", "proj_1", "user_1", "key_1", "chat"}; }
  static HoldRequest request(std::string id, int64_t in_tokens, int64_t out_tokens) {
    return {.account = kCustomer,
            .request_id = std::move(id),
            .amount = *money::cost(kPrice, in_tokens, out_tokens),
            .price = kPrice,
            .share = BuilderShare{"b9", 3333, 1},
            .scopes = scopes()};
  }
  static Usage usage(int64_t in_tokens, int64_t out_tokens) {
    return {.org_id = "org_7",
            .project_id = "proj_1",
            .user_id = "user_1",
            .key_id = "key_1",
            .model = "chat",
            .prompt_tokens = in_tokens,
            .completion_tokens = out_tokens};
  }
  void charge(const std::string& id, const Usage& used) {
    HoldRequest asked = request(id, 10'000, 10'000);
    asked.price = kPrice;
    const auto hold = ledger_->hold(asked);
    ASSERT_TRUE(hold) << hold.error().text();
    ASSERT_TRUE(ledger_->settle(*hold, used, {}));
  }
  Amount net(std::string_view account) const {
    const money::Balances b = ledger_->balances(account);
    return Amount::pico(b.debits_posted.pico() - b.credits_posted.pico());
  }
  Amount spent(Scope scope, const char* id, Period period) const {
    return ledger_->budget_use(scope, id, period).spent;
  }

  files::TemporaryDirectory folder_ = *files::TemporaryDirectory::create("ledger-money-test");
  const std::string path_ = files::join(folder_.path(), "ledger.db");
  base::ManualClock clock_{base::Time{1'700'049'600'000'000'000}};  // 2023-11-15T12:00:00Z
  std::unique_ptr<Ledger> ledger_ = open();
};

// 1,000 at once against caps on four levels, the tightest worth 100 of them.
TEST_F(LedgerMoney, RacedBudgetsAreNeverOvershot) {
  const Amount each = *money::cost(kPrice, 100, 100);
  const std::vector<BudgetCap> caps{
      {Scope::Organisation, Period::Month, Amount::pico(each.pico() * 1000)},
      {Scope::Project, Period::Day, Amount::pico(each.pico() * 100)},
      {Scope::User, Period::Total, Amount::pico(each.pico() * 150)},
      {Scope::Key, Period::Month, Amount::pico(each.pico() * 101)}};
  std::atomic<int> admitted{0};
  std::atomic<int> refused{0};
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 8; ++t)
      threads.emplace_back([&, t] {
        for (int i = 0; i < 125; ++i) {
          HoldRequest asked = request(std::to_string(t) + "/" + std::to_string(i), 100, 100);
          asked.budgets = caps;
          const auto hold = ledger_->hold(asked);
          hold ? ++admitted : ++refused;
          if (hold) EXPECT_TRUE(ledger_->settle(*hold, usage(100, 100), {}));
          if (!hold) EXPECT_EQ(hold.error().reason, "insufficient_quota");
        }
      });
  }
  EXPECT_EQ(admitted, 100);
  EXPECT_EQ(refused, 900);
  EXPECT_EQ(spent(Scope::Project, "proj_1", Period::Day), caps[1].cap);
  EXPECT_TRUE(ledger_->available(kCustomer, scopes(), caps).is_zero());
  const auto late = ledger_->hold([&] {
    HoldRequest asked = request("late", 1, 1);
    asked.budgets = caps;
    return asked;
  }());
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().where, "project:proj_1");
  EXPECT_NE(late.error().message.find("2023-11-16T00:00:00Z"), std::string::npos);
  open_again();
  EXPECT_EQ(spent(Scope::Project, "proj_1", Period::Day), caps[1].cap) << "the same after opening";
  clock_.advance(base::seconds(12 * 3600));
  EXPECT_EQ(spent(Scope::Project, "proj_1", Period::Day), Amount{});
  EXPECT_TRUE(ledger_->verify());
}

TEST_F(LedgerMoney, ReleasedAndExpiredHoldsFreeTheirBudgets) {
  HoldRequest asked = request("a", 100, 100);
  asked.budgets = {{Scope::Key, Period::Total, asked.amount}};
  const auto hold = ledger_->hold(asked);
  ASSERT_TRUE(hold);
  asked.request_id = "b";
  EXPECT_FALSE(ledger_->hold(asked));
  ledger_->release(*hold, "client went away");
  ASSERT_TRUE(ledger_->hold(asked));
  clock_.advance(base::seconds(3600));
  EXPECT_EQ(ledger_->sweep(), 1);
  asked.request_id = "c";
  EXPECT_TRUE(ledger_->hold(asked));
  open_again();
  asked.request_id = "d";
  EXPECT_TRUE(ledger_->hold(asked)) << "what was held ended with the process";
}

TEST_F(LedgerMoney, CachedTokensHaveTheirPrice) {
  Usage used = usage(1000, 10);
  used.cached_tokens = 400;
  charge("r", used);
  EXPECT_EQ(net(kCustomer).pico() + Amount::usd(1000).pico(),
            money::Uint128{600 * 150'000 + 400 * 75'000 + 10 * 600'000});
  EXPECT_EQ(ledger_->usage({})->front().usage.cached_tokens, 400);
  used.cached_tokens = 5000;
  charge("liar", used);
  EXPECT_EQ(ledger_->usage({})->front().usage.cached_tokens, 1000) << "charged all the same";
}

// L11: a refund leaves every account with what it had before the charge.
TEST_F(LedgerMoney, RefundRestoresEveryBalanceOfTheChain) {
  charge("before", usage(7, 7));
  std::map<std::string, Amount> before;
  const std::vector<std::string> accounts{kCustomer, kBuilder, "2050", "4000", "5300", "1000"};
  for (const std::string& account : accounts) before[account] = net(account);
  const Amount spent_before = spent(Scope::Project, "proj_1", Period::Month);
  charge("r", usage(1234, 317));
  const auto refund = ledger_->refund("r", "the answer was wrong");
  ASSERT_TRUE(refund) << refund.error().text();
  EXPECT_EQ(*refund, Amount::pico(1234 * 150'000 + 317 * 600'000));
  for (const std::string& account : accounts) EXPECT_EQ(net(account), before[account]) << account;
  EXPECT_EQ(spent(Scope::Project, "proj_1", Period::Month), spent_before);
  EXPECT_EQ(*ledger_->refund("r", "again"), Amount{}) << "twice is once";
  EXPECT_EQ(ledger_->refund("nobody", "x").error().reason, "REQUEST_NOT_FOUND");
  EXPECT_EQ(ledger_->correct("r", usage(1, 1), "x").error().reason, "REQUEST_REFUNDED");
  const auto rows = ledger_->usage({});
  ASSERT_EQ(rows->size(), 3u);
  EXPECT_EQ((*rows)[0].mark, UsageMark::Refund);
  EXPECT_TRUE((*rows)[0].given_back);
  EXPECT_EQ((*rows)[0].reason, "the answer was wrong");
  EXPECT_EQ((*rows)[0].usage.prompt_tokens, 0) << "they were used";
  open_again();
  EXPECT_TRUE(ledger_->verify());
}

TEST_F(LedgerMoney, CorrectionsChargeOrGiveBackTheDifference) {
  charge("r", usage(1000, 100));
  const Amount first = *money::cost(kPrice, 1000, 100);
  for (const auto& [in, out] : std::initializer_list<std::pair<int64_t, int64_t>>{
           {1000, 150}, {900, 150}, {900, 150}, {0, 0}, {3, 1}}) {
    const Amount truth = *money::cost(kPrice, in, out);
    const auto corrected = ledger_->correct("r", usage(in, out), "the provider counts otherwise");
    ASSERT_TRUE(corrected) << corrected.error().text();
    EXPECT_EQ(*corrected, truth);
    EXPECT_EQ(net(kCustomer).pico() + Amount::usd(1000).pico(), truth.pico());
    EXPECT_EQ(ledger_->balances(kBuilder).credits_posted.pico() -
                  ledger_->balances(kBuilder).debits_posted.pico(),
              money::share_floor(truth, 3333).pico())
        << "however it is cut, the builder has the share of the whole";
    EXPECT_EQ(spent(Scope::Model, "org_7/chat", Period::Total), truth);
  }
  const auto totals = ledger_->usage_totals({});
  EXPECT_EQ(totals->requests, 1);
  EXPECT_EQ(totals->prompt_tokens, 3);
  EXPECT_EQ(totals->amount, *money::cost(kPrice, 3, 1));
  const auto rows = ledger_->usage({});
  EXPECT_EQ(rows->size(), 5u) << "one that changes nothing is no row";
  EXPECT_EQ(rows->back().amount, first);
  EXPECT_EQ((*rows)[1].usage.prompt_tokens, -900);
  EXPECT_EQ(ledger_->balances("2050").credits_posted, ledger_->balances("2050").debits_posted);
  EXPECT_TRUE(ledger_->verify());
}

TEST_F(LedgerMoney, WhatABudgetDoesNotCoverIsOurLossAndComesBackFirst) {
  charge("r", usage(0, 100));
  const Amount first = *money::cost(kPrice, 0, 100);
  const BudgetCap caps[] = {{Scope::Key, Period::Day, Amount::pico(first.pico() + 30 * 600'000)}};
  ASSERT_TRUE(ledger_->correct("r", usage(0, 200), "more", caps));
  EXPECT_EQ(spent(Scope::Key, "key_1", Period::Day), caps[0].cap) << "a cap is never passed";
  EXPECT_EQ(net("5300"), Amount::pico(70 * 600'000));
  ASSERT_TRUE(ledger_->correct("r", usage(0, 120), "less"));
  EXPECT_EQ(net("5300"), Amount{});
  EXPECT_EQ(spent(Scope::Key, "key_1", Period::Day), *money::cost(kPrice, 0, 120));
  EXPECT_TRUE(ledger_->verify());
}

TEST_F(LedgerMoney, UsageByBucketAndGroup) {
  const base::Time day{1'700'006'400'000'000'000};  // 2023-11-15
  for (int i = 0; i < 48; ++i) {
    Usage used = usage(10, 1);
    used.model = i % 2 == 0 ? "chat" : "solver";
    used.batch = i % 3 == 0;
    if (i == 40) used.kind = UsageKind::Embeddings;
    charge("r" + std::to_string(i), used);
    clock_.advance(base::seconds(1800));
  }
  const auto days = ledger_->usage_buckets({.from = day, .by_model = true});
  ASSERT_TRUE(days) << days.error().text();
  ASSERT_EQ(days->buckets.size(), 2u);
  EXPECT_EQ(days->buckets[0].start, day);
  ASSERT_EQ(days->buckets[0].groups.size(), 2u);
  EXPECT_EQ(days->buckets[0].groups[0].model, "chat");
  EXPECT_EQ(days->buckets[0].groups[0].sums.requests, 12);
  EXPECT_EQ(days->buckets[0].groups[1].sums.prompt_tokens, 120);
  EXPECT_FALSE(days->buckets[0].groups[0].project_id);
  EXPECT_TRUE(days->next_page.empty());

  BucketQuery hours{.from = clock_.now() + base::seconds(-24 * 3600),
                    .width = BucketWidth::Hour,
                    .models = {"chat"},
                    .by_batch = true,
                    .limit = 5};
  int64_t requests = 0, buckets = 0, pages = 0;
  do {
    const auto page = ledger_->usage_buckets(hours);
    ASSERT_TRUE(page);
    for (const UsageBucket& bucket : page->buckets) {
      EXPECT_EQ(bucket.start.ns % 3'600'000'000'000, 0);
      for (const UsageGroup& group : bucket.groups) requests += group.sums.requests;
    }
    buckets += static_cast<int64_t>(page->buckets.size());
    hours.page = page->next_page;
    ++pages;
  } while (!hours.page.empty());
  EXPECT_EQ(requests, 24);
  EXPECT_EQ(buckets, 25);
  EXPECT_EQ(pages, 5);
  hours.page = "page_x";
  EXPECT_EQ(ledger_->usage_buckets(hours).error().where, "page");

  const base::Time noon = day + base::seconds(12 * 3600);
  const auto minutes = ledger_->usage_buckets(
      {.from = noon, .to = noon + base::seconds(3600), .width = BucketWidth::Minute});
  ASSERT_EQ(minutes->buckets.size(), 60u);
  EXPECT_EQ(minutes->buckets[30].groups.at(0).sums.requests, 1);
  EXPECT_TRUE(minutes->buckets[29].groups.empty());
  EXPECT_EQ(
      ledger_
          ->usage_buckets(
              {.org_id = "org_7", .kind = UsageKind::Embeddings, .from = day, .by_kind = true})
          ->buckets[1]
          .groups.at(0)
          .kind,
      UsageKind::Embeddings);
  EXPECT_TRUE(ledger_->usage_buckets({.org_id = "org_8", .from = day})->buckets[0].groups.empty());
}

TEST_F(LedgerMoney, ACorrectionCountsWhenTheRequestDid) {
  charge("r", usage(10, 10));
  clock_.advance(base::seconds(86'400));
  ASSERT_TRUE(ledger_->correct("r", usage(10, 5), "less"));
  ASSERT_TRUE(ledger_->refund("r", "all of it"));
  const base::Time day{1'700'006'400'000'000'000};
  for (const BucketWidth width : {BucketWidth::Minute, BucketWidth::Day}) {
    const auto page = ledger_->usage_buckets(
        {.from = day, .to = day + base::seconds(86'400), .width = width, .limit = 1440});
    UsageTotals all;
    for (const UsageBucket& bucket : page->buckets)
      for (const UsageGroup& group : bucket.groups) all = group.sums;
    EXPECT_EQ(all.requests, 1);
    EXPECT_EQ(all.completion_tokens, 5);
    EXPECT_TRUE(all.amount.is_zero());
  }
  EXPECT_EQ(rebuild_ledger(path_, false).error().reason, "DATABASE_LOCKED");
  ledger_.reset();
  EXPECT_TRUE(rebuild_ledger(path_, true)->differences.empty());
  ledger_ = open();
  EXPECT_TRUE(ledger_->verify());
}

// Random lives of requests, with openings in between: what the ledger says is what a plain sum of
// the answers it gave says, and its tables are what its entries give (L1 to L8, L11, L14).
TEST_F(LedgerMoney, RandomHistoriesAddUp) {
  base::Rng rng(7);
  std::map<std::string, Amount> charged;
  std::vector<Hold> open_holds;
  const std::vector<BudgetCap> caps{
      {Scope::Organisation, Period::Day, Amount::pico(50'000'000'000)},
      {Scope::Key, Period::Month, Amount::pico(200'000'000'000)}};
  for (int step = 0; step < 800; ++step) {
    clock_.advance(base::seconds(static_cast<int64_t>(rng.below(600))));
    const uint64_t what = rng.below(100);
    if (what < 45) {
      HoldRequest asked = request("r" + std::to_string(step), 100, 2000);
      if (rng.below(2) == 0) asked.share.reset();
      asked.budgets = caps;
      if (auto hold = ledger_->hold(asked)) open_holds.push_back(std::move(*hold));
    } else if (what < 85 && !open_holds.empty()) {
      const size_t at = rng.below(open_holds.size());
      const Hold hold = open_holds[at];
      open_holds.erase(open_holds.begin() + static_cast<ptrdiff_t>(at));
      if (rng.below(4) == 0) {
        ledger_->release(hold, "gone");
      } else {
        const auto settled =
            ledger_->settle(hold, usage(100, static_cast<int64_t>(rng.below(2001))), {});
        ASSERT_TRUE(settled);
        charged[hold.request.request_id] = *settled;
      }
    } else if (what < 98 && !charged.empty()) {
      auto one = std::next(charged.begin(), static_cast<ptrdiff_t>(rng.below(charged.size())));
      if (rng.below(3) == 0) {
        ASSERT_TRUE(ledger_->refund(one->first, "refund"));
        charged.erase(one);
      } else {
        const auto now = ledger_->correct(
            one->first, usage(100, static_cast<int64_t>(rng.below(3000))), "counted again", caps);
        ASSERT_TRUE(now) << now.error().text();
        one->second = *now;
      }
    } else if (what >= 99) {
      open_again();
      open_holds.clear();
    }
    ASSERT_LE(spent(Scope::Organisation, "org_7", Period::Day), caps[0].cap);
    ASSERT_LE(spent(Scope::Key, "key_1", Period::Month), caps[1].cap);
  }
  for (const Hold& hold : open_holds) ledger_->release(hold, "end");
  money::Uint128 sum = 0;
  for (const auto& [id, amount] : charged) sum += amount.pico();
  EXPECT_GT(charged.size(), 100u);
  EXPECT_EQ(net(kCustomer).pico() + Amount::usd(1000).pico() + net("5300").pico(), sum);
  const money::Balances clearing = ledger_->balances("2050");
  EXPECT_EQ(clearing.credits_posted, clearing.debits_posted);
  EXPECT_TRUE(clearing.credits_pending.is_zero());
  EXPECT_TRUE(ledger_->balances(kCustomer).debits_pending.is_zero());
  const auto verified = ledger_->verify();
  EXPECT_TRUE(verified) << verified.error().text();
}

}  // namespace
}  // namespace journal
