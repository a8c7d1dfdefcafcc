// One-sided confidence bounds: what a gate looks at instead of the mean.
#pragma once

#include <cstdint>
#include <span>

namespace judge {

struct Bounds {
  double lower = 0;  // with confidence 1 - alpha the true rate is at least this
  double upper = 1;  // with confidence 1 - alpha the true rate is at most this
};

// The regularised incomplete beta function I_x(a, b); a, b > 0, x in [0, 1].
double incomplete_beta(double a, double b, double x);

// Clopper-Pearson: exact for `events` of `count` independent trials; count > 0, events <= count.
Bounds clopper_pearson(uint64_t events, uint64_t count, double alpha);

// Student's t over the means of independent clusters, cut to [0, 1]. With fewer than two clusters
// nothing is known: [0, 1].
Bounds cluster_t(std::span<const double> cluster_means, double alpha);

}  // namespace judge
