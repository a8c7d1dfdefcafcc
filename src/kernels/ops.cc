#include "kernels/ops.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "base/check.h"
#include "kernels/isa.h"
#include "kernels/table.h"

namespace kernels {
namespace {

constexpr int64_t kRowsPerPart =
    64;  // of sums across rows: fixed, so that results do not depend on threads
constexpr int64_t kElementsPerPart = 16384;  // of element loops and of sums of squares

int64_t parts_of(int64_t count, int64_t per_part) { return (count + per_part - 1) / per_part; }

// body(begin, end) on fixed parts of [0, count).
template <class Body>
void for_parts(int64_t count, int64_t per_part, base::ThreadPool& pool, Body&& body) {
  pool.parallel_for(parts_of(count, per_part), 1, [&](int64_t begin, int64_t end) {
    for (int64_t part = begin; part < end; ++part) {
      body(part, part * per_part, std::min(count, (part + 1) * per_part));
    }
  });
}

AdamStep step_of(const AdamW& o, float grad_scale) {
  CHECK(o.step >= 1);
  const auto step = static_cast<double>(o.step);
  return {o.lr,
          o.beta1,
          o.beta2,
          o.eps,
          o.weight_decay,
          grad_scale,
          static_cast<float>(1 - std::pow(static_cast<double>(o.beta1), step)),
          static_cast<float>(1 - std::pow(static_cast<double>(o.beta2), step))};
}

}  // namespace

void rms_norm(const float* x, const float* weight, float* out, float* inv_rms, int64_t rows,
              int64_t dim, float eps) {
  table().rms_norm(x, weight, out, inv_rms, rows, dim, eps);
}

void rms_norm(const float* x, const float* weight, float* out, float* inv_rms, int64_t rows,
              int64_t dim, float eps, base::ThreadPool& pool) {
  for_parts(rows, kRowsPerPart, pool, [&](int64_t, int64_t begin, int64_t end) {
    table().rms_norm(x + begin * dim, weight, out + begin * dim,
                     inv_rms == nullptr ? nullptr : inv_rms + begin, end - begin, dim, eps);
  });
}

void rms_norm_backward(const float* dout, const float* x, const float* weight, const float* inv_rms,
                       float* dx, float* dweight, int64_t rows, int64_t dim) {
  table().rms_norm_backward(dout, x, weight, inv_rms, dx, dweight, rows, dim);
}

void rms_norm_backward(const float* dout, const float* x, const float* weight, const float* inv_rms,
                       float* dx, float* dweight, int64_t rows, int64_t dim,
                       base::ThreadPool& pool) {
  const int64_t parts = parts_of(rows, kRowsPerPart);
  std::vector<float> sums(static_cast<size_t>(parts * dim), 0.0f);
  for_parts(rows, kRowsPerPart, pool, [&](int64_t part, int64_t begin, int64_t end) {
    table().rms_norm_backward(dout + begin * dim, x + begin * dim, weight, inv_rms + begin,
                              dx + begin * dim, sums.data() + part * dim, end - begin, dim);
  });
  for (int64_t part = 0; part < parts; ++part) add(dweight, sums.data() + part * dim, dim);
}

void rope_table(float* cos_sin, int64_t positions, int64_t head_dim, double theta) {
  const int64_t half = head_dim / 2;
  for (int64_t i = 0; i < half; ++i) {
    const double rate =
        std::pow(theta, -2.0 * static_cast<double>(i) / static_cast<double>(head_dim));
    for (int64_t position = 0; position < positions; ++position) {
      const double angle = static_cast<double>(position) * rate;
      cos_sin[(position * half + i) * 2] = static_cast<float>(std::cos(angle));
      cos_sin[(position * half + i) * 2 + 1] = static_cast<float>(std::sin(angle));
    }
  }
}

void rope(float* x, int64_t row_stride, const int32_t* positions, const float* cos_sin,
          int64_t rows, int64_t heads, int64_t head_dim, Rotary rotary, bool inverse) {
  DCHECK(head_dim % 2 == 0);
  table().rope(x, row_stride, positions, cos_sin, rows, heads, head_dim, rotary == Rotary::Halves,
               inverse);
}

void rope(float* x, int64_t row_stride, const int32_t* positions, const float* cos_sin,
          int64_t rows, int64_t heads, int64_t head_dim, Rotary rotary, bool inverse,
          base::ThreadPool& pool) {
  for_parts(rows, kRowsPerPart, pool, [&](int64_t, int64_t begin, int64_t end) {
    rope(x + begin * row_stride, row_stride, positions + begin, cos_sin, end - begin, heads,
         head_dim, rotary, inverse);
  });
}

void softmax(float* x, int64_t rows, int64_t cols, int64_t stride) {
  for (int64_t row = 0; row < rows; ++row) table().softmax_row(x + row * stride, cols);
}

float log_sum_exp(const float* x, int64_t n) { return table().log_sum_exp(x, n); }

void silu_mul(const float* gate, const float* up, float* out, int64_t n) {
  table().silu_mul(gate, up, out, n);
}

void silu_mul(const float* gate, const float* up, float* out, int64_t n, base::ThreadPool& pool) {
  for_parts(n, kElementsPerPart, pool, [&](int64_t, int64_t begin, int64_t end) {
    table().silu_mul(gate + begin, up + begin, out + begin, end - begin);
  });
}

void silu_mul_backward(const float* dout, const float* gate, const float* up, float* dgate,
                       float* dup, int64_t n) {
  table().silu_mul_backward(dout, gate, up, dgate, dup, n);
}

void silu_mul_backward(const float* dout, const float* gate, const float* up, float* dgate,
                       float* dup, int64_t n, base::ThreadPool& pool) {
  for_parts(n, kElementsPerPart, pool, [&](int64_t, int64_t begin, int64_t end) {
    table().silu_mul_backward(dout + begin, gate + begin, up + begin, dgate + begin, dup + begin,
                              end - begin);
  });
}

void add(float* x, const float* y, int64_t n) { table().axpy(x, 1.0f, y, n); }
void axpy(float* x, float a, const float* y, int64_t n) { table().axpy(x, a, y, n); }
void scale(float* x, float a, int64_t n) { table().scale(x, a, n); }
float dot(const float* x, const float* y, int64_t n) { return table().dot(x, y, n); }

double sum_squares(const float* x, int64_t n) {
  double sum = 0;
  for (int64_t begin = 0; begin < n; begin += kElementsPerPart) {
    const int64_t count = std::min(kElementsPerPart, n - begin);
    sum += static_cast<double>(table().dot(x + begin, x + begin, count));
  }
  return sum;
}

double sum_squares(const float* x, int64_t n, base::ThreadPool& pool) {
  std::vector<double> sums(static_cast<size_t>(parts_of(n, kElementsPerPart)));
  for_parts(n, kElementsPerPart, pool, [&](int64_t part, int64_t begin, int64_t end) {
    sums[static_cast<size_t>(part)] =
        static_cast<double>(table().dot(x + begin, x + begin, end - begin));
  });
  double sum = 0;
  for (const double part : sums) sum += part;
  return sum;
}

int64_t argmax(const float* x, int64_t n) {
  int64_t best = n > 0 ? 0 : -1;
  float most = -std::numeric_limits<float>::infinity();
  for (int64_t i = 0; i < n; ++i) {
    if (x[i] > most) {
      most = x[i];
      best = i;
    }
  }
  return best;
}

void to_bf16(const float* x, Bf16* out, int64_t n) {
  table().to_bf16(x, reinterpret_cast<uint16_t*>(out), n);
}

void to_float(const Bf16* x, float* out, int64_t n) {
  table().to_float(reinterpret_cast<const uint16_t*>(x), out, n);
}

double cross_entropy(float* logits, const int32_t* targets, float* losses, int64_t rows,
                     int64_t vocab, float grad_scale, base::ThreadPool& pool) {
  constexpr int64_t kRows = 8;
  std::vector<double> sums(static_cast<size_t>(parts_of(rows, kRows)), 0.0);
  for_parts(rows, kRows, pool, [&](int64_t part, int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      float* at = logits + row * vocab;
      float loss = 0;
      if (targets[row] >= 0) {
        CHECK(targets[row] < vocab);
        loss = table().cross_entropy_row(at, targets[row], vocab, grad_scale);
      } else if (grad_scale != 0) {
        std::fill(at, at + vocab, 0.0f);
      }
      if (losses != nullptr) losses[row] = loss;
      sums[static_cast<size_t>(part)] += static_cast<double>(loss);
    }
  });
  double sum = 0;
  for (const double part : sums) sum += part;
  return sum;
}

void adamw(float* w, const float* grad, float* m, float* v, int64_t n, const AdamW& options,
           float grad_scale) {
  table().adamw(w, grad, m, v, n, step_of(options, grad_scale));
}

void adamw(float* w, const float* grad, float* m, float* v, int64_t n, const AdamW& options,
           float grad_scale, base::ThreadPool& pool) {
  const AdamStep step = step_of(options, grad_scale);
  for_parts(n, kElementsPerPart, pool, [&](int64_t, int64_t begin, int64_t end) {
    table().adamw(w + begin, grad + begin, m + begin, v + begin, end - begin, step);
  });
}

}  // namespace kernels
