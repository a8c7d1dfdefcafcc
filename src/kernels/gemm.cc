#include "kernels/gemm.h"

#include <algorithm>

#include "base/check.h"
#include "kernels/isa.h"
#include "kernels/table.h"
#include "kernels/workspace.h"

namespace kernels {
namespace {

// Measured on 1 MiB of L2 for each core: deep panels, since each run of k loads and stores the tile
// of C once.
constexpr int64_t kPanelDepthBytes = 2048;  // of one lane of B
constexpr int64_t kRowsPerBlock =
    224;  // with kPanelDepthBytes, a block of A is less than half of L2
constexpr int64_t kSlabBytes = 2 << 20;  // of B packed at a time
constexpr int64_t kRowsWorthSplitting = 28;
constexpr double kWorthThreads =
    200'000;  // multiply-adds: less is done before another thread has woken up

thread_local Workspace slab_memory;
thread_local Workspace block_memory;

const ProductTable& product_of(Precision precision) {
  return precision == Precision::BF16 ? table().bf16 : table().f32;
}

int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

PackSource source_of(Op op, const ConstMat& m, bool lanes_are_rows) {
  // op(m) has its lanes along rows of memory exactly when m is used as it lies and lanes are rows,
  // or both are turned.
  return {m.data, m.stride, m.type == Type::BF16, (op == Op::None) == lanes_are_rows};
}

PackSource offset(const PackSource& s, int64_t lane, int64_t k) {
  const int64_t elements = s.k_contiguous ? lane * s.stride + k : k * s.stride + lane;
  PackSource moved = s;
  moved.data = static_cast<const char*>(s.data) + elements * (s.is_bf16 ? 2 : 4);
  return moved;
}

// The right operand, packed: panel j at data + j * panel_bytes, its group g at g * group_bytes.
struct PackedSlab {
  const char* data;
  int64_t panel_bytes;
  int64_t first_k, depth;
};

// Pieces of C: even bands of rows, and bands of whole panels of columns when there are too few rows
// to go round.
struct Pieces {
  int64_t row_bands, col_bands, m, panels;
  Pieces(int64_t rows, int64_t cols_in_panels, int threads) : m(rows), panels(cols_in_panels) {
    row_bands = divide_up(rows, kRowsPerBlock);
    if (threads > 1) row_bands = divide_up(row_bands, threads) * threads;
    row_bands = std::min(row_bands, std::max<int64_t>(1, rows / kRowsWorthSplitting));
    col_bands = row_bands >= threads ? 1 : std::min(divide_up(threads, row_bands), panels);
  }
  int64_t count() const { return row_bands * col_bands; }
  static int64_t edge(int64_t whole, int64_t bands, int64_t band) { return whole * band / bands; }
};

struct Product {
  const ProductTable& kernel;
  PackSource a;
  int64_t m, n;
  float* c;
  int64_t c_stride;
};

// One piece of C over one slab, k in runs that keep the panels in cache.
void run_piece(const Product& p, const PackedSlab& slab, const Pieces& pieces, int64_t piece,
               bool accumulate) {
  const int64_t row_band = piece / pieces.col_bands, col_band = piece % pieces.col_bands;
  const int64_t row = Pieces::edge(p.m, pieces.row_bands, row_band);
  const int64_t rows = Pieces::edge(p.m, pieces.row_bands, row_band + 1) - row;
  const int64_t panel = Pieces::edge(pieces.panels, pieces.col_bands, col_band);
  const int64_t panel_end = Pieces::edge(pieces.panels, pieces.col_bands, col_band + 1);
  const int64_t col = panel * p.kernel.cols;
  const int64_t cols = std::min(p.n, panel_end * p.kernel.cols) - col;
  if (rows == 0 || cols <= 0) return;
  const int64_t run = kPanelDepthBytes / p.kernel.b_bytes * p.kernel.group;
  for (int64_t k = 0; k < std::max<int64_t>(slab.depth, 1); k += run) {
    const int64_t depth = std::min(run, slab.depth - k);
    const int64_t groups = divide_up(depth, p.kernel.group);
    void* packed = block_memory.get(std::max<int64_t>(64, rows * groups * p.kernel.a_bytes));
    if (depth > 0) p.kernel.pack_a(offset(p.a, row, slab.first_k + k), rows, depth, packed);
    const char* b = slab.data + panel * slab.panel_bytes +
                    k / p.kernel.group * p.kernel.cols * p.kernel.b_bytes;
    p.kernel.block({packed, b, slab.panel_bytes, rows, cols, groups, p.c + row * p.c_stride + col,
                    p.c_stride, accumulate || k > 0});
  }
}

void run_slab(const Product& p, const PackedSlab& slab, bool accumulate, base::ThreadPool& pool) {
  const double work =
      static_cast<double>(p.m) * static_cast<double>(p.n) * static_cast<double>(slab.depth);
  const int threads = work < kWorthThreads ? 1 : pool.size();
  const Pieces pieces(p.m, divide_up(p.n, p.kernel.cols), threads);
  if (threads == 1) {
    for (int64_t piece = 0; piece < pieces.count(); ++piece)
      run_piece(p, slab, pieces, piece, accumulate);
    return;
  }
  pool.parallel_for(pieces.count(), 1, [&](int64_t begin, int64_t end) {
    for (int64_t piece = begin; piece < end; ++piece) run_piece(p, slab, pieces, piece, accumulate);
  });
}

}  // namespace

void gemm(Op op_a, const ConstMat& a, Op op_b, const ConstMat& b, float* c, int64_t c_stride,
          bool accumulate, Precision precision, base::ThreadPool& pool) {
  const int64_t m = op_a == Op::None ? a.rows : a.cols, k = op_a == Op::None ? a.cols : a.rows;
  const int64_t n = op_b == Op::None ? b.cols : b.rows;
  CHECK((op_b == Op::None ? b.rows : b.cols) == k);
  CHECK(c_stride >= n || m <= 1);
  if (m == 0 || n == 0 || (k == 0 && accumulate)) return;
  const ProductTable& kernel = product_of(precision);
  const Product product{kernel, source_of(op_a, a, true), m, n, c, c_stride};
  const PackSource source = source_of(op_b, b, false);
  const int64_t panels = divide_up(n, kernel.cols);
  const int64_t group_bytes = kernel.cols * kernel.b_bytes;
  const int64_t run = kPanelDepthBytes / kernel.b_bytes;  // groups
  const int64_t groups = divide_up(k, kernel.group);
  const int64_t slab_groups =
      std::min(groups, std::max<int64_t>(1, kSlabBytes / (panels * group_bytes * run)) * run);
  const bool small = static_cast<double>(n) * static_cast<double>(k) < kWorthThreads / 8;
  const int64_t panels_at_once = small ? panels : 1;
  char* memory = static_cast<char*>(
      slab_memory.get(std::max<int64_t>(64, panels * slab_groups * group_bytes)));
  for (int64_t first = 0; first < std::max<int64_t>(groups, 1);
       first += std::max<int64_t>(slab_groups, 1)) {
    const int64_t first_k = first * kernel.group;
    const int64_t depth = std::min(k - first_k, slab_groups * kernel.group);
    const PackedSlab slab{memory, divide_up(depth, kernel.group) * group_bytes, first_k, depth};
    pool.parallel_for(depth == 0 ? 0 : panels, panels_at_once, [&](int64_t begin, int64_t end) {
      for (int64_t panel = begin; panel < end; ++panel) {
        const int64_t lane = panel * kernel.cols;
        kernel.pack_b(offset(source, lane, first_k), std::min<int64_t>(kernel.cols, n - lane),
                      depth, memory + panel * slab.panel_bytes);
      }
    });
    run_slab(product, slab, accumulate || first > 0, pool);
  }
}

PackedWeights PackedWeights::pack(const ConstMat& w, Precision precision) {
  const ProductTable& kernel = product_of(precision);
  const int64_t panels = divide_up(w.rows, kernel.cols);
  const int64_t panel_bytes = divide_up(w.cols, kernel.group) * kernel.cols * kernel.b_bytes;
  PackedWeights packed;
  packed.n_ = w.rows;
  packed.k_ = w.cols;
  packed.precision_ = precision;
  packed.isa_ = active_isa();
  packed.bytes_ = panels * panel_bytes;
  void* memory =
      std::aligned_alloc(kWorkspaceAlignment,
                         std::max<size_t>(kWorkspaceAlignment,
                                          static_cast<size_t>(divide_up(packed.bytes_, 64) * 64)));
  CHECK(memory != nullptr);
  packed.data_ = std::shared_ptr<const void>(memory, FreeMemory{});
  const PackSource source{w.data, w.stride, w.type == Type::BF16, true};
  for (int64_t panel = 0; panel < panels; ++panel) {
    const int64_t lane = panel * kernel.cols;
    kernel.pack_b(offset(source, lane, 0), std::min<int64_t>(kernel.cols, w.rows - lane), w.cols,
                  static_cast<char*>(memory) + panel * panel_bytes);
  }
  return packed;
}

void linear(const float* x, int64_t rows, const PackedWeights& w, float* y,
            base::ThreadPool& pool) {
  if (rows == 0 || w.n() == 0) return;
  CHECK(w.isa() == active_isa());
  const ProductTable& kernel = product_of(w.precision());
  const int64_t panel_bytes = divide_up(w.k(), kernel.group) * kernel.cols * kernel.b_bytes;
  const Product product{kernel, {x, w.k(), false, true}, rows, w.n(), y, w.n()};
  run_slab(product, {static_cast<const char*>(w.data()), panel_bytes, 0, w.k()}, false, pool);
}

}  // namespace kernels
