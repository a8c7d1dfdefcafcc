// Attention: whole causal sequences forward and backward for training, and one query row over paged
// keys and values for serving. Queries of head h use key/value head h / (heads / kv_heads).
#pragma once

#include <cstdint>

#include "base/thread_pool.h"
#include "kernels/bf16.h"
#include "kernels/gemm.h"

namespace kernels {

struct AttentionShape {
  int64_t batch =
      1;  // sequences, one after another: row of token t in sequence b is b * tokens + t
  int64_t tokens = 0;
  int64_t heads = 0, kv_heads = 0, head_dim = 0;
  int64_t q_stride = 0, k_stride = 0, v_stride = 0,
          out_stride = 0;                // floats from one row to the next
  float scale = 1;                       // of the scores, often 1/sqrt(head_dim); > 0
  Precision precision = Precision::F32;  // of the matrix products inside
};

// out[row, head, d] and lse[batch, heads, tokens], the log-sum-exp of each score row, kept for the
// backward pass.
void attention_forward(const AttentionShape& shape, const float* q /*rows, heads, head_dim*/,
                       const float* k /*rows, kv_heads, head_dim*/,
                       const float* v /*rows, kv_heads, head_dim*/,
                       float* out /*rows, heads, head_dim*/, float* lse /*batch, heads, tokens*/,
                       base::ThreadPool& pool);

// dq, dk, dv are overwritten; they have the row strides of q, k, v; dout has that of out.
void attention_backward(const AttentionShape& shape, const float* q, const float* k, const float* v,
                        const float* out, const float* lse, const float* dout, float* dq, float* dk,
                        float* dv, base::ThreadPool& pool);

inline constexpr int64_t kPageTokens = 16;

// Numbers of a page of keys, and as many of a page of values: head_dim is rounded up to even. Start
// pages zeroed.
constexpr int64_t kv_page_size(int64_t kv_heads, int64_t head_dim) {
  return kPageTokens * kv_heads * ((head_dim + 1) / 2 * 2);
}

// Writes one token's keys and values into a page at slot 0..kPageTokens-1. The order inside a page
// is the kernel's own: k [kv_heads, head_dim/2, kPageTokens, 2], v [kv_heads, kPageTokens,
// head_dim].
void write_page(Bf16* k_page, Bf16* v_page, int64_t slot, const float* k /*kv_heads, head_dim*/,
                const float* v /*kv_heads, head_dim*/, int64_t kv_heads, int64_t head_dim);
void write_page(float* k_page, float* v_page, int64_t slot, const float* k /*kv_heads, head_dim*/,
                const float* v /*kv_heads, head_dim*/, int64_t kv_heads, int64_t head_dim);

// One query row over the first `tokens` >= 1 tokens of its sequence; pages[i] holds tokens
// i*kPageTokens and on. The caller spreads rows over threads; a row's result depends on nothing
// else.
void attention_paged(const float* q /*heads, head_dim*/, const Bf16* const* k_pages,
                     const Bf16* const* v_pages, int64_t tokens, int64_t heads, int64_t kv_heads,
                     int64_t head_dim, float scale, float* out /*heads, head_dim*/);
void attention_paged(const float* q /*heads, head_dim*/, const float* const* k_pages,
                     const float* const* v_pages, int64_t tokens, int64_t heads, int64_t kv_heads,
                     int64_t head_dim, float scale, float* out /*heads, head_dim*/);

}  // namespace kernels
