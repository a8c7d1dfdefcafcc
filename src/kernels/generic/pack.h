// Packing of operands into panels of 32-bit cells, for any Vec. A cell is a float, a float rounded
// to bf16, or a pair of bf16 values of neighbouring k; panels are zero beyond the operand's lanes
// and depth.
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
    return load_row<V>(s, lane * s.stride + k,
                       static_cast<int>(depth - k < V::kLanes ? depth - k : V::kLanes));
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

inline constexpr int64_t kCellsAhead = 8;

inline void prefetch(const PackSource& s, int64_t at) {
  __builtin_prefetch(static_cast<const char*>(s.data) + at * (s.is_bf16 ? 2 : 4));
}

struct Lanes {
  int64_t first, count, width;  // of the source; of the panel, count <= width
};
struct Cells {
  int64_t first, count;
};

// Cells along k lie side by side in a row of the source: a square of them is turned in registers.
template <class V, class C>
inline void pack_turned(const PackSource& s, const Lanes& lanes, Cells cells, int64_t depth,
                        float* out) {
  constexpr int kLanes = V::kLanes;
  const int64_t end = cells.first + cells.count;
  for (int64_t l = 0; l < lanes.width; l += kLanes) {
    const int room = static_cast<int>(lanes.width - l < kLanes ? lanes.width - l : kLanes);
    for (int64_t c = cells.first; c < end; c += kLanes) {
      typename V::F rows[kLanes];
      for (int i = 0; i < kLanes; ++i) {
        prefetch(s, (lanes.first + l + i) * s.stride + (c + 2 * kLanes) * C::kPerCell);
        rows[i] = l + i < lanes.count ? C::along_k(s, lanes.first + l + i, c * C::kPerCell, depth)
                                      : V::zero();
      }
      V::transpose(rows);
      for (int j = 0; j < kLanes; ++j) {
        if (c + j < end) store_some<V>(out + (c + j) * lanes.width + l, rows[j], room);
      }
    }
  }
}

// Lanes lie side by side.
template <class V, class C>
inline void pack_straight(const PackSource& s, const Lanes& lanes, Cells cells, int64_t depth,
                          float* out) {
  constexpr int kLanes = V::kLanes;
  for (int64_t c = cells.first; c < cells.first + cells.count; ++c) {
    for (int64_t l = 0; l < lanes.width; l += kLanes) {
      const int64_t left = lanes.count - l, space = lanes.width - l;
      const int have = static_cast<int>(left < 0 ? 0 : left < kLanes ? left : kLanes);
      for (int i = 0; i < C::kPerCell; ++i) {
        prefetch(s, ((c + kCellsAhead) * C::kPerCell + i) * s.stride + lanes.first + l);
      }
      store_some<V>(out + c * lanes.width + l,
                    C::along_lanes(s, lanes.first + l, have, c * C::kPerCell, depth),
                    static_cast<int>(space < kLanes ? space : kLanes));
    }
  }
}

// out[cell, lane] of one panel, for the cells asked for.
template <class V, class C>
inline void pack_panel(const PackSource& s, const Lanes& lanes, Cells cells, int64_t depth,
                       float* out) {
  s.k_contiguous ? pack_turned<V, C>(s, lanes, cells, depth, out)
                 : pack_straight<V, C>(s, lanes, cells, depth, out);
}

}  // namespace
}  // namespace kernels::generic
