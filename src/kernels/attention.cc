#include "kernels/attention.h"

#include <cstring>

#include "base/check.h"
#include "kernels/isa.h"
#include "kernels/table.h"
#include "kernels/workspace.h"

namespace kernels {
namespace {

thread_local Workspace attention_memory;

struct Group {                // one key/value head of one sequence, with its query heads
  int64_t q, k, v, out, lse;  // offsets
};

Group group_at(const AttentionShape& s, int64_t index) {
  const int64_t sequence = index / s.kv_heads, kv = index % s.kv_heads;
  const int64_t row = sequence * s.tokens, head = kv * (s.heads / s.kv_heads);
  return {row * s.q_stride + head * s.head_dim, row * s.k_stride + kv * s.head_dim,
          row * s.v_stride + kv * s.head_dim, row * s.out_stride + head * s.head_dim,
          (sequence * s.heads + head) * s.tokens};
}

SequenceShape sequence_of(const AttentionShape& s) {
  CHECK(s.kv_heads > 0 && s.heads % s.kv_heads == 0);
  CHECK(s.batch >= 0 && s.tokens >= 0 && s.head_dim > 0);
  return {s.tokens,   s.heads / s.kv_heads, s.head_dim,   s.q_stride,
          s.k_stride, s.v_stride,           s.out_stride, s.scale};
}

const ProductTable& product_of(const AttentionShape& s) {
  return s.precision == Precision::BF16 ? table().bf16 : table().f32;
}

}  // namespace

void attention_forward(const AttentionShape& shape, const float* q, const float* k, const float* v,
                       float* out, float* lse, base::ThreadPool& pool) {
  if (shape.tokens == 0) return;
  const SequenceShape sequence = sequence_of(shape);
  const ProductTable& product = product_of(shape);
  const int64_t bytes = table().attention_scratch(sequence, product);
  pool.parallel_for(shape.batch * shape.kv_heads, 1, [&](int64_t begin, int64_t end) {
    for (int64_t index = begin; index < end; ++index) {
      const Group at = group_at(shape, index);
      table().attention_forward(sequence, product, q + at.q, k + at.k, v + at.v, out + at.out,
                                lse + at.lse, attention_memory.get(bytes));
    }
  });
}

void attention_backward(const AttentionShape& shape, const float* q, const float* k, const float* v,
                        const float* out, const float* lse, const float* dout, float* dq, float* dk,
                        float* dv, base::ThreadPool& pool) {
  if (shape.tokens == 0) return;
  const SequenceShape sequence = sequence_of(shape);
  const ProductTable& product = product_of(shape);
  const int64_t bytes = table().attention_scratch(sequence, product);
  pool.parallel_for(shape.batch * shape.kv_heads, 1, [&](int64_t begin, int64_t end) {
    for (int64_t index = begin; index < end; ++index) {
      const Group at = group_at(shape, index);
      table().attention_backward(sequence, product, q + at.q, k + at.k, v + at.v, out + at.out,
                                 lse + at.lse, dout + at.out, dq + at.q, dk + at.k, dv + at.v,
                                 attention_memory.get(bytes));
    }
  });
}

namespace {

template <class T>
void write_row(T* k_page, T* v_page, int64_t slot, const T* k, const T* v, int64_t kv_heads,
               int64_t head_dim, int64_t pair) {
  const int64_t even_dim = (head_dim + 1) / 2 * 2;
  for (int64_t head = 0; head < kv_heads; ++head) {
    T* keys = k_page + head * even_dim * kPageTokens;
    for (int64_t i = 0; i < head_dim; ++i) {
      keys[(i / pair * kPageTokens + slot) * pair + i % pair] = k[head * head_dim + i];
    }
    std::memcpy(v_page + (head * kPageTokens + slot) * head_dim, v + head * head_dim,
                static_cast<size_t>(head_dim) * sizeof(T));
  }
}

const uint16_t* const* bits(const Bf16* const* pages) {
  static_assert(sizeof(Bf16) == sizeof(uint16_t));
  return reinterpret_cast<const uint16_t* const*>(pages);
}

}  // namespace

void write_page(Bf16* k_page, Bf16* v_page, int64_t slot, const float* k, const float* v,
                int64_t kv_heads, int64_t head_dim) {
  CHECK(slot >= 0 && slot < kPageTokens);
  const int64_t n = kv_heads * head_dim;
  auto* row = static_cast<Bf16*>(attention_memory.get(2 * n * static_cast<int64_t>(sizeof(Bf16))));
  table().to_bf16(k, reinterpret_cast<uint16_t*>(row), n);
  table().to_bf16(v, reinterpret_cast<uint16_t*>(row + n), n);
  write_row(k_page, v_page, slot, row, row + n, kv_heads, head_dim, 2);
}

void write_page(float* k_page, float* v_page, int64_t slot, const float* k, const float* v,
                int64_t kv_heads, int64_t head_dim) {
  CHECK(slot >= 0 && slot < kPageTokens);
  write_row(k_page, v_page, slot, k, v, kv_heads, head_dim, 1);
}

void attention_paged(const float* q, const Bf16* const* k_pages, const Bf16* const* v_pages,
                     int64_t tokens, int64_t heads, int64_t kv_heads, int64_t head_dim, float scale,
                     float* out) {
  DCHECK(tokens > 0 && kv_heads > 0 && heads % kv_heads == 0);
  table().attention_paged_bf16(q, bits(k_pages), bits(v_pages), tokens, heads, kv_heads, head_dim,
                               scale, out);
}

void attention_paged(const float* q, const float* const* k_pages, const float* const* v_pages,
                     int64_t tokens, int64_t heads, int64_t kv_heads, int64_t head_dim, float scale,
                     float* out) {
  DCHECK(tokens > 0 && kv_heads > 0 && heads % kv_heads == 0);
  table().attention_paged_f32(q, k_pages, v_pages, tokens, heads, kv_heads, head_dim, scale, out);
}

}  // namespace kernels
