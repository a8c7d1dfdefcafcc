// Loops that do nothing but arithmetic in registers, or nothing but reading: the ceilings of the
// machine.
#pragma once

#include "kernels/generic/math.h"

namespace kernels::generic {
namespace {

// Step::apply(acc, a, b) is one instruction with `kOps` operations; twelve chains hide its latency.
// The operands come from *sink, so that the compiler cannot know them.
template <class Step>
double spin(int64_t rounds, float* sink) {
  constexpr int kChains = 12;
  typename Step::Acc acc[kChains];
  for (int i = 0; i < kChains; ++i) acc[i] = Step::start();
  const auto a = Step::operand(*sink), b = Step::operand(*sink);
  for (int64_t round = 0; round < rounds; ++round) {
    for (int i = 0; i < kChains; ++i) acc[i] = Step::apply(acc[i], a, b);
  }
  float total = 0;
  for (int i = 0; i < kChains; ++i) total += Step::total(acc[i]);
  *sink = total;
  return static_cast<double>(rounds) * kChains * Step::kOps;
}

template <class V>
struct FmaStep {
  using Acc = typename V::F;
  static constexpr int kOps = 2 * V::kLanes;
  static Acc start() { return V::zero(); }
  static Acc operand(float value) { return V::set(value); }
  static Acc apply(Acc acc, Acc a, Acc b) { return V::fma(a, b, acc); }
  static float total(Acc acc) { return V::reduce_add(acc); }
};

template <class V>
double read_all(const float* data, int64_t n) {
  typename V::F sums[8];
  for (auto& sum : sums) sum = V::zero();
  for (int64_t i = 0; i + 8 * V::kLanes <= n; i += 8 * V::kLanes) {
    for (int j = 0; j < 8; ++j) sums[j] = V::add(sums[j], V::load(data + i + j * V::kLanes));
  }
  for (int j = 1; j < 8; ++j) sums[0] = V::add(sums[0], sums[j]);
  return V::reduce_add(sums[0]);
}

}  // namespace
}  // namespace kernels::generic
