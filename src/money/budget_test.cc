#include "money/budget.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <map>

namespace money {
namespace {

constexpr base::Time kNoon{1'700'049'600'000'000'000};  // 2023-11-15T12:00:00Z
const Scopes kCaller{"org_1", "proj_1", "user_1", "key_1", "chat"};

base::Time time(std::string_view text) { return *base::parse_rfc3339(text); }
BudgetCap cap(Scope scope, Period period, uint64_t dollars) {
  return {scope, period, Amount::usd(dollars)};
}

TEST(Budgets, PeriodsBeginAndEndAtBordersOfUtc) {
  EXPECT_EQ(period_start(Period::Day, kNoon), time("2023-11-15T00:00:00Z"));
  EXPECT_EQ(period_end(Period::Day, kNoon), time("2023-11-16T00:00:00Z"));
  EXPECT_EQ(period_start(Period::Month, kNoon), time("2023-11-01T00:00:00Z"));
  EXPECT_EQ(period_end(Period::Month, time("2023-12-31T23:59:59Z")), time("2024-01-01T00:00:00Z"));
  EXPECT_EQ(period_end(Period::Month, time("2024-02-29T00:00:00Z")), time("2024-03-01T00:00:00Z"));
  EXPECT_EQ(period_start(Period::Day, time("2024-03-01T00:00:00Z")), time("2024-03-01T00:00:00Z"));
  EXPECT_FALSE(period_end(Period::Total, kNoon));
}

TEST(Budgets, RefusalNamesScopeCapAndReset) {
  Budgets budgets;
  const BudgetCap caps[] = {cap(Scope::Organisation, Period::Total, 1000),
                            cap(Scope::Project, Period::Month, 10)};
  budgets.spend(kCaller, Amount::usd(4), kNoon);
  ASSERT_FALSE(budgets.hold(kCaller, caps, Amount::usd(5), kNoon));
  const auto refused = budgets.hold(kCaller, caps, Amount::usd(2), kNoon);
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->resets, time("2023-12-01T00:00:00Z"));
  const base::Error error = refused->error();
  EXPECT_EQ(error.code, base::Code::QuotaExceeded);
  EXPECT_EQ(error.reason, "insufficient_quota");
  EXPECT_EQ(error.where, "project:proj_1");
  EXPECT_EQ(error.message,
            "You exceeded your current quota: the budget of project proj_1 per month is $10.00, of "
            "which $4.00 is spent and $5.00 is held for requests under way; this request may cost "
            "up to $2.00. It starts again at 2023-12-01T00:00:00Z; until then ask for fewer "
            "tokens, or raise the budget.");
  EXPECT_EQ(budgets.room(kCaller, caps, kNoon), Amount::usd(1));
  EXPECT_EQ(budgets.use(Scope::Organisation, "org_1", Period::Total, kNoon).held, Amount::usd(5))
      << "a refusal holds nothing anywhere";
}

TEST(Budgets, TheTightestRefusalIsTheOneThatIsTold) {
  Budgets budgets;
  const BudgetCap caps[] = {cap(Scope::User, Period::Day, 3), cap(Scope::Key, Period::Day, 1),
                            cap(Scope::Model, Period::Day, 2)};
  EXPECT_EQ(budgets.hold(kCaller, caps, Amount::usd(4), kNoon)->cap.scope, Scope::Key);
}

TEST(Budgets, AModelIsCountedForEachOwnerApart) {
  Budgets budgets;
  EXPECT_EQ(with_model(Scope::Organisation), Scope::Model);
  EXPECT_EQ(with_model(Scope::Key), Scope::KeyModel);
  const BudgetCap caps[] = {cap(Scope::ProjectModel, Period::Day, 1)};
  ASSERT_FALSE(budgets.hold(kCaller, caps, Amount::usd(1), kNoon));
  const auto refused = budgets.hold(kCaller, caps, Amount::usd(1), kNoon);
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->error().where, "project_model:proj_1/chat");
  EXPECT_NE(refused->error().message.find("the budget of model chat of project proj_1 per day"),
            std::string::npos);
  Scopes other = kCaller;
  other.project_id = "proj_2";
  EXPECT_FALSE(budgets.hold(other, caps, Amount::usd(1), kNoon));
  other = kCaller;
  other.model = "solver";
  EXPECT_FALSE(budgets.hold(other, caps, Amount::usd(1), kNoon));
}

TEST(Budgets, ANewPeriodBeginsWithWhatIsStillHeld) {
  Budgets budgets;
  const BudgetCap caps[] = {cap(Scope::Organisation, Period::Day, 10)};
  const base::Time next = time("2023-11-16T00:00:00Z");
  budgets.spend(kCaller, Amount::usd(8), kNoon);
  ASSERT_FALSE(budgets.hold(kCaller, caps, Amount::usd(2), kNoon));
  EXPECT_TRUE(budgets.hold(kCaller, caps, Amount::usd(1), base::Time{next.ns - 1}));
  EXPECT_EQ(budgets.room(kCaller, caps, next), Amount::usd(8)) << "the held $2 may end in it";
  budgets.release(kCaller, Amount::usd(2));
  budgets.spend(kCaller, Amount::usd(2), next);
  EXPECT_EQ(budgets.use(Scope::Organisation, "org_1", Period::Day, next).spent, Amount::usd(2));
  EXPECT_EQ(budgets.use(Scope::Organisation, "org_1", Period::Month, next).spent, Amount::usd(10));
}

TEST(Budgets, ACapBelowWhatIsSpentLeavesNothing) {
  Budgets budgets;
  budgets.spend(kCaller, Amount::usd(8), kNoon);
  const BudgetCap lowered[] = {cap(Scope::Organisation, Period::Month, 5)};
  EXPECT_TRUE(budgets.hold(kCaller, lowered, Amount::pico(1), kNoon));
  EXPECT_TRUE(budgets.room(kCaller, lowered, kNoon).is_zero());
  EXPECT_FALSE(budgets.hold(kCaller, lowered, Amount{}, kNoon)) << "what costs nothing may pass";
}

TEST(Budgets, GivingBackReachesOnlyThePeriodsOfThen) {
  Budgets budgets;
  budgets.spend(kCaller, Amount::usd(8), kNoon);
  const base::Time next = time("2023-11-16T08:00:00Z");
  budgets.spend(kCaller, Amount::usd(1), next);
  budgets.give_back(kCaller, Amount::usd(3), kNoon);
  EXPECT_EQ(budgets.use(Scope::Key, "key_1", Period::Day, next).spent, Amount::usd(1));
  EXPECT_EQ(budgets.use(Scope::Key, "key_1", Period::Month, next).spent, Amount::usd(6));
  EXPECT_EQ(budgets.use(Scope::Key, "key_1", Period::Total, next).spent, Amount::usd(6));
  budgets.spend(kCaller, Amount::usd(2), kNoon);
  EXPECT_EQ(budgets.use(Scope::Key, "key_1", Period::Day, next).spent, Amount::usd(1))
      << "a correction of yesterday's is not today's";
}

TEST(Budgets, RowsAreTheStateAgain) {
  Budgets budgets;
  budgets.spend(kCaller, Amount::usd(8), kNoon);
  ASSERT_EQ(budgets.rows().size(), kScopes);
  EXPECT_EQ(budgets.rows().back().id, "key_1/chat");
  EXPECT_EQ(budgets.take_changed().size(), kScopes);
  EXPECT_TRUE(budgets.take_changed().empty());
  Budgets again;
  for (const BudgetRow& row : budgets.rows()) again.restore(row);
  EXPECT_EQ(again.rows(), budgets.rows());
}

// One cap worth 100 requests and 1,000 that ask at once: 100 pass, and the cap is used to the pico.
TEST(Budgets, TheWholeCapCanBeUsedAndNoMore) {
  Budgets budgets;
  const BudgetCap caps[] = {cap(Scope::Organisation, Period::Month, 100)};
  int admitted = 0;
  for (int i = 0; i < 1000; ++i) admitted += !budgets.hold(kCaller, caps, Amount::usd(1), kNoon);
  EXPECT_EQ(admitted, 100);
  // Half of what each one held was used: the other half serves others.
  for (int i = 0; i < 100; ++i) {
    budgets.release(kCaller, Amount::usd(1));
    budgets.spend(kCaller, Amount::pico(500'000'000'000), kNoon);
  }
  for (int i = 0; i < 1000; ++i) admitted += !budgets.hold(kCaller, caps, Amount::usd(1), kNoon);
  EXPECT_EQ(admitted, 150);
}

struct Open {
  Scopes scopes;
  Amount held;
};

// Whatever is asked, in whatever order: for every cap that never changed, held and spent of its
// period stay within it; and what the counters say is the sum of what happened.
TEST(BudgetsProperty, HeldAndSpentNeverPassACap) {
  const bool held = rc::check([] {
    const auto small = [](int below) { return *rc::gen::inRange(0, below); };
    std::vector<BudgetCap> caps;
    for (int i = small(5); i-- > 0;)
      caps.push_back({static_cast<Scope>(small(kScopes)), static_cast<Period>(small(kPeriods)),
                      Amount::pico(static_cast<Uint128>(small(200)))});
    Budgets budgets;
    std::vector<Open> open;
    std::vector<std::tuple<Scopes, Amount, base::Time>> charges;
    base::Time now = kNoon;
    for (int step = small(80); step-- > 0;) {
      now = now + base::seconds(small(4) == 0 ? small(40 * 86'400) : small(3600));
      const int what = small(4);
      if (what <= 1 || open.empty()) {
        const Scopes scopes{"o", "p" + std::to_string(small(2)), "u" + std::to_string(small(2)),
                            small(3) == 0 ? "" : "k", "m" + std::to_string(small(2))};
        const Amount amount = Amount::pico(static_cast<Uint128>(small(60)));
        const Amount room = budgets.room(scopes, caps, now);
        const auto refused = budgets.hold(scopes, caps, amount, now);
        RC_ASSERT(refused.has_value() == (amount > room));
        if (!refused) open.push_back({scopes, amount});
      } else {
        const auto at = static_cast<size_t>(small(static_cast<int>(open.size())));
        const Open one = open[at];
        open.erase(open.begin() + static_cast<ptrdiff_t>(at));
        budgets.release(one.scopes, one.held);
        if (what == 3) {
          const Amount spent = Amount::pico(static_cast<Uint128>(
              small(static_cast<int>(static_cast<int64_t>(one.held.pico())) + 1)));
          budgets.spend(one.scopes, spent, now);
          charges.emplace_back(one.scopes, spent, now);
        }
      }
      for (const BudgetCap& limit : caps) {
        const auto id = [&](const Scopes& s) {
          std::string buffer;
          return std::string(id_of(s, limit.scope, &buffer));
        };
        std::map<std::string, Uint128> sums;
        for (const Open& one : open) sums[id(one.scopes)] += one.held.pico();
        for (const auto& [scopes, amount, at] : charges)
          if (at >= period_start(limit.period, now)) sums[id(scopes)] += amount.pico();
        for (const auto& [name, sum] : sums) {
          if (name.empty()) continue;
          RC_ASSERT(sum <= limit.cap.pico());
          const BudgetUse use = budgets.use(limit.scope, name, limit.period, now);
          RC_ASSERT(use.spent.pico() + use.held.pico() == sum);
        }
      }
    }
  });
  EXPECT_TRUE(held);
}

}  // namespace
}  // namespace money
