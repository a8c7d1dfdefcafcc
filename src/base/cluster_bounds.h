// Confidence bounds of a rate from results that go together: several runs of one case, or cases
// that rise and fall together. Like base/binomial.h it stands below the judge and the gate, which
// must agree to the last bit and never see each other: the judge states the summary, the gate
// computes the bound from it again at its own alpha.
#pragma once

#include <cstdint>
#include <span>

#include "base/binomial.h"

namespace base {

// All that the bound depends on.
struct ClusterSummary {
  uint64_t clusters = 0;
  uint64_t at_zero = 0, at_one = 0;  // clusters whose mean is exactly 0, or 1
  double mean = 0;                   // of the clusters' means
  double standard_error = 0;         // of that mean: their deviation over the root of their number
};

// The means lie in [0, 1].
ClusterSummary summarize_clusters(std::span<const double> cluster_means);

// Student's t with clusters - 1 degrees of freedom, cut to [0, 1]. Where at least half of the
// clusters sit at an end and fewer than ten leave it, the deviation says too little (none at all
// after no event), and the exact bound of the clusters that left stands in when it is the wider
// one; where all are alike, at most the share that none of so many shows may differ. With fewer
// than two clusters nothing is known: [0, 1]. 0 < alpha < 0.5.
RateBounds cluster_bounds(const ClusterSummary& summary, double alpha);

// t with P(T <= t) = p, 1/2 < p < 1, degrees > 0.
double student_t_quantile(double p, double degrees);

}  // namespace base
