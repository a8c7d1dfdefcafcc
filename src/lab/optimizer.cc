#include "lab/optimizer.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "kernels/kernels.h"

namespace lab {
namespace {

using model::ParameterRole;
using model::ParameterSlot;

bool is_layer_matrix(ParameterRole role) {
  return role == ParameterRole::Matrix || role == ParameterRole::ResidualMatrix;
}

}  // namespace

Optimizer::Optimizer(const model::TrainLayout& layout, const OptimizerOptions& options)
    : layout_(layout),
      options_(options),
      first_(static_cast<size_t>(layout.size)),
      second_(static_cast<size_t>(layout.size)) {
  if (!options.muon) return;
  int64_t largest = 0, side = 0;
  for (const ParameterSlot& slot : layout.slots) {
    if (!uses_muon(slot)) continue;
    largest = std::max(largest, slot.size());
    side = std::max(side, std::min(slot.rows, slot.cols));
  }
  update_.resize(static_cast<size_t>(largest));
  next_.resize(static_cast<size_t>(largest));
  square_.resize(static_cast<size_t>(side * side));
  polynomial_.resize(static_cast<size_t>(side * side));
}

bool Optimizer::uses_muon(const ParameterSlot& slot) const {
  return options_.muon && is_layer_matrix(slot.role);
}

void Optimizer::step(std::span<float> parameters, std::span<const float> gradients,
                     float gradient_scale, double lr, int64_t step, base::ThreadPool& pool) {
  CHECK(parameters.size() == first_.size() && gradients.size() == first_.size());
  for (const ParameterSlot& slot : layout_.slots) {
    float* weights = parameters.data() + slot.offset;
    const float* gradient = gradients.data() + slot.offset;
    if (uses_muon(slot)) {
      muon_step(slot, weights, gradient, gradient_scale, lr, pool);
      continue;
    }
    kernels::AdamW adamw;
    adamw.lr = static_cast<float>(lr);
    adamw.beta1 = static_cast<float>(options_.beta1);
    adamw.beta2 = static_cast<float>(options_.beta2);
    adamw.eps = static_cast<float>(options_.eps);
    adamw.weight_decay =
        slot.role == ParameterRole::Norm ? 0 : static_cast<float>(options_.weight_decay);
    adamw.step = step;
    kernels::adamw(weights, gradient, first_.data() + slot.offset, second_.data() + slot.offset,
                   slot.size(), adamw, gradient_scale, pool);
  }
}

void Optimizer::muon_step(const ParameterSlot& slot, float* weights, const float* gradient,
                          float gradient_scale, double lr, base::ThreadPool& pool) {
  const float momentum = static_cast<float>(options_.muon_momentum);
  float* velocity = first_.data() + slot.offset;
  const int64_t size = slot.size();
  for (int64_t i = 0; i < size; ++i) {
    const float g = gradient[i] * gradient_scale;
    velocity[i] = momentum * velocity[i] + (1 - momentum) * g;
    update_[static_cast<size_t>(i)] =
        momentum * velocity[i] + (1 - momentum) * g;  // Nesterov's look ahead
  }
  orthogonalize(update_.data(), next_.data(), square_.data(), polynomial_.data(), slot.rows,
                slot.cols, pool);
  // An orthogonal update has elements of size 1/sqrt(max(rows, cols)); 0.2 is about what AdamW's
  // elements have.
  const float size_factor = 0.2F * std::sqrt(static_cast<float>(std::max(slot.rows, slot.cols)));
  const float rate = static_cast<float>(lr);
  kernels::scale(weights, 1 - rate * static_cast<float>(options_.weight_decay), size);
  kernels::axpy(weights, -rate * size_factor, update_.data(), size);
}

void orthogonalize(float* x, float* next, float* square, float* polynomial, int64_t rows,
                   int64_t cols, base::ThreadPool& pool) {
  using enum kernels::Op;
  // Newton-Schulz with the quintic's coefficients of the Muon paper: steep at 0, and every singular
  // value near 1 after five.
  constexpr float kA = 3.4445F, kB = -4.7750F, kC = 2.0315F;
  constexpr int kIterations = 5;
  constexpr auto kPrecision = kernels::Precision::BF16;
  const int64_t size = rows * cols, side = std::min(rows, cols);
  const bool wide = rows <= cols;
  kernels::scale(x, 1 / (static_cast<float>(std::sqrt(kernels::sum_squares(x, size))) + 1e-7F),
                 size);
  for (int iteration = 0; iteration < kIterations; ++iteration) {
    const kernels::ConstMat m = kernels::mat(x, rows, cols);
    kernels::gemm(wide ? None : Transpose, m, wide ? Transpose : None, m, square, side, false,
                  kPrecision, pool);
    const kernels::ConstMat s = kernels::mat(square, side, side);
    kernels::gemm(None, s, None, s, polynomial, side, false, kPrecision, pool);
    kernels::scale(polynomial, kC, side * side);
    kernels::axpy(polynomial, kB, square, side * side);
    const kernels::ConstMat p = kernels::mat(polynomial, side, side);
    if (wide) {
      kernels::gemm(None, p, None, m, next, cols, false, kPrecision, pool);
    } else {
      kernels::gemm(None, m, None, p, next, cols, false, kPrecision, pool);
    }
    kernels::scale(x, kA, size);
    kernels::add(x, next, size);
  }
}

}  // namespace lab
