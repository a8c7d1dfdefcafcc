// The kernels of one instruction set: plain functions on plain pointers. The files that fill it
// (scalar.cc, avx2.cc, avx512.cc) are compiled with flags of their own, so this header includes
// nothing that has inline functions. bf16 numbers are uint16_t here. No function allocates, locks
// or starts threads.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace kernels {

// One operand as it lies in memory: element (lane, k) is at lane * stride + k when k_contiguous,
// else k * stride + lane. A lane is a row of the left operand, or a column of the right one.
struct PackSource {
  const void* data;
  int64_t stride;
  bool is_bf16;
  bool k_contiguous;
};

struct Block {
  const void* a;          // panels as pack_a leaves them
  const void* b;          // the first panel, at the first group wanted
  int64_t b_panel_bytes;  // from one panel to the next
  int64_t rows, cols;
  int64_t groups;
  float* c;
  int64_t c_stride;
  bool accumulate;
};

// A product works on groups of `group` values of k. The left operand is packed in panels of at most
// `rows` lanes, the right one in panels of `cols` lanes: per group, `a_bytes` or `b_bytes` for each
// lane, lane after lane.
struct ProductTable {
  int rows, cols, group, a_bytes, b_bytes;
  // `lanes` rows of depth k values, split evenly into panels, one after another.
  void (*pack_a)(const PackSource& source, int64_t lanes, int64_t depth, void* out);
  // One panel: lanes <= cols, the missing ones zero.
  void (*pack_b)(const PackSource& source, int64_t lanes, int64_t depth, void* out);
  void (*block)(const Block& block);
};

struct SequenceShape {  // one sequence, the heads that share one key/value head
  int64_t tokens, heads, head_dim;
  int64_t q_stride, k_stride, v_stride, out_stride;
  float scale;
};

struct AdamStep {
  float lr, beta1, beta2, eps, decay, grad_scale, bias1, bias2;
};

struct Table {
  ProductTable f32, bf16;

  // Scratch is aligned to 64 bytes; its size in bytes comes from attention_scratch.
  int64_t (*attention_scratch)(const SequenceShape& shape, const ProductTable& product);
  void (*attention_forward)(const SequenceShape& shape, const ProductTable& product, const float* q,
                            const float* k, const float* v, float* out, float* lse, void* scratch);
  void (*attention_backward)(const SequenceShape& shape, const ProductTable& product,
                             const float* q, const float* k, const float* v, const float* out,
                             const float* lse, const float* dout, float* dq, float* dk, float* dv,
                             void* scratch);
  void (*attention_paged_bf16)(const float* q, const uint16_t* const* k_pages,
                               const uint16_t* const* v_pages, int64_t tokens, int64_t heads,
                               int64_t kv_heads, int64_t head_dim, float scale, float* out);
  void (*attention_paged_f32)(const float* q, const float* const* k_pages,
                              const float* const* v_pages, int64_t tokens, int64_t heads,
                              int64_t kv_heads, int64_t head_dim, float scale, float* out);

  void (*rms_norm)(const float* x, const float* weight, float* out, float* inv_rms, int64_t rows,
                   int64_t dim, float eps);
  void (*rms_norm_backward)(const float* dout, const float* x, const float* weight,
                            const float* inv_rms, float* dx, float* dweight, int64_t rows,
                            int64_t dim);
  void (*rope)(float* x, int64_t row_stride, const int32_t* positions, const float* cos_sin,
               int64_t rows, int64_t heads, int64_t head_dim, bool halves, bool inverse);
  void (*softmax_row)(float* x, int64_t n);
  float (*log_sum_exp)(const float* x, int64_t n);
  void (*silu_mul)(const float* gate, const float* up, float* out, int64_t n);
  void (*silu_mul_backward)(const float* dout, const float* gate, const float* up, float* dgate,
                            float* dup, int64_t n);
  void (*axpy)(float* x, float a, const float* y, int64_t n);
  void (*scale)(float* x, float a, int64_t n);
  float (*dot)(const float* x, const float* y, int64_t n);
  void (*to_bf16)(const float* x, uint16_t* out, int64_t n);
  void (*to_float)(const uint16_t* x, float* out, int64_t n);
  float (*cross_entropy_row)(float* logits, int64_t target, int64_t vocab, float grad_scale);
  void (*adamw)(float* w, const float* grad, float* m, float* v, int64_t n, const AdamStep& step);

  // Work from registers: the number of operations done, and something of their result. Null where
  // there is no such product.
  double (*spin_f32)(int64_t rounds, float* sink);
  double (*spin_bf16)(int64_t rounds, float* sink);
  double (*spin_int8)(int64_t rounds, float* sink);
  double (*read_all)(const float* data, int64_t n);  // the sum
};

}  // namespace kernels
