// What turns gradients into a step. AdamW for every parameter; with `muon`, matrices of the layers
// take the momentum made orthogonal (Jordan 2024) at a size that lets both share one learning rate
// (Liu et al. 2025). Weight decay acts on matrices only.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "model/train_layout.h"

namespace lab {

struct OptimizerOptions {
  double beta1 = 0.9;
  double beta2 = 0.99;
  double eps = 1e-8;
  double weight_decay = 0.1;
  double muon_momentum = 0.95;
  bool muon = false;
};

class Optimizer {
 public:
  Optimizer(const model::TrainLayout& layout, const OptimizerOptions& options);

  // The gradient taken is gradients * gradient_scale. `step` counts from 1.
  void step(std::span<float> parameters, std::span<const float> gradients, float gradient_scale,
            double lr, int64_t step, base::ThreadPool& pool);

  std::span<float> first_moments() {
    return first_;
  }  // (layout.size); Muon's momentum where that is used
  std::span<float> second_moments() { return second_; }  // (layout.size)

 private:
  bool uses_muon(const model::ParameterSlot& slot) const;
  void muon_step(const model::ParameterSlot& slot, float* weights, const float* gradient,
                 float gradient_scale, double lr, base::ThreadPool& pool);

  const model::TrainLayout& layout_;
  OptimizerOptions options_;
  std::vector<float> first_;
  std::vector<float> second_;
  std::vector<float> update_, next_, square_, polynomial_;  // scratch of muon_step
};

// In place: the nearest matrix with orthonormal rows or columns, roughly (singular values land in
// about 0.7 to 1.2). Scratch: `next` as large as x, `square` and `polynomial` min(rows, cols)
// squared.
void orthogonalize(float* x /*rows, cols*/, float* next, float* square, float* polynomial,
                   int64_t rows, int64_t cols, base::ThreadPool& pool);

}  // namespace lab
