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
  EXPECT_NEAR(upper(1425, 3000), 0.490, 0.0005);           // 0.475: passes
  EXPECT_NEAR(upper(1470, 3000), 0.505, 0.0005);           // 0.490 on 3,000: fails
  EXPECT_NEAR(upper(245, 500), 0.5277444625749312, 1e-9);  // scipy.stats.beta.ppf
  EXPECT_NEAR(upper(1425, 3000), 0.49017658545571235, 1e-9);
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
  // Forty alike: none of forty differs, so at most upper(0, 40) of them do.
  const Bounds alike = cluster_t(std::vector<double>(40, 0.25), kAlpha);
  EXPECT_NEAR(alike.upper, 0.25 + 0.75 * upper(0, 40), 1e-12);
  EXPECT_NEAR(alike.lower, 0.25 * (1 - upper(0, 40)), 1e-12);
}

TEST(ClusterT, NoEventIsNoProof) {
  // 299 cases, each run three times without an event, are 299 trials and not 897.
  std::vector<double> means(299, 0.0);
  EXPECT_NEAR(cluster_t(means, kAlpha).upper, 0.009969146792899269, 1e-12);
  EXPECT_EQ(cluster_t(means, kAlpha).lower, 0);
  // Three clusters left the end: no less than 3 events of 40 (scipy.stats.beta.ppf).
  means.assign(40, 0.0);
  means[3] = means[7] = means[20] = 1.0 / 3;
  EXPECT_NEAR(cluster_t(means, kAlpha).upper, 0.18258685001590122, 1e-9);
  for (double& mean : means) mean = 1 - mean;
  EXPECT_NEAR(cluster_t(means, kAlpha).lower, 1 - 0.18258685001590122, 1e-9);
}

TEST(StudentT, AgreesWithScipy) {
  EXPECT_NEAR(base::student_t_quantile(0.95, 4), 2.1318467863266495, 1e-9);
  EXPECT_NEAR(base::student_t_quantile(0.975, 1), 12.706204736174694, 1e-7);
  EXPECT_NEAR(base::student_t_quantile(0.99, 499), 2.3338439936573887, 1e-9);
  EXPECT_NEAR(base::student_t_quantile(0.995, 30), 2.7499956535672254, 1e-9);
}

TEST(ClusterRobust, AgreesWithStatsmodels) {
  // OLS(y, 1).fit(cov_type="cluster", use_t=True) on the same results.
  const std::array<Cluster, 5> clusters = {{{3, 4}, {0, 3}, {5, 6}, {2, 2}, {4, 8}}};
  const Estimate estimate = cluster_robust(clusters, kAlpha);
  EXPECT_NEAR(estimate.value, 0.608695652173913, 1e-12);
  EXPECT_NEAR(estimate.standard_error, 0.12712577564154942, 1e-12);
  EXPECT_NEAR(estimate.lower, 0.33768298, 1e-7);
  EXPECT_NEAR(estimate.upper, 0.87970833, 1e-7);
  // Taking the 23 results as independent would give 0.104: too small.
  EXPECT_GT(estimate.standard_error, std::sqrt(0.6087 * 0.3913 / 22));
}

TEST(ClusterBootstrap, CoversAMeanLikeItsStandardError) {
  base::Rng rng(7);
  std::vector<double> means(200);
  for (double& mean : means) mean = rng.uniform();
  const auto statistic = [&](std::span<const size_t> chosen) {
    double sum = 0;
    for (const size_t i : chosen) sum += means[i];
    return sum / static_cast<double>(chosen.size());
  };
  const Estimate estimate = cluster_bootstrap(means.size(), statistic, kAlpha, 1, 4000);
  const base::ClusterSummary summary = base::summarize_clusters(means);
  EXPECT_DOUBLE_EQ(estimate.value, summary.mean);
  EXPECT_NEAR(estimate.standard_error / summary.standard_error, 1, 0.05);
  EXPECT_NEAR(estimate.upper, summary.mean + 1.645 * summary.standard_error, 0.004);
  EXPECT_NEAR(estimate.lower, summary.mean - 1.645 * summary.standard_error, 0.004);
  const Estimate again = cluster_bootstrap(means.size(), statistic, kAlpha, 1, 4000);
  EXPECT_EQ(estimate.upper, again.upper);
}

TEST(PairedDifference, AgreesWithScipy) {
  const std::array<double, 12> candidate = {1, .5, 0, .75, 1, 1, 0, .25, .5, 1, 1, .75};
  const std::array<double, 12> production = {.5, .5, .25, .5, 1, 0, 0, .5, 0, .5, 1, .25};
  const Estimate estimate = paired_difference(candidate, production, kAlpha);
  EXPECT_NEAR(estimate.value, 0.22916666666666666, 1e-12);
  EXPECT_NEAR(estimate.standard_error, 0.10861705271923991, 1e-12);
  EXPECT_NEAR(estimate.upper, 0.42423038269752633, 1e-9);
  EXPECT_NEAR(estimate.lower, 0.03410295063580698, 1e-9);
}

TEST(PairedDifference, TwoEqualRunsAreNoProofOfEquality) {
  const std::vector<double> same(100, 1.0);
  const Estimate estimate = paired_difference(same, same, kAlpha);
  EXPECT_EQ(estimate.value, 0);
  EXPECT_NEAR(estimate.upper, upper(0, 100), 1e-12);
  EXPECT_NEAR(estimate.lower, -upper(0, 100), 1e-12);
}

TEST(AttemptAlpha, AllAttemptsTogetherCostAlpha) {
  EXPECT_DOUBLE_EQ(attempt_alpha(0.05, 1), 0.025);
  EXPECT_DOUBLE_EQ(attempt_alpha(0.05, 3), 0.00625);
  double spent = 0;
  for (int attempt = 1; attempt <= 64; ++attempt) spent += attempt_alpha(0.05, attempt);
  EXPECT_LE(spent, 0.05);
  // The same 245 of 500 are worth less each time (scipy.stats.beta.ppf).
  EXPECT_NEAR(base::clopper_pearson(245, 500, attempt_alpha(kAlpha, 1)).upper, 0.5347651524242841,
              1e-9);
  EXPECT_NEAR(base::clopper_pearson(245, 500, attempt_alpha(kAlpha, 2)).upper, 0.5410267221404947,
              1e-9);
}

TEST(CohenKappa, AgreesWithStatsmodels) {
  EXPECT_NEAR(cohen_kappa({88, 14, 10, 104}), 0.7766287487073422, 1e-12);
  EXPECT_EQ(cohen_kappa({50, 0, 0, 0}), 0);  // nothing to disagree about
  EXPECT_EQ(cohen_kappa({25, 25, 25, 25}), 0);
  EXPECT_EQ(cohen_kappa({25, 0, 0, 25}), 1);
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
