#include "judge/statistics.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <vector>

#include "base/random.h"

namespace judge {
namespace {

constexpr double kAlpha = 0.05;

double upper(uint64_t events, uint64_t count) {
  return base::clopper_pearson(events, count, kAlpha).upper;
}

TEST(ClopperPearson, GivesThePublishedNumbers) {
  EXPECT_NEAR(upper(0, 299), 1 - std::pow(0.05, 1.0 / 299), 1e-12);
  EXPECT_LE(upper(0, 299), 0.01);
  EXPECT_GT(upper(0, 298), 0.01);
  EXPECT_LE(upper(1, 473), 0.01);
  EXPECT_GT(upper(1, 472), 0.01);
  EXPECT_LE(upper(2, 628), 0.01);
  EXPECT_GT(upper(2, 627), 0.01);
  EXPECT_LE(upper(0, 2995), 0.001);
  EXPECT_GT(upper(0, 2994), 0.001);
  EXPECT_LE(upper(1, 4742), 0.001);
  EXPECT_GT(upper(1, 4741), 0.001);
  EXPECT_LE(upper(0, 598), 0.005);
  EXPECT_GT(upper(0, 597), 0.005);
  EXPECT_NEAR(upper(245, 500), 0.528,
              0.0005);  // a mean of 0.490: fails a limit of 0.50 although the mean passes
  EXPECT_NEAR(upper(1425, 3000), 0.490, 0.0005);  // 0.475: passes
  EXPECT_NEAR(upper(1470, 3000), 0.505, 0.0005);  // 0.490 on 3,000: fails
}

TEST(ClopperPearson, EndsAndMirror) {
  EXPECT_EQ(base::clopper_pearson(0, 10, kAlpha).lower, 0);
  EXPECT_EQ(base::clopper_pearson(10, 10, kAlpha).upper, 1);
  EXPECT_NEAR(base::clopper_pearson(10, 10, kAlpha).lower, std::pow(0.05, 0.1), 1e-12);
  for (uint64_t n : {1u, 7u, 100u, 5000u}) {
    for (uint64_t k = 0; k <= n; k += n / 7 + 1) {
      const Bounds bounds = base::clopper_pearson(k, n, kAlpha);
      const Bounds mirrored = base::clopper_pearson(n - k, n, kAlpha);
      EXPECT_NEAR(bounds.upper, 1 - mirrored.lower, 1e-9);
      const double mean = static_cast<double>(k) / static_cast<double>(n);
      EXPECT_LE(bounds.lower, mean + 1e-12);
      EXPECT_GE(bounds.upper, mean - 1e-12);
    }
  }
}

TEST(ClopperPearson, AgreesWithTheSummedBinomial) {
  base::Rng rng(1);
  for (int i = 0; i < 200; ++i) {
    const uint64_t n = rng.below(60) + 1;
    const uint64_t k = rng.below(n);
    const double p = upper(k, n);
    long double sum = 0;
    for (uint64_t j = 0; j <= k; ++j) {
      long double term = 1;
      for (uint64_t m = 0; m < j; ++m)
        term *= static_cast<long double>(n - m) / static_cast<long double>(j - m);
      sum += term * std::pow(static_cast<long double>(p), static_cast<long double>(j)) *
             std::pow(1 - static_cast<long double>(p), static_cast<long double>(n - j));
    }
    EXPECT_NEAR(static_cast<double>(sum), kAlpha, 1e-9) << k << " of " << n;
  }
}

TEST(ClusterT, GivesStudentsBound) {
  // The variance is 0.0390625; t(0.95, 4 degrees) = 2.131847.
  const std::array<double, 5> means = {0.25, 0.375, 0.5, 0.625, 0.75};
  const double error = std::sqrt(0.0390625 / 5);
  const Bounds bounds = cluster_t(means, kAlpha);
  EXPECT_NEAR(bounds.upper, 0.5 + 2.131847 * error, 1e-6);
  EXPECT_NEAR(bounds.lower, 0.5 - 2.131847 * error, 1e-6);
  EXPECT_EQ(cluster_t(std::array<double, 1>{0.5}, kAlpha).upper, 1);
  EXPECT_NEAR(cluster_t(std::vector<double>(40, 0.25), kAlpha).upper, 0.25, 1e-12);
}

TEST(IncompleteBeta, KnownValues) {
  EXPECT_NEAR(base::incomplete_beta(1, 1, 0.3), 0.3, 1e-14);
  EXPECT_NEAR(base::incomplete_beta(2, 3, 0.5), 0.6875, 1e-14);
  EXPECT_NEAR(base::incomplete_beta(0.5, 0.5, 0.5), 0.5, 1e-13);
  EXPECT_EQ(base::incomplete_beta(5, 2, 0), 0);
  EXPECT_EQ(base::incomplete_beta(5, 2, 1), 1);
}

}  // namespace
}  // namespace judge
