// Attention, for any Vec. Training: blocks of query rows against all earlier keys, by the packed
// matrix product; scores are kept for one block at a time and made again on the way back. Serving:
// one query row, page by page.
#pragma once

#include "kernels/generic/math.h"
#include "kernels/generic/ops.h"
#include "kernels/table.h"

namespace kernels::generic {

namespace {

inline constexpr int64_t kQueryRows = 64;
inline constexpr int64_t kPageRows = 16;

// A carver of scratch memory; with a null base it only counts.
struct Scratch {
  char* base;
  int64_t used = 0;
  template <class T>
  T* take(int64_t count) {
    T* at = base == nullptr ? nullptr : reinterpret_cast<T*>(base + used);
    used += (count * static_cast<int64_t>(sizeof(T)) + 63) / 64 * 64;
    return at;
  }
};

int64_t groups_of(const ProductTable& p, int64_t depth) { return (depth + p.group - 1) / p.group; }
int64_t bytes_a(const ProductTable& p, int64_t lanes, int64_t depth) {
  return lanes * groups_of(p, depth) * p.a_bytes;
}

struct PackedB {  // a whole right operand: panels of product.cols lanes, depth in groups
  const ProductTable* product;
  char* data;
  int64_t panel_bytes;

  PackedB(Scratch& scratch, const ProductTable& p, int64_t lanes, int64_t depth)
      : product(&p), panel_bytes(groups_of(p, depth) * p.cols * p.b_bytes) {
    data = scratch.take<char>((lanes + p.cols - 1) / p.cols * panel_bytes);
  }
  void fill(const float* from, int64_t stride, bool k_contiguous, int64_t lanes,
            int64_t depth) const {
    const int64_t cols = product->cols;
    for (int64_t lane = 0; lane < lanes; lane += cols) {
      const float* start = k_contiguous ? from + lane * stride : from + lane;
      product->pack_b({start, stride, false, k_contiguous},
                      lanes - lane < cols ? lanes - lane : cols, depth,
                      data + lane / cols * panel_bytes);
    }
  }
};

// c[rows, cols] (+)= a[rows, depth] * b, a packed here into `room`.
void multiply(const PackSource& a, int64_t rows, int64_t depth, void* room, const PackedB& b,
              int64_t cols, float* c, int64_t c_stride, bool accumulate) {
  const ProductTable& p = *b.product;
  p.pack_a(a, rows, depth, room);
  p.block({room, b.data, b.panel_bytes, rows, cols, groups_of(p, depth), c, c_stride, accumulate});
}

struct ForwardRoom {
  PackedB keys, values;
  char* a;
  float* scores;
  ForwardRoom(Scratch& s, const SequenceShape& shape, const ProductTable& p)
      : keys(s, p, shape.tokens, shape.head_dim), values(s, p, shape.head_dim, shape.tokens) {
    const int64_t query = bytes_a(p, kQueryRows, shape.head_dim);
    const int64_t weights = bytes_a(p, kQueryRows, shape.tokens);
    a = s.take<char>(query > weights ? query : weights);
    scores = s.take<float>(kQueryRows * shape.tokens);
  }
};

struct BackwardRoom {
  PackedB keys, values, keys_across, query, dout;
  char* a;
  float *weights, *dweights, *delta;
  BackwardRoom(Scratch& s, const SequenceShape& shape, const ProductTable& p)
      : keys(s, p, shape.tokens, shape.head_dim),
        values(s, p, shape.tokens, shape.head_dim),
        keys_across(s, p, shape.head_dim, shape.tokens),
        query(s, p, shape.head_dim, kQueryRows),
        dout(s, p, shape.head_dim, kQueryRows) {
    const int64_t rows = bytes_a(p, kQueryRows, shape.head_dim);
    const int64_t along = bytes_a(p, kQueryRows, shape.tokens);
    const int64_t across = bytes_a(p, shape.tokens, kQueryRows);
    a = s.take<char>((rows > along ? rows : along) + across);
    weights = s.take<float>(kQueryRows * shape.tokens);
    dweights = s.take<float>(kQueryRows * shape.tokens);
    delta = s.take<float>(kQueryRows);
  }
};

int64_t attention_scratch(const SequenceShape& shape, const ProductTable& p) {
  Scratch forward{nullptr}, backward{nullptr};
  static_cast<void>(ForwardRoom(forward, shape, p));
  static_cast<void>(BackwardRoom(backward, shape, p));
  return forward.used > backward.used ? forward.used : backward.used;
}

// x becomes exp(scale * x - shift) in its first n of `width` places, 0 in the others; returns the
// sum.
template <class V>
float exponentials(float* x, int64_t n, int64_t width, float scale, float shift) {
  const typename V::F scales = V::set(scale), shifts = V::set(-shift);
  typename V::F sums = V::zero();
  float sum = 0;
  for_lanes<V>(n, [&](int64_t i, int lanes) {
    const typename V::F e = exp<V>(V::fma(load_some<V>(x + i, lanes), scales, shifts));
    store_some<V>(x + i, e, lanes);
    if (lanes == V::kLanes) {
      sums = V::add(sums, e);
    } else {
      for (int lane = 0; lane < lanes; ++lane) sum += x[i + lane];
    }
  });
  for (int64_t i = n; i < width; ++i) x[i] = 0;
  return sum + V::reduce_add(sums);
}

template <class V>
void attention_forward(const SequenceShape& shape, const ProductTable& p, const float* q,
                       const float* k, const float* v, float* out, float* lse, void* scratch) {
  Scratch carve{static_cast<char*>(scratch)};
  const ForwardRoom room(carve, shape, p);
  const int64_t dim = shape.head_dim;
  room.keys.fill(k, shape.k_stride, true, shape.tokens, dim);
  room.values.fill(v, shape.v_stride, false, dim, shape.tokens);
  for (int64_t head = 0; head < shape.heads; ++head) {
    for (int64_t first = 0; first < shape.tokens; first += kQueryRows) {
      const int64_t rows = shape.tokens - first < kQueryRows ? shape.tokens - first : kQueryRows;
      const int64_t seen = first + rows;
      multiply({q + first * shape.q_stride + head * dim, shape.q_stride, false, true}, rows, dim,
               room.a, room.keys, seen, room.scores, seen, false);
      float inverse[kQueryRows];
      for (int64_t row = 0; row < rows; ++row) {
        float* scores = room.scores + row * seen;
        const int64_t n = first + row + 1;
        const float most = shape.scale >= 0 ? max_of<V>(scores, n) * shape.scale : 0;
        const float sum = exponentials<V>(scores, n, seen, shape.scale, most);
        lse[head * shape.tokens + first + row] = most + __builtin_logf(sum);
        inverse[row] = 1.0f / sum;
      }
      float* to = out + first * shape.out_stride + head * dim;
      multiply({room.scores, seen, false, true}, rows, seen, room.a, room.values, dim, to,
               shape.out_stride, false);
      for (int64_t row = 0; row < rows; ++row) {
        float* o = to + row * shape.out_stride;
        const typename V::F factor = V::set(inverse[row]);
        for_lanes<V>(dim, [&](int64_t i, int lanes) {
          store_some<V>(o + i, V::mul(load_some<V>(o + i, lanes), factor), lanes);
        });
      }
    }
  }
}

// dweights becomes the gradient of the scaled scores: weights * (dweights - delta) * scale.
template <class V>
void score_gradients(const float* weights, float* dweights, int64_t n, float delta, float scale) {
  const typename V::F deltas = V::set(delta), scales = V::set(scale);
  for_lanes<V>(n, [&](int64_t i, int lanes) {
    const typename V::F w = V::mul(load_some<V>(weights + i, lanes), scales);
    const typename V::F d = V::sub(load_some<V>(dweights + i, lanes), deltas);
    store_some<V>(dweights + i, V::mul(w, d), lanes);
  });
}

template <class V>
void attention_backward(const SequenceShape& shape, const ProductTable& p, const float* q,
                        const float* k, const float* v, const float* out, const float* lse,
                        const float* dout, float* dq, float* dk, float* dv, void* scratch) {
  Scratch carve{static_cast<char*>(scratch)};
  const BackwardRoom room(carve, shape, p);
  const int64_t dim = shape.head_dim, tokens = shape.tokens;
  room.keys.fill(k, shape.k_stride, true, tokens, dim);
  room.values.fill(v, shape.v_stride, true, tokens, dim);
  room.keys_across.fill(k, shape.k_stride, false, dim, tokens);
  for (int64_t t = 0; t < tokens; ++t) {
    for (int64_t i = 0; i < dim; ++i) dk[t * shape.k_stride + i] = 0;
    for (int64_t i = 0; i < dim; ++i) dv[t * shape.v_stride + i] = 0;
  }
  for (int64_t head = 0; head < shape.heads; ++head) {
    for (int64_t first = 0; first < tokens; first += kQueryRows) {
      const int64_t rows = tokens - first < kQueryRows ? tokens - first : kQueryRows;
      const int64_t seen = first + rows;
      const float* query = q + first * shape.q_stride + head * dim;
      const int64_t at = first * shape.out_stride + head * dim;
      multiply({query, shape.q_stride, false, true}, rows, dim, room.a, room.keys, seen,
               room.weights, seen, false);
      multiply({dout + at, shape.out_stride, false, true}, rows, dim, room.a, room.values, seen,
               room.dweights, seen, false);
      for (int64_t row = 0; row < rows; ++row) {
        float* weights = room.weights + row * seen;
        exponentials<V>(weights, first + row + 1, seen, shape.scale,
                        lse[head * tokens + first + row]);
        const int64_t here = at + row * shape.out_stride;
        score_gradients<V>(weights, room.dweights + row * seen, seen,
                           dot<V>(dout + here, out + here, dim), shape.scale);
      }
      multiply({room.dweights, seen, false, true}, rows, seen, room.a, room.keys_across, dim,
               dq + first * shape.q_stride + head * dim, shape.q_stride, false);
      room.query.fill(query, shape.q_stride, false, dim, rows);
      room.dout.fill(dout + at, shape.out_stride, false, dim, rows);
      multiply({room.dweights, seen, false, false}, seen, rows, room.a, room.query, dim, dk,
               shape.k_stride, true);
      multiply({room.weights, seen, false, false}, seen, rows, room.a, room.dout, dim, dv,
               shape.v_stride, true);
    }
  }
}

template <class V>
struct FloatPages {  // keys [kv_heads, even head_dim, kPageRows], values [kv_heads, kPageRows,
                     // head_dim]
  using T = float;
  static void key(const float* at, int64_t pair, int chunk, typename V::F& even,
                  typename V::F& odd) {
    even = V::load(at + 2 * pair * kPageRows + chunk * V::kLanes);
    odd = V::load(at + (2 * pair + 1) * kPageRows + chunk * V::kLanes);
  }
  static typename V::F value(const float* at, int lanes) { return load_some<V>(at, lanes); }
};

template <class V>
struct Bf16Pages {  // keys [kv_heads, head_dim / 2, kPageRows, 2]
  using T = uint16_t;
  static void key(const uint16_t* at, int64_t pair, int chunk, typename V::F& even,
                  typename V::F& odd) {
    const auto cells = V::load_cells(at + 2 * (pair * kPageRows + chunk * V::kLanes));
    even = V::low_of_pairs(cells);
    odd = V::high_of_pairs(cells);
  }
  static typename V::F value(const uint16_t* at, int lanes) {
    return lanes == V::kLanes ? V::load_bf16(at) : V::load_bf16_part(at, lanes);
  }
};

// Scores of one page's tokens into scores[kPageRows]. Even and odd places are two chains of
// additions, so that one does not wait for the other.
template <class V, class Pages>
inline void page_scores(const float* q, const typename Pages::T* keys, int64_t head_dim,
                        float* scores) {
  constexpr int kChunks = kPageRows / V::kLanes;
  typename V::F evens[kChunks], odds[kChunks];
  for (int c = 0; c < kChunks; ++c) evens[c] = odds[c] = V::zero();
  for (int64_t pair = 0; 2 * pair < head_dim; ++pair) {
    const typename V::F q0 = V::set(q[2 * pair]);
    const typename V::F q1 = V::set(2 * pair + 1 < head_dim ? q[2 * pair + 1] : 0.0f);
    for (int c = 0; c < kChunks; ++c) {
      typename V::F even, odd;
      Pages::key(keys, pair, c, even, odd);
      evens[c] = V::fma(q0, even, evens[c]);
      odds[c] = V::fma(q1, odd, odds[c]);
    }
  }
  for (int c = 0; c < kChunks; ++c) V::store(scores + c * V::kLanes, V::add(evens[c], odds[c]));
}

template <class V, class Pages>
void attention_paged(const float* q, const typename Pages::T* const* k_pages,
                     const typename Pages::T* const* v_pages, int64_t tokens, int64_t heads,
                     int64_t kv_heads, int64_t head_dim, float scale, float* out) {
  const int64_t even_dim = (head_dim + 1) / 2 * 2;
  for (int64_t head = 0; head < heads; ++head) {
    const int64_t kv = head / (heads / kv_heads);
    const float* query = q + head * head_dim;
    float* o = out + head * head_dim;
    for (int64_t i = 0; i < head_dim; ++i) o[i] = 0;
    float most = -kInfinity, sum = 0;
    for (int64_t first = 0, page = 0; first < tokens; first += kPageRows, ++page) {
      const int64_t n = tokens - first < kPageRows ? tokens - first : kPageRows;
      float scores[kPageRows];
      page_scores<V, Pages>(query, k_pages[page] + kv * even_dim * kPageRows, head_dim, scores);
      for (int64_t t = 0; t < n; ++t) scores[t] *= scale;
      const float here = max_of<V>(scores, n);
      const float before = most;
      most = here > most ? here : most;
      const float keep = first == 0 ? 0.0f : __builtin_expf(before - most);
      sum = sum * keep + exponentials<V>(scores, n, n, 1.0f, most);
      const typename V::F keeps = V::set(keep);
      const typename Pages::T* values = v_pages[page] + kv * head_dim * kPageRows;
      for_lanes<V>(head_dim, [&](int64_t i, int lanes) {
        typename V::F acc = V::mul(load_some<V>(o + i, lanes), keeps);
        for (int64_t t = 0; t < n; ++t) {
          acc = V::fma(V::set(scores[t]), Pages::value(values + t * head_dim + i, lanes), acc);
        }
        store_some<V>(o + i, acc, lanes);
      });
    }
    for (int64_t i = 0; i < head_dim; ++i) o[i] /= sum;
  }
}

}  // namespace
}  // namespace kernels::generic
