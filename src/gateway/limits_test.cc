#include "gateway/limits.h"

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <thread>

#include "base/random.h"

namespace gateway {
namespace {

using money::Scope;
using money::Scopes;

constexpr base::Time kStart{1'700'000'000'000'000'000};
const Scopes kCaller{"org_1", "proj_1", "user_1", "key_1", "chat"};

RateCap cap(Scope scope, RateUnit unit, RateWindow window, int64_t limit) {
  return {scope, unit, window, limit};
}
RateCap tokens_per_minute(int64_t limit, Scope scope = Scope::Organisation) {
  return cap(scope, RateUnit::Tokens, RateWindow::Minute, limit);
}
RateCap requests_per_minute(int64_t limit, Scope scope = Scope::Organisation) {
  return cap(scope, RateUnit::Requests, RateWindow::Minute, limit);
}

// The example that OpenAI's documentation gives of its own message.
TEST(Limits, RefusalIsWordedAsClientsKnowIt) {
  Limits limits;
  const RateCap caps[] = {tokens_per_minute(30'000)};
  ASSERT_TRUE(limits.admit(kCaller, caps, 28'039, kStart));
  const auto refused = limits.admit(kCaller, caps, 3'906, kStart);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().error.message,
            "Rate limit reached for chat in organization org_1 on tokens per min (TPM): Limit "
            "30000, Used 28039, Requested 3906. Please try again in 3.89s.");
  EXPECT_EQ(refused.error().error.code, base::Code::RateLimited);
  EXPECT_EQ(refused.error().error.reason, "rate_limit_exceeded");
  EXPECT_EQ(refused.error().error.where, "tokens");
  EXPECT_EQ(refused.error().retry_after.ns, 3'890'000'000);
  EXPECT_EQ(refused.error().state.tokens->remaining, 1'961);
  EXPECT_FALSE(limits.admit(kCaller, caps, 3'906, kStart + base::Duration{3'889'999'999}));
  EXPECT_TRUE(limits.admit(kCaller, caps, 3'906, kStart + base::Duration{3'890'000'000}));
}

TEST(Limits, HeadersSayWhatIsLeftOfTheTightest) {
  Limits limits;
  const RateCap caps[] = {requests_per_minute(60), requests_per_minute(10, Scope::Key),
                          cap(Scope::Project, RateUnit::Tokens, RateWindow::Day, 86'400)};
  const auto admitted = limits.admit(kCaller, caps, 100, kStart);
  ASSERT_TRUE(admitted);
  EXPECT_EQ(admitted->requests->limit, 10);
  EXPECT_EQ(admitted->requests->remaining, 9);
  EXPECT_EQ(go_duration(admitted->requests->reset), "6s");
  EXPECT_EQ(admitted->tokens->remaining, 86'300);
  EXPECT_EQ(go_duration(admitted->tokens->reset), "1m40s");
  EXPECT_FALSE(limits.admit(kCaller, {}, 5, kStart)->tokens);
}

TEST(Limits, OneRefusalTakesNothingAnywhere) {
  Limits limits;
  const RateCap caps[] = {requests_per_minute(5), tokens_per_minute(100, Scope::Model)};
  ASSERT_TRUE(limits.admit(kCaller, caps, 90, kStart));
  for (int i = 0; i < 20; ++i) EXPECT_FALSE(limits.admit(kCaller, caps, 20, kStart));
  EXPECT_EQ(limits.admit(kCaller, caps, 0, kStart)->requests->remaining, 3);
}

TEST(Limits, MoreThanTheLimitCanNeverPass) {
  Limits limits;
  const RateCap caps[] = {tokens_per_minute(100)};
  const auto refused = limits.admit(kCaller, caps, 101, kStart);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().retry_after.ns, 0);
  EXPECT_NE(refused.error().error.message.find("Request too large for chat"), std::string::npos);
  const RateCap none[] = {requests_per_minute(0)};
  EXPECT_FALSE(limits.admit(kCaller, none, 1, kStart));
}

TEST(Limits, WhatWasNotUsedComesBack) {
  Limits limits;
  const RateCap caps[] = {tokens_per_minute(1000), requests_per_minute(10)};
  ASSERT_TRUE(limits.admit(kCaller, caps, 900, kStart));
  limits.correct(kCaller, caps, 900, 100, kStart);
  EXPECT_EQ(limits.admit(kCaller, caps, 0, kStart)->tokens->remaining, 900);
  ASSERT_TRUE(limits.admit(kCaller, caps, 800, kStart));
  limits.give_back(kCaller, caps, 800, kStart);
  const auto now = limits.admit(kCaller, caps, 0, kStart);
  EXPECT_EQ(now->tokens->remaining, 900);
  EXPECT_EQ(now->requests->remaining, 7);
  limits.correct(kCaller, caps, 100, 300, kStart);
  EXPECT_EQ(limits.admit(kCaller, caps, 0, kStart)->tokens->remaining, 700)
      << "more than the worst case counts too";
}

TEST(Limits, ScopesAreCountedApart) {
  Limits limits;
  const RateCap caps[] = {requests_per_minute(1, Scope::Model)};
  Scopes other = kCaller;
  other.model = "solver";
  ASSERT_TRUE(limits.admit(kCaller, caps, 1, kStart));
  EXPECT_FALSE(limits.admit(kCaller, caps, 1, kStart));
  EXPECT_TRUE(limits.admit(other, caps, 1, kStart));
  other.model.clear();
  EXPECT_TRUE(limits.admit(other, caps, 1, kStart)) << "a request without a model has no such cap";
  EXPECT_TRUE(limits.admit(other, caps, 1, kStart));
}

TEST(Limits, DurationsAsGoPrintsThem) {
  for (const auto& [ns, text] :
       std::initializer_list<std::pair<int64_t, const char*>>{{0, "0s"},
                                                              {1, "1ms"},
                                                              {17'000'000, "17ms"},
                                                              {999'000'000, "999ms"},
                                                              {1'000'000'000, "1s"},
                                                              {3'890'000'000, "3.89s"},
                                                              {360'000'000'000, "6m0s"},
                                                              {61'500'000'000, "1m1.5s"},
                                                              {3'600'500'000'000, "1h0m0.5s"},
                                                              {86'400'000'000'000, "24h0m0s"}})
    EXPECT_EQ(go_duration({ns}), text);
  EXPECT_EQ(retry_after_seconds({3'890'000'000}), "4");
  EXPECT_EQ(retry_after_ms({3'890'000'001}), "3891");
}

// A bucket as a list of what was taken when, summed anew for every question.
class Reference {
 public:
  explicit Reference(const RateCap& the_cap) : cap_(the_cap) {}
  // Units still used, times the window: each step is exact.
  __int128 used(int64_t now) {
    __int128 used = 0;
    int64_t at = 0;
    for (const auto& [when, amount] : taken_) {
      used = std::max<__int128>(0, used - static_cast<__int128>(when - at) * cap_.limit) +
             static_cast<__int128>(amount) * window();
      used = std::max<__int128>(0, used);
      at = when;
    }
    return std::max<__int128>(0, used - static_cast<__int128>(now - at) * cap_.limit);
  }
  bool fits(int64_t amount, int64_t now) {
    return used(now) + static_cast<__int128>(amount) * window() <=
           static_cast<__int128>(cap_.limit) * window();
  }
  void take(int64_t amount, int64_t now) { taken_.emplace_back(now, amount); }
  int64_t window() const {
    return (cap_.window == RateWindow::Minute ? 60 : 86'400) * int64_t{1'000'000'000};
  }
  const RateCap& cap() const { return cap_; }

 private:
  RateCap cap_;
  std::vector<std::pair<int64_t, int64_t>> taken_;
};

TEST(LimitsProperty, RandomRequestsMatchTheReference) {
  int admitted = 0, refused = 0;
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    base::Rng rng(seed);
    std::vector<RateCap> caps;
    for (const Scope scope : {Scope::Organisation, Scope::Key, Scope::Model})
      for (const RateUnit unit : {RateUnit::Requests, RateUnit::Tokens})
        for (const RateWindow window : {RateWindow::Minute, RateWindow::Day})
          if (rng.below(2) == 0)
            caps.push_back(
                cap(scope, unit, window,
                    static_cast<int64_t>(1 + rng.below(unit == RateUnit::Requests ? 30 : 3000))));
    std::vector<Reference> references(caps.begin(), caps.end());
    Limits limits;
    base::Time now = kStart;
    for (int step = 0; step < 120; ++step) {
      now = now + base::Duration{static_cast<int64_t>(rng.below(20'000'000'000))};
      const auto tokens = static_cast<int64_t>(rng.below(500));
      bool fits = true;
      const auto amount = [&](const Reference& reference) {
        return reference.cap().unit == RateUnit::Requests ? 1 : tokens;
      };
      for (Reference& reference : references) fits &= reference.fits(amount(reference), now.ns);
      const auto got = limits.admit(kCaller, caps, tokens, now);
      ASSERT_EQ(got.has_value(), fits) << "seed " << seed << " step " << step;
      (fits ? admitted : refused) += 1;
      if (!fits) continue;
      for (Reference& reference : references) reference.take(amount(reference), now.ns);
      const auto used = static_cast<int64_t>(rng.below(static_cast<uint64_t>(tokens) + 1));
      limits.correct(kCaller, caps, tokens, used, now);
      for (Reference& reference : references)
        if (reference.cap().unit == RateUnit::Tokens) reference.take(used - tokens, now.ns);
    }
  }
  EXPECT_GT(admitted, 500);
  EXPECT_GT(refused, 500);
}

// In any window, no more passes than the limit and what ran off meanwhile.
TEST(Limits, ManyThreadsNeverPassMoreThanTheLimit) {
  Limits limits;
  const RateCap caps[] = {requests_per_minute(100), tokens_per_minute(50'000, Scope::Key)};
  std::atomic<int> admitted{0};
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&] {
        for (int i = 0; i < 500; ++i)
          admitted += limits.admit(kCaller, caps, 10, kStart).has_value() ? 1 : 0;
      });
  }
  EXPECT_EQ(admitted, 100);
}

TEST(Limits, ForgetsTheIdleWhenThereAreTooMany) {
  Limits limits(320);
  const RateCap caps[] = {requests_per_minute(1, Scope::User)};
  Scopes caller = kCaller;
  for (int i = 0; i < 5000; ++i) {
    caller.user_id = "user_" + std::to_string(i);
    EXPECT_TRUE(limits.admit(caller, caps, 1, kStart + base::seconds(i)));
  }
  EXPECT_LE(limits.scopes(), 320u);
}

}  // namespace
}  // namespace gateway
