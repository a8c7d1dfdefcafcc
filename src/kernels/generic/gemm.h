// Matrix product from packed panels, for any product P: how k is grouped, how operands are packed,
// and one step of the register-blocked kernel. Each element of C is one chain of multiply-adds in
// the order of k.
#pragma once

#include "kernels/generic/pack.h"
#include "kernels/table.h"

namespace kernels::generic {
namespace {

struct PanelSplit {  // `lanes` in the fewest panels of at most `most`, as even as can be
  int64_t panels, base, larger;
  constexpr PanelSplit(int64_t lanes, int64_t most)
      : panels((lanes + most - 1) / most),
        base(panels == 0 ? 0 : lanes / panels),
        larger(panels == 0 ? 0 : lanes % panels) {}
  constexpr int64_t size(int64_t panel) const { return base + (panel < larger ? 1 : 0); }
};

// fp32 on both sides, one k at a time.
template <class V, int kRows, int kVectors>
struct FloatProduct {
  using Vec = V;
  using CellsA = FloatCells<V>;
  using CellsB = FloatCells<V>;
  static constexpr int rows = kRows, vectors = kVectors, group = 1;

  template <int R>
  static inline void step(typename V::F (&acc)[R][kVectors], const float* a, const float* b) {
    typename V::F bv[kVectors];
    for (int j = 0; j < kVectors; ++j) bv[j] = V::load(b + j * V::kLanes);
    for (int i = 0; i < R; ++i) {
      const typename V::F av = V::set(a[i]);
      for (int j = 0; j < kVectors; ++j) acc[i][j] = V::fma(av, bv[j], acc[i][j]);
    }
  }
};

// bf16 where the instruction set has no such product: the left side rounded in fp32, the right one
// in pairs that are widened on the way, so that packed weights stay small.
template <class V, int kRows, int kVectors>
struct WidenedProduct {
  using Vec = V;
  using CellsA = RoundedCells<V>;
  using CellsB = PairCells<V>;
  static constexpr int rows = kRows, vectors = kVectors, group = 2;

  template <int R>
  static inline void step(typename V::F (&acc)[R][kVectors], const float* a, const float* b) {
    typename V::F bv[kVectors];
    for (int j = 0; j < kVectors; ++j) bv[j] = V::low_of_pairs(V::load(b + j * V::kLanes));
    for (int i = 0; i < R; ++i) {
      const typename V::F av = V::set(a[i]);
      for (int j = 0; j < kVectors; ++j) acc[i][j] = V::fma(av, bv[j], acc[i][j]);
    }
    for (int j = 0; j < kVectors; ++j) bv[j] = V::high_of_pairs(V::load(b + j * V::kLanes));
    for (int i = 0; i < R; ++i) {
      const typename V::F av = V::set(a[R + i]);
      for (int j = 0; j < kVectors; ++j) acc[i][j] = V::fma(av, bv[j], acc[i][j]);
    }
  }
};

template <class P>
inline constexpr int kCellsA = P::group / P::CellsA::kPerCell;  // cells of a lane in a group
template <class P>
inline constexpr int kCellsB = P::group / P::CellsB::kPerCell;
template <class P>
inline constexpr int kPanelCols = P::vectors * P::Vec::kLanes;

struct Tile {
  const float* a;
  const float* b;
  int64_t groups;
  float* c;
  int64_t c_stride;
  int64_t cols;
  bool accumulate;
};

template <class P, int R>
void micro(const Tile& t) {
  using V = typename P::Vec;
  constexpr int N = P::vectors;
  typename V::F acc[R][N];
  int lanes[N];
  for (int j = 0; j < N; ++j) {
    const int64_t left = t.cols - j * V::kLanes;
    lanes[j] = static_cast<int>(left < 0 ? 0 : left < V::kLanes ? left : V::kLanes);
  }
  for (int i = 0; i < R; ++i) {
    for (int j = 0; j < N; ++j) {
      __builtin_prefetch(t.c + i * t.c_stride + j * V::kLanes, 1);
      acc[i][j] =
          t.accumulate ? load_some<V>(t.c + i * t.c_stride + j * V::kLanes, lanes[j]) : V::zero();
    }
  }
  const float* a = t.a;
  const float* b = t.b;
  for (int64_t g = 0; g < t.groups; ++g) {
    P::template step<R>(acc, a, b);
    a += R * kCellsA<P>;
    b += kPanelCols<P> * kCellsB<P>;
  }
  for (int i = 0; i < R; ++i) {
    for (int j = 0; j < N; ++j) {
      store_some<V>(t.c + i * t.c_stride + j * V::kLanes, acc[i][j], lanes[j]);
    }
  }
}

template <class P, int R>
constexpr auto pick_micro(int64_t rows) {
  if constexpr (R == 1) {
    return &micro<P, 1>;
  } else {
    return rows >= R ? &micro<P, R> : pick_micro<P, R - 1>(rows);
  }
}

template <class P>
void block(const Block& t) {
  const PanelSplit split(t.rows, P::rows);
  constexpr int64_t kCols = kPanelCols<P>;
  for (int64_t col = 0, panel_b = 0; col < t.cols; col += kCols, ++panel_b) {
    const auto* b = static_cast<const float*>(t.b) + panel_b * (t.b_panel_bytes / 4);
    const auto* a = static_cast<const float*>(t.a);
    const int64_t cols = t.cols - col < kCols ? t.cols - col : kCols;
    int64_t row = 0;
    for (int64_t panel = 0; panel < split.panels; ++panel) {
      const int64_t rows = split.size(panel);
      pick_micro<P, P::rows>(rows)(
          {a, b, t.groups, t.c + row * t.c_stride + col, t.c_stride, cols, t.accumulate});
      a += rows * t.groups * kCellsA<P>;
      row += rows;
    }
  }
}

// A few cells at a time through all panels, so that what is read of a source row stays in cache for
// the next panel.
template <class P>
void pack_a(const PackSource& source, int64_t lanes, int64_t depth, void* out) {
  const int64_t at_once = source.k_contiguous ? 4 * P::Vec::kLanes : 4;
  const PanelSplit split(lanes, P::rows);
  const int64_t cells = (depth + P::group - 1) / P::group * kCellsA<P>;
  for (int64_t first = 0; first < cells; first += at_once) {
    const int64_t count = cells - first < at_once ? cells - first : at_once;
    auto* to = static_cast<float*>(out);
    int64_t lane = 0;
    for (int64_t panel = 0; panel < split.panels; ++panel) {
      const int64_t width = split.size(panel);
      pack_panel<typename P::Vec, typename P::CellsA>(source, {lane, width, width}, {first, count},
                                                      depth, to);
      to += width * cells;
      lane += width;
    }
  }
}

template <class P>
void pack_b(const PackSource& source, int64_t lanes, int64_t depth, void* out) {
  const int64_t cells = (depth + P::group - 1) / P::group * kCellsB<P>;
  pack_panel<typename P::Vec, typename P::CellsB>(source, {0, lanes, kPanelCols<P>}, {0, cells},
                                                  depth, static_cast<float*>(out));
}

template <class P>
constexpr ProductTable product_table() {
  return {P::rows,        static_cast<int>(kPanelCols<P>),
          P::group,       4 * kCellsA<P>,
          4 * kCellsB<P>, &pack_a<P>,
          &pack_b<P>,     &block<P>};
}

}  // namespace
}  // namespace kernels::generic
