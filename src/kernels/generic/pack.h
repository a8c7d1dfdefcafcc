// Packing of operands into panels of 32-bit cells, for any Vec. A cell is a float, a float rounded to bf16, or a pair
// of bf16 values of neighbouring k; panels are zero beyond the operand's lanes and depth.
#pragma once

#include "kernels/generic/math.h"
#include "kernels/table.h"

namespace kernels::generic {
namespace {

template <class V>
inline typename V::F load_row(const PackSource& s, int64_t at, int count) {
  if (s.is_bf16) {
    const auto* from = static_cast<const uint16_t*>(s.data) + at;
    return count >= V::kLanes ? V::load_bf16(from) : V::load_bf16_part(from, count);
  }
  const auto* from = static_cast<const float*>(s.data) + at;
  return count >= V::kLanes ? V::load(from) : V::load_part(from, count);
}

template <class V>
struct FloatCells {
  static constexpr int kPerCell = 1;
  static typename V::F along_k(const PackSource& s, int64_t lane, int64_t k, int64_t depth) {
    return load_row<V>(s, lane * s.stride + k, static_cast<int>(depth - k < V::kLanes ? depth - k : V::kLanes));
  }
  static typename V::F along_lanes(const PackSource& s, int64_t lane, int lanes, int64_t k,
                                   int64_t depth) {
    return k < depth ? load_row<V>(s, k * s.stride + lane, lanes) : V::zero();
  }
};

template <class V>
struct RoundedCells {
  static constexpr int kPerCell = 1;
  static typename V::F along_k(const PackSource& s, int64_t lane, int64_t k, int64_t depth) {
    if (k >= depth) return V::zero();
    return V::round_to_bf16(FloatCells<V>::along_k(s, lane, k, depth));
  }
  static typename V::F along_lanes(const PackSource& s, int64_t lane, int lanes, int64_t k,
                                   int64_t depth) {
    return V::round_to_bf16(FloatCells<V>::along_lanes(s, lane, lanes, k, depth));
  }
};

template <class V>
struct PairCells {
  static constexpr int kPerCell = 2;
  static typename V::F along_k(const PackSource& s, int64_t lane, int64_t k, int64_t depth) {
    const int64_t left = depth - k;
    const int64_t at = lane * s.stride + k;
    const int first = static_cast<int>(left < V::kLanes ? left : V::kLanes);
    const int second = static_cast<int>(left < 2 * V::kLanes ? left - first : V::kLanes);
    const typename V::F low = load_row<V>(s, at, first);
    if (second <= 0) return V::pairs_in_order(low, V::zero());
    return V::pairs_in_order(low, load_row<V>(s, at + V::kLanes, second));
  }
  static typename V::F along_lanes(const PackSource& s, int64_t lane, int lanes, int64_t k,
                                   int64_t depth) {
    const typename V::F even = load_row<V>(s, k * s.stride + lane, lanes);
    if (k + 1 >= depth) return V::pairs_of(even, V::zero());
    return V::pairs_of(even, load_row<V>(s, (k + 1) * s.stride + lane, lanes));
  }
};

// out[cell, width] from `lanes` <= width lanes of the source, starting at lane0.
template <class V, class Cells>
inline void pack_panel(const PackSource& s, int64_t lane0, int64_t lanes, int64_t width,
                       int64_t depth, int64_t cells, float* out) {
  constexpr int kLanes = V::kLanes;
  if (!s.k_contiguous) {
    for (int64_t c = 0; c < cells; ++c) {
      for (int64_t l = 0; l < width; l += kLanes) {
        const int have = static_cast<int>(lanes - l < 0 ? 0 : lanes - l < kLanes ? lanes - l : kLanes);
        const int room = static_cast<int>(width - l < kLanes ? width - l : kLanes);
        store_some<V>(out + c * width + l,
                      Cells::along_lanes(s, lane0 + l, have, c * Cells::kPerCell, depth), room);
      }
    }
    return;
  }
  for (int64_t l = 0; l < width; l += kLanes) {
    const int room = static_cast<int>(width - l < kLanes ? width - l : kLanes);
    for (int64_t c = 0; c < cells; c += kLanes) {
      typename V::F rows[kLanes];
      for (int i = 0; i < kLanes; ++i) {
        rows[i] = l + i < lanes ? Cells::along_k(s, lane0 + l + i, c * Cells::kPerCell, depth)
                                : V::zero();
      }
      V::transpose(rows);
      for (int j = 0; j < kLanes; ++j) {
        if (c + j < cells) store_some<V>(out + (c + j) * width + l, rows[j], room);
      }
    }
  }
}

}  // namespace
}  // namespace kernels::generic
