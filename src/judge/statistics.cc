#include "judge/statistics.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace judge {
namespace {

double student_t_cdf(double t, double degrees) {
  const double tail = base::incomplete_beta(degrees / 2, 0.5, degrees / (degrees + t * t)) / 2;
  return t >= 0 ? 1 - tail : tail;
}

// t with P(T <= t) = p, p > 1/2. t / (1 + t) maps [0, infinity) to [0, 1).
double student_t_quantile(double p, double degrees) {
  const double u = base::solve_unit(
      [&](double v) { return v >= 1 ? 1.0 : student_t_cdf(v / (1 - v), degrees); }, p);
  return u / (1 - u);
}

}  // namespace

Bounds cluster_t(std::span<const double> cluster_means, double alpha) {
  CHECK(alpha > 0 && alpha < 0.5);
  const auto n = static_cast<double>(cluster_means.size());
  if (cluster_means.size() < 2) return {};
  double mean = 0;
  for (const double value : cluster_means) mean += value / n;
  double squares = 0;
  for (const double value : cluster_means) squares += (value - mean) * (value - mean);
  const double error = std::sqrt(squares / (n - 1) / n);
  const double reach = student_t_quantile(1 - alpha, n - 1) * error;
  return {std::clamp(mean - reach, 0.0, 1.0), std::clamp(mean + reach, 0.0, 1.0)};
}

}  // namespace judge
