#include "base/binomial.h"

#include <cmath>

#include "base/check.h"

namespace base {
namespace {

// The continued fraction of the incomplete beta function, evaluated from the front (modified
// Lentz). Converges quickly for x < (a + 1) / (a + b + 2); the caller mirrors otherwise.
double beta_continued_fraction(double a, double b, double x) {
  constexpr double kTiny = 1e-300;
  constexpr int kTermsMax = 100'000;  // about sqrt(max(a, b)) are needed
  auto safe = [](double v) { return std::fabs(v) < kTiny ? kTiny : v; };
  double numerator = 1;
  double denominator = 1 / safe(1 - (a + b) * x / (a + 1));
  double value = denominator;
  for (int m = 1; m <= kTermsMax; ++m) {
    const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    denominator = 1 / safe(1 + even * denominator);
    numerator = safe(1 + even / numerator);
    value *= numerator * denominator;
    const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    denominator = 1 / safe(1 + odd * denominator);
    numerator = safe(1 + odd / numerator);
    const double change = numerator * denominator;
    value *= change;
    if (std::fabs(change - 1) < 1e-15) break;
  }
  return value;
}

}  // namespace

double incomplete_beta(double a, double b, double x) {
  CHECK(a > 0 && b > 0);
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  const double log_front =
      std::lgamma(a + b) - std::lgamma(a) - std::lgamma(b) + a * std::log(x) + b * std::log1p(-x);
  const double front = std::exp(log_front);
  if (x < (a + 1) / (a + b + 2)) return front * beta_continued_fraction(a, b, x) / a;
  return 1 - front * beta_continued_fraction(b, a, 1 - x) / b;
}

RateBounds clopper_pearson(uint64_t events, uint64_t count, double alpha) {
  CHECK(count > 0 && events <= count && alpha > 0 && alpha < 0.5);
  const auto k = static_cast<double>(events);
  const auto n = static_cast<double>(count);
  RateBounds bounds;
  // P(X <= k | p) = 1 - I_p(k + 1, n - k) falls to alpha at the upper bound; P(X >= k | p) = I_p(k,
  // n - k + 1) rises to alpha at the lower one.
  if (events < count) {
    bounds.upper =
        solve_unit([&](double p) { return incomplete_beta(k + 1, n - k, p); }, 1 - alpha);
  }
  if (events > 0)
    bounds.lower = solve_unit([&](double p) { return incomplete_beta(k, n - k + 1, p); }, alpha);
  return bounds;
}

}  // namespace base
