// A ledger that an older program wrote is read as it was: every digest is checked again, every
// balance and charge is what it was, and what follows continues its chain.
#include <gtest/gtest.h>

#include "db/database.h"
#include "files/files.h"
#include "journal/ledger.h"

namespace journal {
namespace {

class LedgerVersion : public testing::Test {
 protected:
  LedgerVersion() {
    const auto sql = files::read_file(CHARTER_SOURCE_DIR "/tests/golden/ledger/version-1.sql");
    EXPECT_TRUE(sql);
    auto database = db::Database::open(path_);
    EXPECT_TRUE(database && database->execute(*sql));
  }
  void change(const char* sql) {
    auto database = db::Database::open(path_);
    ASSERT_TRUE(database && database->execute(sql));
  }

  files::TemporaryDirectory folder_ = *files::TemporaryDirectory::create("ledger-version-test");
  const std::string path_ = files::join(folder_.path(), "ledger.db");
  base::ManualClock clock_{base::Time{1'700'036'084'000'000'000}};
};

// The figures are those that the older program printed when it wrote the file.
TEST_F(LedgerVersion, OneIsReadToThePico) {
  auto ledger = Ledger::open(path_, clock_);
  ASSERT_TRUE(ledger) << ledger.error().text();
  EXPECT_EQ((*ledger)->rows(), 41) << "40 rows, and the release of the hold that was left open";
  EXPECT_EQ((*ledger)->balances("2000:org_7").debits_posted, Amount::pico(5'306'000'000));
  EXPECT_EQ((*ledger)->balances("2000:org_8").debits_posted, Amount::pico(5'000'000'000));
  EXPECT_TRUE((*ledger)->balances("2000:org_8").debits_pending.is_zero());
  EXPECT_EQ((*ledger)->balances("2100:b9").credits_posted, Amount::pico(1'699'800'000));
  EXPECT_EQ((*ledger)->balances("4000").credits_posted, Amount::pico(8'666'200'000));
  EXPECT_EQ((*ledger)->balances("5300").debits_posted, Amount::pico(60'000'000));
  EXPECT_EQ((*ledger)->available("2000:org_8"), Amount::pico(495'000'000'000));
  const auto verified = (*ledger)->verify();
  EXPECT_TRUE(verified) << verified.error().text();

  const auto rows = (*ledger)->usage({});
  ASSERT_TRUE(rows);
  ASSERT_EQ(rows->size(), 10u);
  EXPECT_EQ(rows->back().request_id, "req_old_0");
  EXPECT_EQ(rows->back().usage.key_id, "key_2");
  EXPECT_EQ(rows->back().price, (PriceQuote{150'000, 600'000, 3}));
  EXPECT_EQ((*ledger)->usage_totals({})->amount, Amount::pico(10'306'000'000));
  EXPECT_EQ((*ledger)->budget_use(money::Scope::Project, "proj_1", money::Period::Total).spent,
            Amount::pico(10'306'000'000));
  const auto days = (*ledger)->usage_buckets({.from = base::Time{1'699'920'000'000'000'000}});
  ASSERT_TRUE(days);
  ASSERT_EQ(days->buckets.size(), 2u);
  EXPECT_EQ(days->buckets[0].groups[0].sums.requests, 2);
  EXPECT_EQ(days->buckets[1].groups[0].sums.requests, 8);
}

TEST_F(LedgerVersion, OneGoesOn) {
  for (int round = 0; round < 3; ++round) {
    auto ledger = Ledger::open(path_, clock_);
    ASSERT_TRUE(ledger) << ledger.error().text();
    EXPECT_TRUE(
        (*ledger)->deposit("2000:org_7", Amount::usd(1), "opening:org_7", "opening credit"));
    EXPECT_EQ((*ledger)->balances("2000:org_7").credits_posted, Amount::usd(1));
    EXPECT_EQ((*ledger)->hold({.account = "2000:org_7", .request_id = "req_old_1"}).error().reason,
              "REQUEST_ALREADY_HELD");
    const auto hold = (*ledger)->hold({.account = "2000:org_7",
                                       .request_id = "new" + std::to_string(round),
                                       .amount = Amount::pico(1000),
                                       .price = {10, 10, 5}});
    ASSERT_TRUE(hold);
    ASSERT_TRUE((*ledger)->settle_and_wait(*hold, {.org_id = "org_7", .prompt_tokens = 100}));
    EXPECT_EQ((*ledger)->rows(), 42 + round);
    EXPECT_TRUE((*ledger)->verify());
  }
  EXPECT_TRUE(rebuild_ledger(path_, true)->differences.empty());
  EXPECT_TRUE(rebuild_ledger(path_, false)->differences.empty());
}

TEST_F(LedgerVersion, RefundOfAnOldChargeFollowsItsOwnParts) {
  auto ledger = Ledger::open(path_, clock_);
  ASSERT_TRUE(ledger);
  const money::Balances builder = (*ledger)->balances("2100:b9");
  const auto given_back = (*ledger)->refund("req_old_9", "asked for");
  ASSERT_TRUE(given_back) << given_back.error().text();
  EXPECT_EQ(*given_back, Amount::pico(3'700'000'000));
  const Amount share = money::share_floor(*given_back, 3000);
  EXPECT_EQ((*ledger)->balances("2100:b9").debits_posted,
            Amount::pico(builder.debits_posted.pico() + share.pico()));
  EXPECT_TRUE((*ledger)->verify());
}

TEST_F(LedgerVersion, TamperedOldRowsAreRefused) {
  for (const char* sql : {"UPDATE transfers SET amount = '999' WHERE seq = 3",
                          "UPDATE transfers SET at = at + 1 WHERE seq = 2",
                          "UPDATE charges SET key = 'key_9' WHERE seq = 4",
                          "UPDATE transfers SET id = x'00' WHERE seq = 2"}) {
    const std::string copy = files::read_file(path_).value();
    change(sql);
    const auto opened = Ledger::open(path_, clock_);
    ASSERT_FALSE(opened) << sql;
    EXPECT_EQ(opened.error().code, base::Code::Corrupt) << sql;
    ASSERT_TRUE(files::write_atomic(path_, copy));
  }
  {
    ASSERT_TRUE(Ledger::open(path_, clock_));
  }
  change("UPDATE entries SET completion_tokens = 1 WHERE name = 'req_old_2'");
  const auto opened = Ledger::open(path_, clock_);
  ASSERT_TRUE(opened);
  EXPECT_FALSE((*opened)->verify()) << "the copy no longer says what the old row says";
}

}  // namespace
}  // namespace journal
