#include "telemetry/metrics.h"

#include <gtest/gtest.h>

#include <thread>

namespace telemetry {
namespace {

TEST(Metrics, CountFromManyThreads) {
  Registry registry;
  Counter& counter = registry.counter("requests_total", "Requests.", {{"model", "chat"}});
  std::vector<std::thread> threads;
  for (int t = 0; t < 20; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 1000; ++i) counter.add();
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(counter.value(), 20'000u);
  EXPECT_EQ(&registry.counter("requests_total", "Requests.", {{"model", "chat"}}), &counter);
  EXPECT_NE(&registry.counter("requests_total", "Requests.", {{"model", "solver"}}), &counter);
}

TEST(Metrics, TextForPrometheus) {
  Registry registry;
  registry.counter("a_total", "Things.", {{"name", "x\"y\\z\n"}}).add(3);
  registry.gauge("b", "Level.", {}, [] { return 2.5; });
  constexpr double kBounds[] = {0.1, 1};
  Histogram& histogram = registry.histogram("c_seconds", "Time.", {{"model", "m"}}, kBounds);
  histogram.observe_ns(100'000'000);  // on the bound: counts as below it
  histogram.observe_ns(500'000'000);
  histogram.observe_ns(5'000'000'000);
  EXPECT_EQ(registry.prometheus(),
            "# HELP a_total Things.\n# TYPE a_total counter\na_total{name=\"x\\\"y\\\\z\\n\"} 3\n"
            "# HELP b Level.\n# TYPE b gauge\nb 2.5\n"
            "# HELP c_seconds Time.\n# TYPE c_seconds histogram\n"
            "c_seconds_bucket{model=\"m\",le=\"0.1\"} 1\nc_seconds_bucket{model=\"m\",le=\"1\"} 2\n"
            "c_seconds_bucket{model=\"m\",le=\"+Inf\"} 3\nc_seconds_sum{model=\"m\"} 5.6\n"
            "c_seconds_count{model=\"m\"} 3\n");
  EXPECT_EQ(histogram.count(), 3u);
}

}  // namespace
}  // namespace telemetry
