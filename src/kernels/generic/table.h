// The whole table for one Vec and its two products.
#pragma once

#include "kernels/generic/attention.h"
#include "kernels/generic/gemm.h"
#include "kernels/generic/ops.h"
#include "kernels/generic/spin.h"
#include "kernels/table.h"

namespace kernels::generic {
namespace {

template <class V, class FloatP, class Bf16P>
constexpr Table make_table() {
  return {
      .f32 = product_table<FloatP>(),
      .bf16 = product_table<Bf16P>(),
      .attention_scratch = &attention_scratch,
      .attention_forward = &attention_forward<V>,
      .attention_backward = &attention_backward<V>,
      .attention_paged_bf16 = &attention_paged<V, Bf16Pages<V>>,
      .attention_paged_f32 = &attention_paged<V, FloatPages<V>>,
      .rms_norm = &rms_norm<V>,
      .rms_norm_backward = &rms_norm_backward<V>,
      .rope = &rope<V>,
      .softmax_row = &softmax_row<V>,
      .log_sum_exp = &log_sum_exp<V>,
      .silu_mul = &silu_mul<V>,
      .silu_mul_backward = &silu_mul_backward<V>,
      .axpy = &axpy<V>,
      .scale = &scale<V>,
      .dot = &dot<V>,
      .to_bf16 = &to_bf16<V>,
      .to_float = &to_float<V>,
      .cross_entropy_row = &cross_entropy_row<V>,
      .adamw = &adamw<V>,
      .spin_f32 = &spin<FmaStep<V>>,
      .spin_bf16 = nullptr,
      .spin_int8 = nullptr,
      .read_all = &read_all<V>,
  };
}

}  // namespace
}  // namespace kernels::generic
