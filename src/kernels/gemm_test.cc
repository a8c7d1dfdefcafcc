#include "kernels/gemm.h"

#include <dnnl.hpp>
#include <limits>
#include <memory>

#include "kernels/reference_test.h"

namespace kernels::test {
namespace {

constexpr double kEpsilon = 1.2e-7;  // of fp32

struct Operand {  // one matrix in the form asked for, and its exact values
  Floats floats;
  std::vector<Bf16> halves;
  ConstMat view;
  Op op;

  Operand(int64_t rows, int64_t cols, Op turn, Type type, Random& random)
      : floats((turn == Op::None ? rows : cols) * ((turn == Op::None ? cols : rows) + 3), random),
        op(turn) {
    const int64_t r = turn == Op::None ? rows : cols, c = turn == Op::None ? cols : rows;
    if (type == Type::BF16) {
      for (int64_t i = 0; i < floats.size(); ++i) {
        halves.push_back(kernels::to_bf16(floats[i]));
        floats[i] = kernels::to_float(halves.back());
      }
      view = {halves.data(), type, r, c, c + 3};
    } else {
      view = {floats.data(), type, r, c, c + 3};
    }
  }
  double at(int64_t row, int64_t col, Precision precision) const {
    const float value =
        op == Op::None ? floats[row * view.stride + col] : floats[col * view.stride + row];
    return static_cast<double>(
        precision == Precision::BF16 ? kernels::to_float(kernels::to_bf16(value)) : value);
  }
};

struct Case {
  int64_t m, n, k;
};

void expect_product(const Operand& a, const Operand& b, const Case& size, Precision precision,
                    const Floats& before, const Floats& got, int64_t stride, bool accumulate) {
  for (int64_t i = 0; i < size.m; ++i) {
    for (int64_t j = 0; j < stride; ++j) {
      const float start = before[i * stride + j];
      if (j >= size.n) {
        ASSERT_EQ(got[i * stride + j], start) << "beyond the row's end";
        continue;
      }
      double sum = accumulate ? static_cast<double>(start) : 0, absolute = std::fabs(sum);
      for (int64_t k = 0; k < size.k; ++k) {
        const double product = a.at(i, k, precision) * b.at(k, j, precision);
        sum += product;
        absolute += std::fabs(product);
      }
      // Each of k additions may be off by half a unit of a partial sum, none larger than the
      // absolute sum.
      const double bound = kEpsilon * (static_cast<double>(size.k) + 2) * absolute + 1e-30;
      ASSERT_NEAR(static_cast<double>(got[i * stride + j]), sum, bound)
          << "at " << i << ", " << j << " of " << size.m << "x" << size.n << "x" << size.k;
    }
  }
}

class Gemm : public EachIsa {};
FOR_EACH_ISA(Gemm);

TEST_P(Gemm, AgreesWithDoublePrecision) {
  Random random(1);
  std::vector<Case> cases = {{0, 3, 2},     {3, 0, 2},      {3, 2, 0},    {1, 1, 1},
                             {1, 33, 2},    {14, 32, 16},   {15, 31, 17}, {29, 65, 33},
                             {1, 100, 300}, {230, 34, 515}, {57, 300, 9}};
  for (int i = 0; i < 12; ++i)
    cases.push_back({random.between(1, 70), random.between(1, 90), random.between(1, 80)});
  int turn = 0;
  for (const Case& size : cases) {
    for (const Precision precision : {Precision::F32, Precision::BF16}) {
      for (const bool accumulate : {false, true}) {
        ++turn;
        const Operand a(size.m, size.k, Op{(turn & 1) != 0},
                        (turn & 4) != 0 ? Type::BF16 : Type::F32, random);
        const Operand b(size.k, size.n, Op{(turn & 2) != 0},
                        (turn & 8) != 0 ? Type::BF16 : Type::F32, random);
        const int64_t stride = size.n + turn % 3;
        const Floats before(size.m * stride, random);
        Floats c = before;
        gemm(a.op, a.view, b.op, b.view, c.data(), stride, accumulate, precision, pool_);
        expect_product(a, b, size, precision, before, c, stride, accumulate);
      }
    }
  }
}

TEST_P(Gemm, DoesNotDependOnThreads) {
  Random random(2);
  for (const Case& size : {Case{300, 70, 1100}, Case{5, 200, 64}, Case{64, 40, 3000}}) {
    const Operand a(size.m, size.k, Op::Transpose, Type::F32, random);
    const Operand b(size.k, size.n, Op::None, Type::F32, random);
    for (const Precision precision : {Precision::F32, Precision::BF16}) {
      Floats first(size.m * size.n);
      for (const int threads : {1, 2, 5}) {
        base::ThreadPool pool(threads);
        Floats c(size.m * size.n);
        gemm(a.op, a.view, b.op, b.view, c.data(), size.n, false, precision, pool);
        if (threads == 1) first = c;
        EXPECT_TRUE(c == first) << threads << " threads";
      }
    }
  }
}

TEST_P(Gemm, LetsInfinityAndNanThrough) {
  const float nan = std::numeric_limits<float>::quiet_NaN(),
              inf = std::numeric_limits<float>::infinity();
  for (const Precision precision : {Precision::F32, Precision::BF16}) {
    Floats a(3 * 5, 1.0f), b(5 * 4, 2.0f), c(3 * 4);
    a[1 * 5 + 2] = nan;
    a[2 * 5 + 4] = inf;
    gemm(Op::None, mat(a.data(), 3, 5), Op::None, mat(b.data(), 5, 4), c.data(), 4, false,
         precision, pool_);
    for (int64_t j = 0; j < 4; ++j) {
      EXPECT_EQ(c[j], 10.0f);
      EXPECT_TRUE(std::isnan(c[4 + j]));
      EXPECT_EQ(c[8 + j], inf);
    }
  }
}

TEST_P(Gemm, LinearRowsDoNotSeeEachOther) {
  Random random(3);
  for (const Case& size : {Case{40, 70, 130}, Case{300, 33, 1030}, Case{3, 1, 1}}) {
    for (const Precision precision : {Precision::F32, Precision::BF16}) {
      const Operand w(size.n, size.k, Op::None, Type::F32, random);
      const Floats x(size.m * size.k, random);
      const PackedWeights packed = PackedWeights::pack(w.view, precision);
      EXPECT_EQ(packed.n(), size.n);
      EXPECT_EQ(packed.k(), size.k);
      Floats all(size.m * size.n);
      linear(x.data(), size.m, packed, all.data(), pool_);
      base::ThreadPool alone(1);
      for (int64_t row = 0; row < size.m; ++row) {
        for (const int64_t rows : {int64_t{1}, int64_t{2}, int64_t{5}}) {
          if (row + rows > size.m) continue;
          Floats some(rows * size.n);
          linear(x.data() + row * size.k, rows, packed, some.data(), alone);
          for (int64_t i = 0; i < size.n; ++i)
            ASSERT_EQ(some[i], all[row * size.n + i]) << rows << " rows";
        }
      }
      for (int64_t row = 0; row < size.m; row += 7) {
        for (int64_t i = 0; i < size.n; ++i) {
          double sum = 0, absolute = 0;
          for (int64_t k = 0; k < size.k; ++k) {
            const float xv = x[row * size.k + k];
            const double rounded = static_cast<double>(
                precision == Precision::BF16 ? kernels::to_float(kernels::to_bf16(xv)) : xv);
            sum += rounded * w.at(i, k, precision);
            absolute += std::fabs(rounded * w.at(i, k, precision));
          }
          ASSERT_NEAR(static_cast<double>(all[row * size.n + i]), sum,
                      kEpsilon * (static_cast<double>(size.k) + 2) * absolute);
        }
      }
    }
  }
}

// Another library's product as an oracle that shares no code with ours.
TEST_P(Gemm, AgreesWithOneDnn) {
  Random random(4);
  for (const Case& size : {Case{128, 96, 200}, Case{61, 257, 129}}) {
    const Floats a(size.m * size.k, random), b(size.k * size.n, random);
    Floats ours(size.m * size.n), theirs(size.m * size.n);
    gemm(Op::None, mat(a.data(), size.m, size.k), Op::None, mat(b.data(), size.k, size.n),
         ours.data(), size.n, false, Precision::F32, pool_);
    ASSERT_EQ(dnnl_success, dnnl_sgemm('N', 'N', size.m, size.n, size.k, 1.0f, a.data(), size.k,
                                       b.data(), size.n, 0.0f, theirs.data(), size.n));
    for (int64_t i = 0; i < ours.size(); ++i) ASSERT_NEAR(ours[i], theirs[i], 1e-3f);
  }
}

TEST_P(Gemm, Bf16RoundTripsAndRounds) {
  Random random(5);
  Floats x(77, random);
  x[3] = std::numeric_limits<float>::infinity();
  x[4] = std::numeric_limits<float>::quiet_NaN();
  x[5] = 1.00390625f;  // half-way between two bf16 values: to even
  x[6] = 1.01171875f;
  x[7] = 3.4e38f;
  std::vector<Bf16> halves(77);
  kernels::to_bf16(x.data(), halves.data(), 77);
  Floats back(77);
  kernels::to_float(halves.data(), back.data(), 77);
  for (int64_t i = 0; i < 77; ++i) {
    if (std::isnan(x[i])) {
      EXPECT_TRUE(std::isnan(back[i]));
    } else {
      EXPECT_EQ(halves[static_cast<size_t>(i)], kernels::to_bf16(x[i])) << x[i];
      EXPECT_EQ(back[i], kernels::to_float(halves[static_cast<size_t>(i)]));
    }
  }
  EXPECT_EQ(back[5], 1.0f);
  EXPECT_EQ(back[6], 1.015625f);
  EXPECT_TRUE(std::isinf(back[7]));
}

}  // namespace
}  // namespace kernels::test
