// Functions of vectors, for any Vec: a type with kLanes and static operations on Vec::F (floats)
// and Vec::I (int32). max(a, b) and min(a, b) give b when either is NaN, as x86 does, so a bound
// goes first and a NaN gets through.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace kernels::generic {
namespace {  // code of its own in each instruction set's file: nothing for the linker to merge

inline constexpr float kInfinity = __builtin_huge_valf();

// Within 2 units in the last place; 0 below about -87, infinity above 88.7, NaN for NaN.
template <class V>
inline typename V::F exp(typename V::F x) {
  using F = typename V::F;
  x = V::max(V::set(-87.2f), V::min(V::set(89.0f), x));
  const F n = V::round(V::mul(x, V::set(1.44269504088896341f)));
  F r = V::fma(n, V::set(-0.693359375f), x);
  r = V::fma(n, V::set(2.12194440e-4f), r);
  F p = V::set(1.9875691500e-4f);
  p = V::fma(p, r, V::set(1.3981999507e-3f));
  p = V::fma(p, r, V::set(8.3334519073e-3f));
  p = V::fma(p, r, V::set(4.1665795894e-2f));
  p = V::fma(p, r, V::set(1.6666665459e-1f));
  p = V::fma(p, r, V::set(5.0000001201e-1f));
  p = V::add(V::fma(p, V::mul(r, r), r), V::set(1.0f));
  // Half of 2^n, doubled afterwards: n = 128 stays finite until the product says otherwise.
  return V::mul(V::mul(p, V::exp2_int(V::sub(n, V::set(1.0f)))), V::set(2.0f));
}

template <class V>
inline typename V::F sigmoid(typename V::F x) {
  const typename V::F one = V::set(1.0f);
  return V::div(one, V::add(one, exp<V>(V::sub(V::zero(), x))));
}

// Calls body(i, lanes) for whole vectors and then once for what is left.
template <class V, class Body>
inline void for_lanes(int64_t n, Body body) {
  int64_t i = 0;
  for (; i + V::kLanes <= n; i += V::kLanes) body(i, V::kLanes);
  if (i < n) body(i, static_cast<int>(n - i));
}

template <class V>
inline typename V::F load_some(const float* at, int lanes) {
  return lanes == V::kLanes ? V::load(at) : V::load_part(at, lanes);
}
template <class V>
inline void store_some(float* at, typename V::F value, int lanes) {
  if (lanes == V::kLanes) {
    V::store(at, value);
  } else {
    V::store_part(at, value, lanes);
  }
}

// The largest of n values; -infinity for none. A NaN among them may or may not win.
template <class V>
inline float max_of(const float* x, int64_t n) {
  typename V::F most = V::set(-kInfinity);
  int64_t i = 0;
  for (; i + V::kLanes <= n; i += V::kLanes) most = V::max(most, V::load(x + i));
  float result = V::reduce_max(most);
  for (; i < n; ++i) result = x[i] > result ? x[i] : result;
  return result;
}

}  // namespace
}  // namespace kernels::generic
