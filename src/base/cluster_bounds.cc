#include "base/cluster_bounds.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace base {
namespace {

constexpr uint64_t kFewClusters = 10;
constexpr double kNoDeviation = 1e-9;  // rounding in the mean leaves less

double student_t_cdf(double t, double degrees) {
  const double tail = incomplete_beta(degrees / 2, 0.5, degrees / (degrees + t * t)) / 2;
  return t >= 0 ? 1 - tail : tail;
}

bool crowded(uint64_t at_end, uint64_t clusters) {
  return 2 * at_end >= clusters && clusters - at_end < kFewClusters;
}

}  // namespace

double student_t_quantile(double p, double degrees) {
  CHECK(p > 0.5 && p < 1 && degrees > 0);
  // t / (1 + t) maps [0, infinity) to [0, 1).
  const double u =
      solve_unit([&](double v) { return v >= 1 ? 1.0 : student_t_cdf(v / (1 - v), degrees); }, p);
  return u / (1 - u);
}

ClusterSummary summarize_clusters(std::span<const double> cluster_means) {
  ClusterSummary out;
  out.clusters = cluster_means.size();
  const auto n = static_cast<double>(cluster_means.size());
  for (const double value : cluster_means) {
    CHECK(value >= 0 && value <= 1);
    out.mean += value / n;
    out.at_zero += value == 0 ? 1 : 0;
    out.at_one += value == 1 ? 1 : 0;
  }
  double squares = 0;
  for (const double value : cluster_means) squares += (value - out.mean) * (value - out.mean);
  if (out.clusters > 1) out.standard_error = std::sqrt(squares / (n - 1) / n);
  return out;
}

RateBounds cluster_bounds(const ClusterSummary& s, double alpha) {
  CHECK(alpha > 0 && alpha < 0.5);
  // Nothing is known from one cluster, nor at an alpha that is nothing beside one.
  if (s.clusters < 2 || 1 - alpha >= 1) return {};
  CHECK(s.at_zero <= s.clusters && s.at_one <= s.clusters);
  const double reach =
      student_t_quantile(1 - alpha, static_cast<double>(s.clusters - 1)) * s.standard_error;
  if (s.standard_error < kNoDeviation) {
    // All alike is no proof that none differs: at most this share does, and as far as it can.
    const double others = clopper_pearson(0, s.clusters, alpha).upper;
    return {s.mean * (1 - others), s.mean + (1 - s.mean) * others};
  }
  RateBounds out{std::clamp(s.mean - reach, 0.0, 1.0), std::clamp(s.mean + reach, 0.0, 1.0)};
  if (crowded(s.at_zero, s.clusters)) {
    const RateBounds exact = clopper_pearson(s.clusters - s.at_zero, s.clusters, alpha);
    out.upper = std::max(out.upper, exact.upper);
  }
  if (crowded(s.at_one, s.clusters)) {
    const RateBounds exact = clopper_pearson(s.at_one, s.clusters, alpha);
    out.lower = std::min(out.lower, exact.lower);
  }
  return out;
}

}  // namespace base
