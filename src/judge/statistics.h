// What a result is known to be: one-sided bounds for results that go together, paired comparisons,
// the price of another attempt, agreement between graders. base/binomial.h and
// base/cluster_bounds.h have the bounds that the gate computes again.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "base/cluster_bounds.h"

namespace judge {

using Bounds = base::RateBounds;

// Student's t over the means of independent clusters: base::cluster_bounds of their summary.
Bounds cluster_t(std::span<const double> cluster_means, double alpha);

// The results of one cluster: their sum and number. Clusters may differ in size.
struct Cluster {
  double sum = 0;
  double count = 0;
};

struct Estimate {
  double value = 0;
  double standard_error = 0;
  double lower = 0, upper = 0;  // one-sided, each at 1 - alpha
};

// The mean of all results with the cluster-robust (CR1) standard error of a regression on a
// constant alone; Student's t with clusters - 1 degrees. At least two clusters.
Estimate cluster_robust(std::span<const Cluster> clusters, double alpha);

// Resamples clusters `resamples` times, seeded, and takes the percentiles of what `statistic` gives
// for the chosen indexes. For statistics that are no mean, such as a quotient.
using Statistic = std::function<double(std::span<const size_t> chosen)>;
Estimate cluster_bootstrap(size_t clusters, const Statistic& statistic, double alpha, uint64_t seed,
                           int resamples = 2000);

// candidate - production over the same clusters, in the same order. At least two clusters. Where
// most differences are zero and fewer than ten are not, the exact bound of the clusters that rose
// (for upper; fell, for lower) stands in when it is the wider one.
Estimate paired_difference(std::span<const double> candidate, std::span<const double> production,
                           double alpha);

// Attempt j, from 1, may use alpha / 2^j: all attempts there will ever be cost alpha together.
double attempt_alpha(double alpha, int attempt);

// Cohen's kappa of two graders on yes-or-no labels; 0 when chance alone would agree always.
struct Agreement {
  int64_t both_yes = 0, first_only = 0, second_only = 0, both_no = 0;
  int64_t count() const { return both_yes + first_only + second_only + both_no; }
};
double cohen_kappa(const Agreement& labels);

}  // namespace judge
