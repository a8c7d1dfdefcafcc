#include "bench/bench.h"
#include "kernels/ceilings.h"

namespace bench {

void ceiling_rows(const Context& context, const AddRow& add) {
  if (!context.wants("ceiling")) return;
  add({"ceiling memory read", kernels::peak_read_bytes(context.pool) / 1e9, "GB/s"});
  add({"ceiling fp32 multiply-add", kernels::peak_f32_flops(context.pool, 0.3) / 1e9, "GFLOP/s"});
  add({"ceiling bf16 products", kernels::peak_bf16_flops(context.pool, 0.3) / 1e9, "GFLOP/s"});
  add({"ceiling int8 products", kernels::peak_int8_ops(context.pool, 0.3) / 1e9, "GOP/s"});
}

}  // namespace bench
