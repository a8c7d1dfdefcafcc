#include "kernels/ops.h"

#include <limits>

#include "kernels/reference_test.h"

namespace kernels::test {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr int64_t kSizes[] = {0, 1, 2, 7, 8, 15, 16, 17, 31, 33, 64, 100, 1000, 1003};

double d(float value) { return static_cast<double>(value); }

class Ops : public EachIsa {};
FOR_EACH_ISA(Ops);

TEST_P(Ops, ElementLoops) {
  Random random(1);
  for (const int64_t n : kSizes) {
    const Floats x(n, random), y(n, random);
    Floats sum = x, times = x, scaled = x;
    add(sum.data(), y.data(), n);
    axpy(times.data(), 2.5f, y.data(), n);
    scale(scaled.data(), -3.0f, n);
    double product = 0, absolute = 0, squares = 0;
    for (int64_t i = 0; i < n; ++i) {
      EXPECT_EQ(sum[i], x[i] + y[i]);
      EXPECT_NEAR(times[i], x[i] + 2.5f * y[i], 1e-6f * (std::fabs(x[i]) + 3 * std::fabs(y[i])));
      EXPECT_EQ(scaled[i], -3.0f * x[i]);
      product += d(x[i]) * d(y[i]);
      absolute += std::fabs(d(x[i]) * d(y[i]));
      squares += d(x[i]) * d(x[i]);
    }
    EXPECT_NEAR(d(dot(x.data(), y.data(), n)), product, 1e-6 * absolute);
    EXPECT_NEAR(sum_squares(x.data(), n), squares, 1e-6 * squares);
  }
}

TEST_P(Ops, SumOfSquaresDoesNotDependOnThreads) {
  Random random(2);
  const Floats x(100'003, random);
  base::ThreadPool one(1);
  EXPECT_EQ(sum_squares(x.data(), x.size()), sum_squares(x.data(), x.size(), one));
  EXPECT_EQ(sum_squares(x.data(), x.size()), sum_squares(x.data(), x.size(), pool_));
}

TEST_P(Ops, Argmax) {
  EXPECT_EQ(argmax(nullptr, 0), -1);
  const float x[] = {kNan, -1, 4, 2, 4, kNan};
  EXPECT_EQ(argmax(x, 6), 2);
  const float low[] = {-kInf, -kInf};
  EXPECT_EQ(argmax(low, 2), 0);
}

TEST_P(Ops, RmsNorm) {
  Random random(3);
  for (const int64_t dim : {1, 5, 16, 37, 256}) {
    for (const int64_t rows : {0, 1, 3, 130}) {
      const Floats x(rows * dim, random), weight(dim, random);
      Floats out(rows * dim), inverse(rows), again(rows * dim);
      rms_norm(x.data(), weight.data(), out.data(), inverse.data(), rows, dim, 1e-5f);
      rms_norm(x.data(), weight.data(), again.data(), nullptr, rows, dim, 1e-5f, pool_);
      EXPECT_TRUE(out == again);
      for (int64_t r = 0; r < rows; ++r) {
        double squares = 0;
        for (int64_t i = 0; i < dim; ++i) squares += d(x[r * dim + i]) * d(x[r * dim + i]);
        const double expected = 1 / std::sqrt(squares / static_cast<double>(dim) + 1e-5);
        EXPECT_NEAR(d(inverse[r]), expected, 1e-6 * expected);
        for (int64_t i = 0; i < dim; ++i) {
          const double value = d(x[r * dim + i]) * expected * d(weight[i]);
          ASSERT_NEAR(d(out[r * dim + i]), value, 2e-6 * std::fabs(value));
        }
      }
    }
  }
}

// A scalar function of doubles, and the central difference of it.
template <class Function>
double slope(Function&& f, double& at) {
  const double before = at, step = 1e-5;
  at = before + step;
  const double up = f();
  at = before - step;
  const double down = f();
  at = before;
  return (up - down) / (2 * step);
}

std::vector<double> doubles(const Floats& x) { return {x.data(), x.data() + x.size()}; }

TEST_P(Ops, RmsNormGradient) {
  Random random(4);
  for (const int64_t dim : {1, 6, 19, 48}) {
    const int64_t rows = 3;
    const float eps = 1e-3f;
    const Floats x(rows * dim, random), weight(dim, random), dout(rows * dim, random);
    const Floats dx_before(rows * dim, random), dweight_before(dim, random);
    Floats out(rows * dim), inverse(rows), dx = dx_before, dweight = dweight_before;
    rms_norm(x.data(), weight.data(), out.data(), inverse.data(), rows, dim, eps);
    rms_norm_backward(dout.data(), x.data(), weight.data(), inverse.data(), dx.data(),
                      dweight.data(), rows, dim);
    std::vector<double> xd = doubles(x), wd = doubles(weight);
    const auto loss = [&] {
      double sum = 0;
      for (int64_t r = 0; r < rows; ++r) {
        double squares = 0;
        for (int64_t i = 0; i < dim; ++i) squares += xd[r * dim + i] * xd[r * dim + i];
        const double scale = 1 / std::sqrt(squares / static_cast<double>(dim) + d(eps));
        for (int64_t i = 0; i < dim; ++i)
          sum += d(dout[r * dim + i]) * xd[r * dim + i] * scale * wd[i];
      }
      return sum;
    };
    for (int64_t i = 0; i < rows * dim; ++i)
      ASSERT_NEAR(d(dx[i] - dx_before[i]), slope(loss, xd[i]),
                  2e-5 * (1 + std::fabs(d(dx[i]))) + 1e-5);
    for (int64_t i = 0; i < dim; ++i)
      ASSERT_NEAR(d(dweight[i] - dweight_before[i]), slope(loss, wd[i]), 2e-5);
  }
}

TEST_P(Ops, RmsNormGradientDoesNotDependOnThreads) {
  Random random(5);
  const int64_t rows = 333, dim = 40;
  const Floats x(rows * dim, random), weight(dim, random), dout(rows * dim, random),
      inverse(rows, random);
  Floats dx1(rows * dim), dx2(rows * dim), dw1(dim), dw2(dim);
  base::ThreadPool one(1);
  rms_norm_backward(dout.data(), x.data(), weight.data(), inverse.data(), dx1.data(), dw1.data(),
                    rows, dim, one);
  rms_norm_backward(dout.data(), x.data(), weight.data(), inverse.data(), dx2.data(), dw2.data(),
                    rows, dim, pool_);
  EXPECT_TRUE(dx1 == dx2);
  EXPECT_TRUE(dw1 == dw2);
}

TEST_P(Ops, RopeRotatesPairsAndBack) {
  Random random(6);
  const int64_t rows = 5, heads = 3;
  const int32_t positions[] = {0, 1, 7, 2, 19};
  for (const int64_t dim : {2, 8, 34, 64}) {
    Floats table(20 * dim);
    rope_table(table.data(), 20, dim, 10000.0);
    for (const Rotary rotary : {Rotary::Interleaved, Rotary::Halves}) {
      const Floats before(rows * heads * dim, random);
      Floats x = before;
      rope(x.data(), positions, table.data(), rows, heads, dim, rotary, false);
      for (int64_t r = 0; r < rows; ++r) {
        for (int64_t h = 0; h < heads; ++h) {
          for (int64_t i = 0; i < dim / 2; ++i) {
            const int64_t at = (r * heads + h) * dim;
            const int64_t first = at + (rotary == Rotary::Halves ? i : 2 * i);
            const int64_t second = at + (rotary == Rotary::Halves ? i + dim / 2 : 2 * i + 1);
            const double angle = positions[r] * std::pow(10000.0, -2.0 * static_cast<double>(i) /
                                                                      static_cast<double>(dim));
            const double a = d(before[first]), b = d(before[second]);
            ASSERT_NEAR(d(x[first]), a * std::cos(angle) - b * std::sin(angle),
                        1e-6 * (std::fabs(a) + std::fabs(b)));
            ASSERT_NEAR(d(x[second]), a * std::sin(angle) + b * std::cos(angle),
                        1e-6 * (std::fabs(a) + std::fabs(b)));
          }
        }
      }
      rope(x.data(), heads * dim, positions, table.data(), rows, heads, dim, rotary, true, pool_);
      for (int64_t i = 0; i < x.size(); ++i) ASSERT_NEAR(x[i], before[i], 1e-5f);
    }
  }
}

TEST_P(Ops, SoftmaxAndLogSumExp) {
  Random random(7);
  for (const int64_t n : kSizes) {
    for (const float size : {1.0f, 30.0f}) {
      const Floats before(n, random);
      Floats x = before;
      scale(x.data(), size, n);
      double most = -1e300, sum = 0;
      for (int64_t i = 0; i < n; ++i) most = std::max(most, d(x[i]));
      for (int64_t i = 0; i < n; ++i) sum += std::exp(d(x[i]) - most);
      const Floats logits = x;
      const float lse = log_sum_exp(x.data(), n);
      if (n == 0) {
        EXPECT_EQ(lse, -kInf);
      } else {
        EXPECT_NEAR(d(lse), most + std::log(sum), 2e-6 * (1 + std::fabs(most)));
      }
      softmax(x.data(), 1, n, n);
      for (int64_t i = 0; i < n; ++i) {
        const double expected = std::exp(d(logits[i]) - most) / sum;
        // x - most is rounded before the exponential, which multiplies that error by its size.
        const double relative = 1e-6 + 1.2e-7 * (most - d(logits[i]));
        ASSERT_NEAR(d(x[i]), expected, relative * expected + 1e-37);
      }
    }
  }
}

TEST_P(Ops, SoftmaxOfExtremes) {
  Floats masked(20, -kInf);
  masked[3] = 1;
  masked[18] = 1;
  softmax(masked.data(), 1, 20, 20);
  for (int64_t i = 0; i < 20; ++i) EXPECT_EQ(masked[i], i == 3 || i == 18 ? 0.5f : 0.0f);
  Floats large(20, 3e38f);
  softmax(large.data(), 1, 20, 20);
  EXPECT_NEAR(large[7], 0.05f, 1e-7f);
  EXPECT_EQ(log_sum_exp(Floats(9, -kInf).data(), 9), -kInf);
  Floats bad(20, 0.0f);
  bad[19] = kNan;
  softmax(bad.data(), 1, 20, 20);
  EXPECT_TRUE(std::isnan(bad[0]));
}

TEST_P(Ops, SiluMulAndGradient) {
  Random random(8);
  for (const int64_t n : kSizes) {
    Floats gate(n, random), up(n, random), dout(n, random);
    for (int64_t i = 0; i < n; i += 3) gate[i] *= 20;
    Floats out(n), dgate(n), dup(n);
    silu_mul(gate.data(), up.data(), out.data(), n, pool_);
    silu_mul_backward(dout.data(), gate.data(), up.data(), dgate.data(), dup.data(), n, pool_);
    for (int64_t i = 0; i < n; ++i) {
      double g = d(gate[i]), u = d(up[i]);
      const auto loss = [&] { return d(dout[i]) * g / (1 + std::exp(-g)) * u; };
      ASSERT_NEAR(d(out[i]) * d(dout[i]), loss(), 1e-6 * std::fabs(loss()) + 1e-30);
      ASSERT_NEAR(d(dgate[i]), slope(loss, g), 2e-6 * (1 + std::fabs(d(dgate[i]))));
      ASSERT_NEAR(d(dup[i]), slope(loss, u), 2e-6 * (1 + std::fabs(d(dup[i]))));
    }
  }
  const float gate[] = {-kInf, -200, -100, 200, kNan}, up[] = {1, 1, 1, 1, 1};
  float out[5];
  silu_mul(gate + 1, up, out + 1, 4);
  EXPECT_EQ(out[1], 0.0f);
  EXPECT_NEAR(out[2], 0.0f, 1e-35f);
  EXPECT_EQ(out[3], 200.0f);
  EXPECT_TRUE(std::isnan(out[4]));
}

TEST_P(Ops, CrossEntropyAndGradient) {
  Random random(9);
  for (const int64_t vocab : {1, 2, 17, 65, 512}) {
    const int64_t rows = 21;
    const Floats logits(rows * vocab, random);
    std::vector<int32_t> targets;
    for (int64_t r = 0; r < rows; ++r) {
      targets.push_back(r % 5 == 2 ? -1 : static_cast<int32_t>(random.between(0, vocab - 1)));
    }
    Floats left = logits, grad = logits, losses(rows, 7.0f);
    const double only =
        cross_entropy(left.data(), targets.data(), losses.data(), rows, vocab, 0, pool_);
    const double total =
        cross_entropy(grad.data(), targets.data(), nullptr, rows, vocab, 0.25f, pool_);
    EXPECT_EQ(only, total);
    EXPECT_TRUE(left == logits);
    double expected_total = 0;
    for (int64_t r = 0; r < rows; ++r) {
      double sum = 0;
      for (int64_t i = 0; i < vocab; ++i) sum += std::exp(d(logits[r * vocab + i]));
      const int32_t target = targets[static_cast<size_t>(r)];
      const double loss = target < 0 ? 0 : std::log(sum) - d(logits[r * vocab + target]);
      expected_total += loss;
      EXPECT_NEAR(d(losses[r]), loss, 3e-6 * (1 + loss));
      for (int64_t i = 0; i < vocab; ++i) {
        const double p = std::exp(d(logits[r * vocab + i])) / sum;
        const double expected = target < 0 ? 0 : 0.25 * (p - (i == target ? 1 : 0));
        ASSERT_NEAR(d(grad[r * vocab + i]), expected, 1e-6);
      }
    }
    EXPECT_NEAR(total, expected_total, 3e-6 * (1 + expected_total));
  }
}

TEST_P(Ops, AdamW) {
  Random random(10);
  for (const int64_t n : kSizes) {
    Floats w(n, random), m(n, random), v(n, random);
    const Floats grad(n, random);
    for (int64_t i = 0; i < n; ++i) v[i] = v[i] * v[i];
    const Floats w0 = w, m0 = m, v0 = v;
    const AdamW o{
        .lr = 0.01f, .beta1 = 0.9f, .beta2 = 0.95f, .eps = 1e-8f, .weight_decay = 0.1f, .step = 3};
    adamw(w.data(), grad.data(), m.data(), v.data(), n, o, 0.5f, pool_);
    for (int64_t i = 0; i < n; ++i) {
      const double g = 0.5 * d(grad[i]), m1 = 0.9 * d(m0[i]) + 0.1 * g,
                   v1 = 0.95 * d(v0[i]) + 0.05 * g * g;
      const double step =
          m1 / (1 - std::pow(0.9, 3)) / (std::sqrt(v1 / (1 - std::pow(0.95, 3))) + 1e-8);
      ASSERT_NEAR(d(m[i]), m1, 1e-6);
      ASSERT_NEAR(d(v[i]), v1, 1e-6 * (1 + v1));
      ASSERT_NEAR(d(w[i]), d(w0[i]) * (1 - 0.01 * 0.1) - 0.01 * step, 1e-6 * (1 + std::fabs(step)));
    }
  }
}

// Both signs and the whole range, through softmax's exponential of one element beside zero: exp(x)
// / (exp(x) + 1).
TEST_P(Ops, ExponentialIsAccurateOverItsRange) {
  for (float x = -80; x < 16; x += 0.0437f) {
    float pair[2] = {x, 0};
    softmax(pair, 1, 2, 2);
    const double expected = 1 / (1 + std::exp(-d(x)));
    ASSERT_NEAR(d(pair[0]), expected, 3e-7 * expected) << x;
  }
}

}  // namespace
}  // namespace kernels::test
