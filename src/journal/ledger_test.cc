#include "journal/ledger.h"

#include <gtest/gtest.h>

#include <sys/resource.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <thread>

#include "base/random.h"
#include "db/database.h"
#include "files/files.h"

namespace journal {
namespace {

using base::Code;

constexpr PriceQuote kPrice{150'000, 600'000, 3};  // GOVERNANCE 4.4
const std::string kCustomer = customer_account("org_7");

class LedgerTest : public testing::Test {
 protected:
  std::string path() const { return (dir_ / "ledger.db").string(); }

  std::unique_ptr<Ledger> open() {
    auto ledger = Ledger::open(path(), clock_);
    EXPECT_TRUE(ledger) << ledger.error().text();
    return ledger ? std::move(*ledger) : nullptr;
  }
  std::unique_ptr<Ledger> open_with(Amount amount) {
    auto ledger = open();
    EXPECT_TRUE(ledger->deposit(kCustomer, amount, "grant", "credit line of the owner"));
    return ledger;
  }
  static HoldRequest request(std::string id, int64_t in_tokens, int64_t out_tokens) {
    return {.account = kCustomer,
            .request_id = std::move(id),
            .amount = *money::cost(kPrice, in_tokens, out_tokens),
            .price = kPrice,
            .epoch = 2};
  }
  static Usage usage(int64_t in_tokens, int64_t out_tokens) {
    return {.org_id = "org_7",
            .project_id = "proj_1",
            .user_id = "user_1",
            .key_id = "key_1",
            .model = "chat",
            .release_id = "rel_1",
            .prompt_tokens = in_tokens,
            .completion_tokens = out_tokens};
  }

  files::TemporaryDirectory folder_ = *files::TemporaryDirectory::create("ledger-test");
  const std::filesystem::path dir_ = folder_.path();
  base::ManualClock clock_{base::Time{1'700'000'000'000'000'000}};
};

TEST_F(LedgerTest, ExampleOfTheBookToThePico) {
  auto ledger = open_with(Amount::pico(1'000'000'000));
  HoldRequest asked = request("req_1", 1234, 1024);
  asked.share = BuilderShare{"b9", 3000, 1};
  EXPECT_EQ(asked.amount, Amount::pico(799'500'000));
  const auto hold = ledger->hold(asked);
  ASSERT_TRUE(hold) << hold.error().text();
  EXPECT_EQ(ledger->available(kCustomer), Amount::pico(200'500'000));
  EXPECT_EQ(ledger->balances("2050").credits_pending, Amount::pico(799'500'000));
  EXPECT_EQ(*ledger->settle_and_wait(*hold, usage(1234, 317)), Amount::pico(375'300'000));
  EXPECT_EQ(ledger->available(kCustomer), Amount::pico(624'700'000));
  EXPECT_EQ(ledger->balances("2100:b9").credits_posted, Amount::pico(112'590'000));
  EXPECT_EQ(ledger->balances("4000").credits_posted, Amount::pico(262'710'000));
  EXPECT_EQ(ledger->balances("2050").credits_posted, ledger->balances("2050").debits_posted);
  EXPECT_EQ(ledger->open_holds(), 0);
  EXPECT_TRUE(ledger->verify());

  const auto rows = ledger->usage({});
  ASSERT_TRUE(rows);
  ASSERT_EQ(rows->size(), 1u);
  const UsageRow& row = rows->front();
  EXPECT_EQ(row.request_id, "req_1");
  EXPECT_EQ(row.amount, Amount::pico(375'300'000));
  EXPECT_EQ(row.price, kPrice);
  EXPECT_EQ(row.at, clock_.now());
  EXPECT_EQ(row.usage.key_id, "key_1");
  EXPECT_EQ(row.usage.completion_tokens, 317);
}

TEST_F(LedgerTest, EverythingIsThereAfterOpeningAgain) {
  crypto::Digest root;
  std::vector<money::AccountBalances> before;
  {
    auto ledger = open_with(Amount::usd(1));
    for (int i = 0; i < 20; ++i) {
      const auto hold = ledger->hold(request("r" + std::to_string(i), 100, 100));
      ASSERT_TRUE(hold);
      if (i % 3 == 0)
        ledger->release(*hold, "client went away");
      else
        ASSERT_TRUE(ledger->settle(*hold, usage(100, i), {}));
    }
    before = ledger->trial_balance();
    root = ledger->root();
  }
  auto again = open();
  EXPECT_EQ(again->root(), root);
  ASSERT_EQ(again->trial_balance().size(), before.size());
  for (const auto& row : before)
    EXPECT_EQ(again->balances(row.account), row.balances) << row.account;
  EXPECT_TRUE(again->verify());
}

TEST_F(LedgerTest, HoldsEndWithTheProcess) {
  {
    auto ledger = open_with(Amount::usd(1));
    ASSERT_TRUE(ledger->hold(request("left", 1000, 1000)));
    const auto settled = ledger->hold(request("done", 1000, 1000));
    ASSERT_TRUE(ledger->settle_and_wait(*settled, usage(10, 10)));
    EXPECT_EQ(ledger->open_holds(), 1);
    EXPECT_TRUE(ledger->verify()) << "what is held is in the balances in memory alone";
  }
  auto again = open();
  EXPECT_EQ(again->open_holds(), 0);
  EXPECT_EQ(again->available(kCustomer), Amount::pico(Amount::usd(1).pico() - 10 * 750'000));
  EXPECT_TRUE(again->hold(request("left", 1000, 1000))) << "it was never charged";
  EXPECT_EQ(again->hold(request("done", 1000, 1000)).error().reason, "REQUEST_ALREADY_HELD");
}

TEST_F(LedgerTest, RefusesWhatTheBalanceDoesNotCover) {
  auto ledger = open_with(Amount::pico(1'000'000));
  const auto refused = ledger->hold(request("big", 1'000'000, 0));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::QuotaExceeded);
  EXPECT_EQ(refused.error().reason, "insufficient_quota");
  EXPECT_NE(refused.error().message.find("$0.000001"), std::string::npos)
      << refused.error().message;
  EXPECT_TRUE(ledger->hold(request("big", 1, 1))) << "a refusal does not spend the request id";
  const auto stranger = ledger->hold(
      {.account = customer_account("org_other"), .request_id = "x", .amount = Amount::pico(1)});
  ASSERT_FALSE(stranger);
  EXPECT_EQ(stranger.error().reason, "insufficient_quota");
}

TEST_F(LedgerTest, RequestsThatArriveTogetherNeverOverdraw) {
  auto ledger = open_with(Amount::usd(100));
  std::atomic<int> admitted{0};
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 8; ++t)
      threads.emplace_back([&, t] {
        for (int i = 0; i < 125; ++i) {
          HoldRequest asked = request(std::to_string(t) + "/" + std::to_string(i), 0, 0);
          asked.amount = Amount::usd(1);
          admitted += ledger->hold(asked).has_value() ? 1 : 0;
        }
      });
  }
  EXPECT_EQ(admitted, 100);
  EXPECT_TRUE(ledger->available(kCustomer).is_zero());
  EXPECT_TRUE(ledger->verify());
}

TEST_F(LedgerTest, OneRequestBillsOnce) {
  auto ledger = open_with(Amount::usd(1));
  const auto hold = ledger->hold(request("r", 100, 100));
  ASSERT_TRUE(hold);
  const auto twice = ledger->hold(request("r", 100, 100));
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().reason, "REQUEST_ALREADY_HELD");
  ASSERT_TRUE(ledger->settle_and_wait(*hold, usage(100, 50)));
  const Amount after = ledger->available(kCustomer);
  EXPECT_TRUE(ledger->settle_and_wait(*hold, usage(100, 50)))
      << "the same settlement again is the same settlement";
  const auto other = ledger->settle_and_wait(*hold, usage(100, 51));
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().reason, "REQUEST_ALREADY_SETTLED");
  ledger->release(*hold, "too late");
  EXPECT_EQ(ledger->available(kCustomer), after);
  EXPECT_EQ(ledger->usage_totals({})->requests, 1);

  const auto gone = ledger->hold(request("gone", 10, 10));
  ledger->release(*gone, "cancelled");
  const auto late = ledger->settle_and_wait(*gone, usage(1, 1));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().reason, "HOLD_RELEASED");
  EXPECT_EQ(ledger->available(kCustomer), after);
}

TEST_F(LedgerTest, DepositCountsOnce) {
  auto ledger = open_with(Amount::usd(1000));
  EXPECT_TRUE(ledger->deposit(kCustomer, Amount::usd(1000), "grant", "credit line of the owner"));
  EXPECT_EQ(ledger->available(kCustomer), Amount::usd(1000));
  EXPECT_EQ(ledger->balances("1000").debits_posted, Amount::usd(1000));
  EXPECT_FALSE(ledger->deposit(kCustomer, Amount::usd(999), "grant", "another amount"));
  EXPECT_FALSE(ledger->deposit("4000", Amount::usd(1), "x", "not a customer"));
  EXPECT_FALSE(ledger->deposit("2000:a b", Amount::usd(1), "x", "not a name"));
}

TEST_F(LedgerTest, ChargeBeyondTheHoldIsOurLoss) {
  auto ledger = open_with(Amount::usd(1));
  const auto hold = ledger->hold(request("r", 10, 10));
  ASSERT_TRUE(ledger->settle_and_wait(*hold, usage(10, 11)));
  EXPECT_EQ(ledger->balances("5300").debits_posted, Amount::pico(600'000));
  EXPECT_EQ(ledger->balances(kCustomer).debits_posted, hold->request.amount);
  EXPECT_EQ(ledger->balances("2050").credits_posted, ledger->balances("2050").debits_posted);
  EXPECT_TRUE(ledger->verify());
}

TEST_F(LedgerTest, SweepReleasesWhatNobodyFinished) {
  auto ledger = open_with(Amount::usd(1));
  ASSERT_TRUE(ledger->hold(request("r", 10, 10)));
  EXPECT_EQ(ledger->sweep(), 0);
  clock_.advance(base::seconds(3600));
  EXPECT_EQ(ledger->sweep(), 1);
  EXPECT_EQ(ledger->available(kCustomer), Amount::usd(1));
}

TEST_F(LedgerTest, ClockThatRunsBackHurtsNothing) {
  auto ledger = open_with(Amount::usd(1));
  const auto hold = ledger->hold(request("r", 10, 10));
  clock_.advance(base::seconds(-1000));
  EXPECT_TRUE(ledger->settle_and_wait(*hold, usage(10, 10)));
  ledger.reset();
  EXPECT_TRUE(open()->verify());
}

TEST_F(LedgerTest, UsageCanBeFilteredPagedAndSummed) {
  auto ledger = open_with(Amount::usd(1));
  for (int i = 0; i < 25; ++i) {
    const auto hold = ledger->hold(request("r" + std::to_string(i), 10, 10));
    Usage used = usage(10, i % 10);
    used.key_id = i % 2 == 0 ? "key_even" : "key_odd";
    ASSERT_TRUE(ledger->settle(*hold, used, {}));
    clock_.advance(base::seconds(60));
  }
  ledger->flush();
  const auto page = ledger->usage({.limit = 10});
  ASSERT_TRUE(page);
  ASSERT_EQ(page->size(), 10u);
  EXPECT_EQ(page->front().request_id, "r24");
  const auto next = ledger->usage({.before_seq = page->back().seq, .limit = 100});
  EXPECT_EQ(next->size(), 15u);
  EXPECT_EQ(ledger->usage({.key_id = "key_even"})->size(), 13u);
  EXPECT_EQ(ledger->usage({.key_id = "key_' OR 1=1"})->size(), 0u);
  const base::Time start{1'700'000'000'000'000'000};
  EXPECT_EQ(
      ledger->usage({.from = start + base::seconds(60), .to = start + base::seconds(180)})->size(),
      2u);
  const auto totals = ledger->usage_totals({.org_id = "org_7"});
  ASSERT_TRUE(totals);
  EXPECT_EQ(totals->prompt_tokens, 250);
  EXPECT_EQ(totals->amount, ledger->balances(kCustomer).debits_posted);
  EXPECT_EQ(ledger->usage_totals({.org_id = "org_8"})->requests, 0);
}

TEST_F(LedgerTest, FullDiskStopsAdmissionAndLosesNothing) {
  auto ledger = open_with(Amount::usd(1));
  const auto hold = ledger->hold(request("r", 100, 100));
  ledger->flush();
  signal(SIGXFSZ, SIG_IGN);
  rlimit before = {};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  rlimit tight = before;
  tight.rlim_cur = 1;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &tight), 0);
  const auto refused = ledger->settle_and_wait(*hold, usage(100, 100));
  const auto next = ledger->hold(request("r2", 1, 1));
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::Unavailable);
  EXPECT_EQ(refused.error().reason, "STORAGE_UNAVAILABLE");
  ASSERT_FALSE(next);
  EXPECT_EQ(next.error().reason, "STORAGE_UNAVAILABLE");
  ledger->flush();
  EXPECT_TRUE(ledger->health());
  EXPECT_TRUE(ledger->settle_and_wait(*hold, usage(100, 100)))
      << "the kept settlement is on the disk";
  EXPECT_TRUE(ledger->hold(request("r2", 1, 1)));
  EXPECT_TRUE(ledger->verify());
  EXPECT_EQ(ledger->usage({})->size(), 1u);
}

TEST_F(LedgerTest, ACopyIsALedger) {
  auto ledger = open_with(Amount::usd(1));
  const auto hold = ledger->hold(request("r", 100, 100));
  ASSERT_TRUE(ledger->settle(*hold, usage(100, 10), {}));
  ASSERT_TRUE(ledger->hold(request("open", 100, 100)));
  const std::string to = (dir_ / "copy.db").string();
  const auto copied = ledger->copy_to(to);
  ASSERT_TRUE(copied) << copied.error().text();
  EXPECT_EQ(ledger->copy_to(to).error().code, Code::AlreadyExists);
  const auto copy = Ledger::open(to, clock_);
  ASSERT_TRUE(copy) << copy.error().text();
  EXPECT_EQ((*copy)->root(), ledger->root());
  EXPECT_TRUE((*copy)->verify());
  EXPECT_EQ((*copy)->open_holds(), 0);
}

TEST_F(LedgerTest, SecondProgramIsTurnedAway) {
  auto ledger = open();
  const auto second = Ledger::open(path(), clock_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().reason, "DATABASE_LOCKED");
}

// Any change to the history is found by verify(), if opening does not find it.
TEST_F(LedgerTest, TamperingIsNoticed) {
  {
    auto ledger = open_with(Amount::usd(1));
    for (int i = 0; i < 3; ++i) {
      const auto hold = ledger->hold(request("r" + std::to_string(i), 100, 100));
      ASSERT_TRUE(ledger->settle_and_wait(*hold, usage(100, 10)));
    }
  }
  const std::string clean = path() + ".clean";
  std::filesystem::copy_file(path(), clean);
  for (const char* change :
       {"UPDATE entries SET amount = '999' WHERE seq = 3",
        "UPDATE entries SET at = at + 1 WHERE seq = 2",
        "UPDATE entries SET reason = 'x' WHERE seq = 1",
        "UPDATE entries SET name = 'r9' WHERE seq = 3",
        "UPDATE entries SET held = '9' WHERE seq = 2",
        "UPDATE entries SET prompt_tokens = 9 WHERE seq = 3",
        "UPDATE entries SET digest = zeroblob(32) WHERE seq = 4",
        "UPDATE entries SET amount = 'abc' WHERE seq = 2", "DELETE FROM entries WHERE seq = 2",
        "DELETE FROM entries WHERE seq = (SELECT max(seq) FROM entries)",
        "UPDATE dimensions SET key = 'key_2'", "UPDATE dimensions SET account = '2000:org_8'",
        "UPDATE terms SET price_in = 1", "DELETE FROM terms", "UPDATE state SET rows = 3",
        "UPDATE accounts SET credits_posted = '7' WHERE name = '4000'",
        "UPDATE budgets SET spent_total = '0'", "UPDATE hours SET requests = 7",
        "UPDATE hours SET amount = '7'"}) {
    std::filesystem::copy_file(clean, path(), std::filesystem::copy_options::overwrite_existing);
    {
      auto database = db::Database::open(path());
      ASSERT_TRUE(database);
      const auto changed = database->execute(change);
      ASSERT_TRUE(changed) << changed.error().text();
    }
    const auto opened = Ledger::open(path(), clock_);
    const auto found = opened ? (*opened)->verify() : std::unexpected(opened.error());
    ASSERT_FALSE(found) << change;
    EXPECT_EQ(found.error().code, Code::Corrupt) << change;
  }
}

TEST_F(LedgerTest, IndexIsMadeAgainFromTheTransfers) {
  std::vector<money::AccountBalances> truth;
  {
    auto ledger = open_with(Amount::usd(1));
    const auto hold = ledger->hold(request("r", 100, 100));
    ASSERT_TRUE(ledger->settle_and_wait(*hold, usage(100, 10)));
    truth = ledger->trial_balance();
  }
  auto same = rebuild_ledger(path(), false);
  ASSERT_TRUE(same) << same.error().text();
  EXPECT_TRUE(same->differences.empty());
  EXPECT_EQ(same->transfers, 2);
  EXPECT_EQ(same->usage_rows, 1);
  {
    auto database = db::Database::open(path());
    ASSERT_TRUE(
        database->execute("UPDATE accounts SET credits_posted = '5' WHERE name = '4000'; "
                          "DELETE FROM accounts WHERE name = '1000'; "
                          "INSERT INTO accounts VALUES('5000','1','0','0','0'); "
                          "DELETE FROM hours; UPDATE budgets SET spent_day = '1' WHERE scope = 2"));
  }
  const auto refused = Ledger::open(path(), clock_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, "LEDGER_INDEX_DIFFERS");
  const auto found = rebuild_ledger(path(), true);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->differences.size(), 5u);
  EXPECT_TRUE(rebuild_ledger(path(), false)->differences.empty());
  auto ledger = open();
  for (const auto& row : truth) EXPECT_EQ(ledger->balances(row.account), row.balances);
}

}  // namespace
}  // namespace journal
