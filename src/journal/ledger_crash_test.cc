// A process that holds and settles is killed without warning, again and again, on the same file.
// Whatever it was told was durable must be there to the pico-dollar, and nothing may stay held.
// CHARTER_CRASH_ROUNDS says how often (25 without it).
#include <gtest/gtest.h>

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <vector>

#include "base/random.h"
#include "files/files.h"
#include "journal/ledger.h"

namespace journal {
namespace {

int rounds() {
  const char* asked = std::getenv("CHARTER_CRASH_ROUNDS");
  return asked != nullptr ? std::max(1, std::atoi(asked)) : 25;
}

constexpr size_t kStreams = 100;  // open at a time
constexpr PriceQuote kPrice{10'000'000, 30'000'000, 1};
const std::string kCustomer = customer_account("org_1");

// Never returns: opens the ledger, then streams until it is killed. Each durable settlement is one
// line in the pipe.
[[noreturn]] void stream_until_killed(const std::string& path, uint64_t seed, int pipe) {
  const base::SystemClock clock;
  auto ledger = Ledger::open(path, clock);
  if (!ledger || !(*ledger)->deposit(kCustomer, Amount::usd(1'000'000), "grant", "for the test"))
    _exit(1);
  base::Rng rng(seed);
  std::vector<Hold> open;
  for (int64_t next = 0;; ++next) {
    if (open.size() < kStreams) {
      const auto in = static_cast<int64_t>(rng.below(2000));
      auto hold = (*ledger)->hold(
          {.account = kCustomer,
           .request_id = std::to_string(seed) + "-" + std::to_string(next),
           .amount = *money::cost(kPrice, in, 1000),
           .price = kPrice,
           .share = BuilderShare{"b", 3000, 1},
           .scopes = {.org_id = "org_1", .model = "chat"},
           .budgets = {{money::Scope::Organisation, money::Period::Day, Amount::usd(1'000'000)}}});
      if (!hold) _exit(2);
      open.push_back(std::move(*hold));
      continue;
    }
    const size_t at = rng.below(open.size());
    const Hold hold = open[at];
    open.erase(open.begin() + static_cast<ptrdiff_t>(at));
    if (rng.below(5) == 0) {
      (*ledger)->release(hold, "client went away");
      continue;
    }
    const Usage usage{.org_id = "org_1",
                      .model = "chat",
                      .completion_tokens = static_cast<int64_t>(rng.below(1001))};
    const std::string amount = money::cost(kPrice, 0, usage.completion_tokens)->decimal();
    const std::string line = hold.request.request_id + " " + amount + "\n";
    const auto acknowledge = [line, pipe](const base::Status& status) {
      if (!status || write(pipe, line.data(), line.size()) < 0) _exit(3);
    };
    if (!(*ledger)->settle(hold, usage, acknowledge)) _exit(4);
    if (next % 64 == 0) (*ledger)->flush();  // keep the disk in sight, so that a round stays short
  }
}

TEST(LedgerCrash, KilledAtRandomMomentsNothingAcknowledgedIsLost) {
  const auto folder = files::TemporaryDirectory::create("ledger-crash-test");
  ASSERT_TRUE(folder) << folder.error().text();
  const std::string path = files::join(folder->path(), "ledger.db");
  base::Rng rng(42);
  std::map<std::string, std::string> acknowledged;
  for (int round = 0; round < rounds(); ++round) {
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      close(ends[0]);
      stream_until_killed(path, static_cast<uint64_t>(round) + 1, ends[1]);
    }
    close(ends[1]);
    FILE* lines = fdopen(ends[0], "r");
    char id[64];
    char amount[64];
    // The moment is counted in answers, not in time; the child goes on while the signal is on its
    // way.
    for (uint64_t wanted = rng.below(100);
         wanted > 0 && std::fscanf(lines, "%63s %63s", id, amount) == 2; --wanted)
      acknowledged[id] = amount;
    kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the child failed by itself: " << WEXITSTATUS(status);
    while (std::fscanf(lines, "%63s %63s", id, amount) == 2) acknowledged[id] = amount;
    std::fclose(lines);
  }

  const base::SystemClock clock;
  auto ledger = Ledger::open(path, clock);
  ASSERT_TRUE(ledger) << ledger.error().text();
  EXPECT_EQ((*ledger)->open_holds(), 0);
  const auto verified = (*ledger)->verify();
  EXPECT_TRUE(verified) << verified.error().text();

  RecordProperty("rows", std::to_string((*ledger)->rows()));
  std::map<std::string, std::string> charged;
  Amount total;
  UsageQuery query{.limit = 1000};
  for (;;) {
    const auto page = (*ledger)->usage(query);
    ASSERT_TRUE(page);
    if (page->empty()) break;
    for (const UsageRow& row : *page) {
      EXPECT_TRUE(charged.emplace(row.request_id, row.amount.decimal()).second)
          << "charged twice: " << row.request_id;
      total = *money::checked_add(total, row.amount);
    }
    query.before_seq = page->back().seq;
  }
  EXPECT_GT(acknowledged.size(), 5u * static_cast<size_t>(rounds()));
  for (const auto& [id, amount] : acknowledged) EXPECT_EQ(charged[id], amount) << id;
  const money::Balances customer = (*ledger)->balances(kCustomer);
  EXPECT_EQ(customer.debits_posted, total);
  const auto budget = [&](money::Scope scope, const char* id) {
    return (*ledger)->budget_use(scope, id, money::Period::Total);
  };
  EXPECT_EQ(budget(money::Scope::Organisation, "org_1").spent, total);
  EXPECT_EQ(budget(money::Scope::Model, "org_1/chat").spent, total);
  EXPECT_TRUE(budget(money::Scope::Organisation, "org_1").held.is_zero());
  EXPECT_TRUE(customer.debits_pending.is_zero());
  const money::Balances clearing = (*ledger)->balances("2050");
  EXPECT_EQ(clearing.debits_posted, clearing.credits_posted);
  EXPECT_TRUE(clearing.credits_pending.is_zero());
  EXPECT_EQ(*money::checked_add((*ledger)->balances("2100:b").credits_posted,
                                (*ledger)->balances("4000").credits_posted),
            total);
  ledger->reset();
}

}  // namespace
}  // namespace journal
