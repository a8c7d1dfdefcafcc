// Exact confidence bounds of a rate: what a gate looks at instead of the mean. The judge and the
// charter's gate stand in columns that never see each other and must agree to the last bit, so the
// arithmetic stands below both.
#pragma once

#include <cstdint>

namespace base {

struct RateBounds {
  double lower = 0;  // with confidence 1 - alpha the true rate is at least this
  double upper = 1;  // with confidence 1 - alpha the true rate is at most this
};

// Clopper-Pearson, each side at 1 - alpha: exact for `events` of `count` independent trials. count
// > 0, events <= count, 0 < alpha < 0.5.
RateBounds clopper_pearson(uint64_t events, uint64_t count, double alpha);

// The regularised incomplete beta function I_x(a, b); a, b > 0, x in [0, 1].
double incomplete_beta(double a, double b, double x);

// The x in [0, 1] at which the increasing `f` reaches `target`. Newton's method would be faster,
// and bisection cannot go wrong: 100 halvings reach the last bit.
template <class Increasing>
double solve_unit(Increasing&& f, double target) {
  double low = 0;
  double high = 1;
  for (int i = 0; i < 100; ++i) {
    const double middle = (low + high) / 2;
    (f(middle) < target ? low : high) = middle;
  }
  return (low + high) / 2;
}

}  // namespace base
