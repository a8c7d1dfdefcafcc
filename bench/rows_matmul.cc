// Square matrix products, the sizes of the bars, beside oneDNN on the same cores.
#include "bench/bench.h"
#include "bench/peers/peers.h"
#include "kernels/ceilings.h"
#include "kernels/kernels.h"

namespace bench {
namespace {

constexpr double kBarBf16 = 0.60, kBarF32 = 0.70;

void add_product(const Context& context, const AddRow& add, int64_t n, bool bf16) {
  const std::string name = std::string("matmul ") + (bf16 ? "bf16 " : "fp32 ") + std::to_string(n);
  if (!context.wants(name)) return;
  const auto count = static_cast<size_t>(n * n);
  std::vector<float> a(count, 1.0f), b(count, 0.5f), c(count);
  std::vector<kernels::Bf16> a16(count, kernels::to_bf16(1.0f)), b16(count, kernels::to_bf16(0.5f));
  const auto ours = [&] {
    using kernels::mat, kernels::Op, kernels::Precision;
    if (bf16) {
      kernels::gemm(Op::None, mat(a16.data(), n, n), Op::None, mat(b16.data(), n, n), c.data(), n,
                    false, Precision::BF16, context.pool);
    } else {
      kernels::gemm(Op::None, mat(a.data(), n, n), Op::None, mat(b.data(), n, n), c.data(), n,
                    false, Precision::F32, context.pool);
    }
  };
  const bool native = bf16 && kernels::has_bf16_products();
  const auto ceiling = [&] {
    return native ? kernels::peak_bf16_flops(context.pool, 0.02)
                  : kernels::peak_f32_flops(context.pool, 0.02);
  };
  const double flops =
      2.0 * static_cast<double>(n) * static_cast<double>(n) * static_cast<double>(n);
  const int runs = n <= 1024 ? 15 : n <= 2048 ? 7 : 5;
  const Timed timed = time_against(runs, ours, ceiling);
  Row row{name, flops / timed.seconds / 1e9, "GFLOP/s"};
  row.ceiling_share = flops / timed.seconds / timed.ceiling;
  row.bar = bf16 ? kBarBf16 : kBarF32;
  if (const auto theirs = onednn_matmul(n, bf16)) {
    row.peer = "oneDNN";
    row.peer_value = flops / time_against(runs, *theirs, ceiling).seconds / 1e9;
  }
  add(std::move(row));
}

}  // namespace

void matmul_rows(const Context& context, const AddRow& add) {
  for (const bool bf16 : {true, false}) {
    for (const int64_t n : {512, 1024, 2048, 4096}) add_product(context, add, n, bf16);
  }
}

}  // namespace bench
