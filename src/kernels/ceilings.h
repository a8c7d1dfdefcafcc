// What this machine can do at most, measured, so that figures can be told as shares of it.
#pragma once

#include "base/thread_pool.h"

namespace kernels {

// Operations per second of the whole pool working from registers (a multiply and an add are two), 0
// where the instruction set lacks the product; bytes per second read from memory.
double peak_f32_flops(base::ThreadPool& pool, double seconds = 0.1);
double peak_bf16_flops(base::ThreadPool& pool, double seconds = 0.1);
double peak_int8_ops(base::ThreadPool& pool, double seconds = 0.1);
double peak_read_bytes(base::ThreadPool& pool, double seconds = 0.2);

}  // namespace kernels
