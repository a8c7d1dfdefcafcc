// The numbers of the specification's section 5.5, and what the processes promise, by simulation.
#include "govern/monitor.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/random.h"

namespace govern {
namespace {

const base::Time kStart = base::parse_rfc3339("2026-11-21T12:00:00Z").value();

// The longest run of requests within which `events` still halt.
uint64_t halting_window(const Monitor& monitor, uint64_t events) {
  uint64_t n = events;
  while (halts(monitor, {n + 1, events})) ++n;
  return n;
}

TEST(Monitor, HaltsWithinTheNumbersOfTheSpecification) {
  const Monitor monitor;
  EXPECT_FALSE(halts(monitor, {4, 4}));
  EXPECT_EQ(halting_window(monitor, 5), 289u);
  EXPECT_EQ(halting_window(monitor, 6), 691u);
  EXPECT_EQ(halting_window(monitor, 7), 1093u);
  EXPECT_EQ(halting_window(monitor, 8), 1495u);
  EXPECT_NEAR(std::exp(log_e_halt(monitor, {1, 1})), 5, 1e-12);
  EXPECT_NEAR(std::exp(log_e_halt(monitor, {1, 0})), 0.996, 1e-4);
}

TEST(Monitor, PromotesAfterTheNumbersOfTheSpecification) {
  const Monitor monitor;
  EXPECT_FALSE(promotes(monitor, {0, 0}));
  EXPECT_FALSE(promotes(monitor, {1147, 0}));
  EXPECT_TRUE(promotes(monitor, {1148, 0}));
}

// Mean of the requests until a process crosses, over seeded runs.
double mean_until(double rate, bool (*crossed)(const Monitor&, const Counts&)) {
  const Monitor monitor;
  base::Rng random(7);
  double sum = 0;
  constexpr int kRuns = 1000;
  for (int run = 0; run < kRuns; ++run) {
    Counts counts;
    while (!crossed(monitor, counts) && counts.exposures < 100'000) {
      ++counts.exposures;
      counts.events += random.uniform() < rate;
    }
    sum += static_cast<double>(counts.exposures);
  }
  return sum / kRuns;
}

TEST(Monitor, TakesAboutAsManyRequestsAsWald) {
  // Wald: the bound over the drift per request; crossings overshoot it a little.
  EXPECT_NEAR(mean_until(0.01, halts), 570, 90);
  EXPECT_NEAR(mean_until(0.001, promotes), 1920, 150);
}

TEST(Monitor, SeldomFiresWhenNothingIsWrong) {
  const Monitor monitor;
  base::Rng random(11);
  int fired = 0;
  constexpr int kRuns = 2000, kRequests = 1000;
  for (int run = 0; run < kRuns; ++run) {
    Watch watch(monitor);
    for (int i = 0; i < kRequests && !watch.fired(); ++i)
      watch.observe(random.uniform() < monitor.p0, kStart);
    fired += watch.fired();
  }
  EXPECT_LE(fired, 8);  // alpha = 0.001: two expected, and nine has a probability of 0.0002
}

TEST(Monitor, AWatchFiresOnceAndKeepsItsStagesApart) {
  Watch watch{Monitor{}};
  for (int i = 0; i < 284; ++i) EXPECT_FALSE(watch.observe(false, kStart));
  for (int i = 0; i < 4; ++i) EXPECT_FALSE(watch.observe(true, kStart));
  watch.begin_stage(kStart + base::seconds(5));
  EXPECT_EQ(watch.stage(), Counts{});
  EXPECT_TRUE(watch.observe(true, kStart + base::seconds(10)));
  EXPECT_FALSE(watch.observe(true, kStart + base::seconds(10)));
  EXPECT_TRUE(watch.fired());
  EXPECT_EQ(watch.stage(), (Counts{2, 2}));
  EXPECT_EQ(watch.total(), (Counts{290, 6}));
  EXPECT_FALSE(watch.silent(kStart + base::seconds(610)));
  EXPECT_TRUE(watch.silent(kStart + base::seconds(611)));
}

}  // namespace
}  // namespace govern
