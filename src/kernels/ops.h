// Row and element operations of a transformer, forward and backward. Those that take a pool spread
// rows over it; sums across rows are made of fixed parts added in order, so results do not depend
// on the number of threads.
#pragma once

#include <cstdint>

#include "base/thread_pool.h"
#include "kernels/bf16.h"

namespace kernels {

void rms_norm(const float* x /*rows, dim*/, const float* weight /*dim*/, float* out /*rows, dim*/,
              float* inv_rms /*rows, or null*/, int64_t rows, int64_t dim, float eps);
void rms_norm(const float* x, const float* weight, float* out, float* inv_rms, int64_t rows,
              int64_t dim, float eps, base::ThreadPool& pool);
// dx += and dweight +=.
void rms_norm_backward(const float* dout /*rows, dim*/, const float* x /*rows, dim*/,
                       const float* weight /*dim*/, const float* inv_rms /*rows*/,
                       float* dx /*rows, dim*/, float* dweight /*dim*/, int64_t rows, int64_t dim);
void rms_norm_backward(const float* dout, const float* x, const float* weight, const float* inv_rms,
                       float* dx, float* dweight, int64_t rows, int64_t dim,
                       base::ThreadPool& pool);

enum class Rotary : uint8_t {
  Interleaved,  // pairs (2i, 2i+1): llama2.c, GGUF's llama
  Halves,       // pairs (i, i + head_dim/2): Hugging Face
};
// cos and sin of position * theta^(-2i/head_dim).
void rope_table(float* cos_sin /*positions, head_dim/2, 2*/, int64_t positions, int64_t head_dim,
                double theta);
// In place; head_dim is even. row_stride: floats from one row to the next. `inverse` rotates back
// (the backward pass).
void rope(float* x /*rows, heads, head_dim*/, int64_t row_stride, const int32_t* positions /*rows*/,
          const float* cos_sin, int64_t rows, int64_t heads, int64_t head_dim, Rotary rotary,
          bool inverse);
inline void rope(float* x, const int32_t* positions, const float* cos_sin, int64_t rows,
                 int64_t heads, int64_t head_dim, Rotary rotary, bool inverse) {
  rope(x, heads * head_dim, positions, cos_sin, rows, heads, head_dim, rotary, inverse);
}
void rope(float* x, int64_t row_stride, const int32_t* positions, const float* cos_sin,
          int64_t rows, int64_t heads, int64_t head_dim, Rotary rotary, bool inverse,
          base::ThreadPool& pool);

void softmax(float* x /*rows, cols*/, int64_t rows, int64_t cols, int64_t stride);  // in place
float log_sum_exp(const float* x, int64_t n);  // n = 0: -infinity

// out = silu(gate) * up; out may be gate or up.
void silu_mul(const float* gate, const float* up, float* out, int64_t n);
void silu_mul(const float* gate, const float* up, float* out, int64_t n, base::ThreadPool& pool);
// Overwrites dgate and dup; they may be gate and up.
void silu_mul_backward(const float* dout, const float* gate, const float* up, float* dgate,
                       float* dup, int64_t n);
void silu_mul_backward(const float* dout, const float* gate, const float* up, float* dgate,
                       float* dup, int64_t n, base::ThreadPool& pool);

void add(float* x, const float* y, int64_t n);            // x += y
void axpy(float* x, float a, const float* y, int64_t n);  // x += a y
void scale(float* x, float a, int64_t n);                 // x *= a
float dot(const float* x, const float* y, int64_t n);
double sum_squares(const float* x, int64_t n);                          // in a fixed order
double sum_squares(const float* x, int64_t n, base::ThreadPool& pool);  // the same value
int64_t argmax(const float* x, int64_t n);  // the first of equals; NaN never wins; n = 0: -1

void to_bf16(const float* x, Bf16* out, int64_t n);
void to_float(const Bf16* x, float* out, int64_t n);

// Sum of -log softmax(row)[target] over rows with target >= 0 (-1: ignored). grad_scale != 0:
// logits become (softmax - onehot) * grad_scale, and zero in ignored rows; 0 leaves them.
double cross_entropy(float* logits /*rows, vocab*/, const int32_t* targets /*rows*/,
                     float* losses /*rows, 0 where ignored; or null*/, int64_t rows, int64_t vocab,
                     float grad_scale, base::ThreadPool& pool);

struct AdamW {
  float lr = 0, beta1 = 0.9f, beta2 = 0.95f, eps = 1e-8f, weight_decay = 0;
  int64_t step = 1;  // from 1, for the bias correction
};
// One step with the gradient grad * grad_scale; decay is decoupled (w -= lr * weight_decay * w).
void adamw(float* w, const float* grad, float* m, float* v, int64_t n, const AdamW& options,
           float grad_scale);
void adamw(float* w, const float* grad, float* m, float* v, int64_t n, const AdamW& options,
           float grad_scale, base::ThreadPool& pool);

}  // namespace kernels
