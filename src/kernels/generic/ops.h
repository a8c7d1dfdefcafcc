// Row and element operations of a transformer, for any Vec. Sums run lane by lane in one fixed
// order.
#pragma once

#include "kernels/generic/math.h"
#include "kernels/table.h"

namespace kernels::generic {
namespace {

template <class V>
float dot(const float* x, const float* y, int64_t n) {
  typename V::F sums[4] = {V::zero(), V::zero(), V::zero(), V::zero()};
  int64_t i = 0;
  for (; i + 4 * V::kLanes <= n; i += 4 * V::kLanes) {
    for (int j = 0; j < 4; ++j) {
      sums[j] = V::fma(V::load(x + i + j * V::kLanes), V::load(y + i + j * V::kLanes), sums[j]);
    }
  }
  for_lanes<V>(n - i, [&](int64_t j, int lanes) {
    sums[0] = V::fma(load_some<V>(x + i + j, lanes), load_some<V>(y + i + j, lanes), sums[0]);
  });
  return V::reduce_add(V::add(V::add(sums[0], sums[1]), V::add(sums[2], sums[3])));
}

template <class V>
void axpy(float* x, float a, const float* y, int64_t n) {
  const typename V::F as = V::set(a);
  for_lanes<V>(n, [&](int64_t i, int lanes) {
    store_some<V>(x + i, V::fma(as, load_some<V>(y + i, lanes), load_some<V>(x + i, lanes)), lanes);
  });
}

template <class V>
void scale(float* x, float a, int64_t n) {
  const typename V::F as = V::set(a);
  for_lanes<V>(n, [&](int64_t i, int lanes) {
    store_some<V>(x + i, V::mul(as, load_some<V>(x + i, lanes)), lanes);
  });
}

template <class V>
void to_bf16(const float* x, uint16_t* out, int64_t n) {
  for_lanes<V>(
      n, [&](int64_t i, int lanes) { V::store_bf16(out + i, load_some<V>(x + i, lanes), lanes); });
}

template <class V>
void to_float(const uint16_t* x, float* out, int64_t n) {
  for_lanes<V>(n, [&](int64_t i, int lanes) {
    store_some<V>(
        out + i, lanes == V::kLanes ? V::load_bf16(x + i) : V::load_bf16_part(x + i, lanes), lanes);
  });
}

template <class V>
void rms_norm(const float* x, const float* weight, float* out, float* inv_rms, int64_t rows,
              int64_t dim, float eps) {
  for (int64_t row = 0; row < rows; ++row) {
    const float* from = x + row * dim;
    const float mean = dot<V>(from, from, dim) / static_cast<float>(dim);
    const float inverse = 1.0f / __builtin_sqrtf(mean + eps);
    if (inv_rms != nullptr) inv_rms[row] = inverse;
    const typename V::F inverses = V::set(inverse);
    for_lanes<V>(dim, [&](int64_t i, int lanes) {
      const typename V::F scaled = V::mul(load_some<V>(from + i, lanes), inverses);
      store_some<V>(out + row * dim + i, V::mul(load_some<V>(weight + i, lanes), scaled), lanes);
    });
  }
}

// With r = 1/rms and g = dout * weight: dx = r g - x r^3 mean(g x), dweight = dout x r.
template <class V>
void rms_norm_backward(const float* dout, const float* x, const float* weight, const float* inv_rms,
                       float* dx, float* dweight, int64_t rows, int64_t dim) {
  for (int64_t row = 0; row < rows; ++row) {
    const float* xr = x + row * dim;
    const float* dr = dout + row * dim;
    const typename V::F r = V::set(inv_rms[row]);
    typename V::F sums = V::zero();
    for_lanes<V>(dim, [&](int64_t i, int lanes) {
      const typename V::F d = load_some<V>(dr + i, lanes);
      const typename V::F product = V::mul(d, load_some<V>(xr + i, lanes));
      sums = V::fma(product, load_some<V>(weight + i, lanes), sums);
      store_some<V>(dweight + i, V::fma(product, r, load_some<V>(dweight + i, lanes)), lanes);
    });
    const float cube = inv_rms[row] * inv_rms[row] * inv_rms[row];
    const typename V::F pull = V::set(-V::reduce_add(sums) / static_cast<float>(dim) * cube);
    for_lanes<V>(dim, [&](int64_t i, int lanes) {
      const typename V::F g = V::mul(load_some<V>(dr + i, lanes), load_some<V>(weight + i, lanes));
      typename V::F sum = V::fma(g, r, load_some<V>(dx + row * dim + i, lanes));
      sum = V::fma(load_some<V>(xr + i, lanes), pull, sum);
      store_some<V>(dx + row * dim + i, sum, lanes);
    });
  }
}

template <bool kHalves>
inline void rotate(float* x, const float* cos_sin, int64_t half, float sign) {
  for (int64_t i = 0; i < half; ++i) {
    const int64_t first = kHalves ? i : 2 * i, second = kHalves ? i + half : 2 * i + 1;
    const float c = cos_sin[2 * i], s = sign * cos_sin[2 * i + 1];
    const float a = x[first], b = x[second];
    x[first] = a * c - b * s;
    x[second] = a * s + b * c;
  }
}

template <class V>
void rope(float* x, int64_t row_stride, const int32_t* positions, const float* cos_sin,
          int64_t rows, int64_t heads, int64_t head_dim, bool halves, bool inverse) {
  const int64_t half = head_dim / 2;
  const float sign = inverse ? -1.0f : 1.0f;
  for (int64_t row = 0; row < rows; ++row) {
    const float* angles = cos_sin + positions[row] * head_dim;
    for (int64_t head = 0; head < heads; ++head) {
      float* at = x + row * row_stride + head * head_dim;
      halves ? rotate<true>(at, angles, half, sign) : rotate<false>(at, angles, half, sign);
    }
  }
}

// x becomes exp(x - shift); returns the sum.
template <class V>
float exponentials_of(const float* x, float* out, int64_t n, float shift) {
  const typename V::F shifts = V::set(shift);
  typename V::F sums = V::zero();
  float sum = 0;
  for_lanes<V>(n, [&](int64_t i, int lanes) {
    const typename V::F e = exp<V>(V::sub(load_some<V>(x + i, lanes), shifts));
    if (lanes == V::kLanes) {
      sums = V::add(sums, e);
      if (out != nullptr) V::store(out + i, e);
    } else {
      float last[V::kLanes];
      V::store(last, e);
      for (int lane = 0; lane < lanes; ++lane) sum += last[lane];
      if (out != nullptr) V::store_part(out + i, e, lanes);
    }
  });
  return sum + V::reduce_add(sums);
}

template <class V>
void softmax_row(float* x, int64_t n) {
  if (n <= 0) return;
  const float sum = exponentials_of<V>(x, x, n, max_of<V>(x, n));
  scale<V>(x, 1.0f / sum, n);
}

template <class V>
float log_sum_exp(const float* x, int64_t n) {
  const float most = max_of<V>(x, n);
  if (n <= 0 || most == -kInfinity) return -kInfinity;
  return most + __builtin_logf(exponentials_of<V>(x, nullptr, n, most));
}

template <class V>
void silu_mul(const float* gate, const float* up, float* out, int64_t n) {
  for_lanes<V>(n, [&](int64_t i, int lanes) {
    const typename V::F g = load_some<V>(gate + i, lanes);
    const typename V::F silu = V::mul(g, sigmoid<V>(g));
    store_some<V>(out + i, V::mul(silu, load_some<V>(up + i, lanes)), lanes);
  });
}

template <class V>
void silu_mul_backward(const float* dout, const float* gate, const float* up, float* dgate,
                       float* dup, int64_t n) {
  for_lanes<V>(n, [&](int64_t i, int lanes) {
    const typename V::F d = load_some<V>(dout + i, lanes), g = load_some<V>(gate + i, lanes),
                        u = load_some<V>(up + i, lanes);
    const typename V::F s = sigmoid<V>(g);
    const typename V::F silu = V::mul(g, s);
    // silu' = s (1 + g (1 - s)) = s + silu - silu s
    const typename V::F slope = V::fnma(silu, s, V::add(s, silu));
    store_some<V>(dgate + i, V::mul(V::mul(d, u), slope), lanes);
    store_some<V>(dup + i, V::mul(d, silu), lanes);
  });
}

template <class V>
float cross_entropy_row(float* logits, int64_t target, int64_t vocab, float grad_scale) {
  const float most = max_of<V>(logits, vocab);
  const float wanted = logits[target];
  const bool gradient = grad_scale != 0;
  const float sum = exponentials_of<V>(logits, gradient ? logits : nullptr, vocab, most);
  if (gradient) {
    scale<V>(logits, grad_scale / sum, vocab);
    logits[target] -= grad_scale;
  }
  return most - wanted + __builtin_logf(sum);
}

template <class V>
void adamw(float* w, const float* grad, float* m, float* v, int64_t n, const AdamStep& o) {
  using F = typename V::F;
  const F beta1 = V::set(o.beta1), beta2 = V::set(o.beta2);
  const F rest1 = V::set(1.0f - o.beta1), rest2 = V::set(1.0f - o.beta2);
  const F bias1 = V::set(1.0f / o.bias1), bias2 = V::set(1.0f / o.bias2), eps = V::set(o.eps);
  const F rate = V::set(o.lr), keep = V::set(1.0f - o.lr * o.decay), gain = V::set(o.grad_scale);
  for_lanes<V>(n, [&](int64_t i, int lanes) {
    const F g = V::mul(load_some<V>(grad + i, lanes), gain);
    const F m1 = V::fma(beta1, load_some<V>(m + i, lanes), V::mul(rest1, g));
    const F v1 = V::fma(beta2, load_some<V>(v + i, lanes), V::mul(rest2, V::mul(g, g)));
    const F step = V::div(V::mul(m1, bias1), V::add(V::sqrt(V::mul(v1, bias2)), eps));
    store_some<V>(m + i, m1, lanes);
    store_some<V>(v + i, v1, lanes);
    store_some<V>(w + i, V::fnma(rate, step, V::mul(keep, load_some<V>(w + i, lanes))), lanes);
  });
}

}  // namespace
}  // namespace kernels::generic
