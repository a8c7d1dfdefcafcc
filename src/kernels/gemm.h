// Matrix products. Each element of a result is one chain of multiply-adds in the order of k,
// whatever the number of threads, the number of rows, or the neighbours in the batch: results are
// the same, bit for bit, on one instruction set.
#pragma once

#include <cstdint>
#include <memory>

#include "base/thread_pool.h"
#include "kernels/bf16.h"
#include "kernels/isa.h"

namespace kernels {

enum class Type : uint8_t { F32, BF16 };
enum class Op : bool { None, Transpose };
enum class Precision : uint8_t {
  F32,
  BF16,  // operands are rounded to bf16 when they are packed; sums are fp32
};

struct ConstMat {  // row-major
  const void* data = nullptr;
  Type type = Type::F32;
  int64_t rows = 0, cols = 0;
  int64_t stride = 0;  // elements from one row to the next
};
inline ConstMat mat(const float* data, int64_t rows, int64_t cols) {
  return {data, Type::F32, rows, cols, cols};
}
inline ConstMat mat(const Bf16* data, int64_t rows, int64_t cols) {
  return {data, Type::BF16, rows, cols, cols};
}

// c[m, n] = op(a)[m, k] * op(b)[k, n], or += with `accumulate`. c must not overlap a or b.
void gemm(Op op_a, const ConstMat& a, Op op_b, const ConstMat& b, float* c /*m, n*/,
          int64_t c_stride, bool accumulate, Precision precision, base::ThreadPool& pool);

// Weights arranged once for many products. Immutable and shared by copies.
class PackedWeights {
 public:
  PackedWeights() = default;
  static PackedWeights pack(const ConstMat& w /*n, k*/, Precision precision);

  int64_t n() const { return n_; }
  int64_t k() const { return k_; }
  Precision precision() const { return precision_; }
  int64_t bytes() const { return bytes_; }
  Isa isa() const { return isa_; }  // whose order the data is in
  const void* data() const { return data_.get(); }

 private:
  int64_t n_ = 0, k_ = 0, bytes_ = 0;
  Precision precision_ = Precision::F32;
  Isa isa_ = Isa::Scalar;
  std::shared_ptr<const void> data_;
};

// y[rows, n] = x[rows, k] * transpose(w). A row's result does not depend on the other rows or on
// how many there are.
void linear(const float* x /*rows, k*/, int64_t rows, const PackedWeights& w, float* y /*rows, n*/,
            base::ThreadPool& pool);

}  // namespace kernels
