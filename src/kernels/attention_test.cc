#include "kernels/attention.h"

#include "kernels/reference_test.h"

namespace kernels::test {
namespace {

double d(float value) { return static_cast<double>(value); }

struct Sizes {
  int64_t batch, tokens, heads, kv_heads, head_dim;
};

// The inputs of one attention, each row with a few unused floats at its end.
struct Inputs {
  AttentionShape shape;
  Floats q, k, v, dout;
  Inputs(const Sizes& s, Random& random)
      : shape{.batch = s.batch,
              .tokens = s.tokens,
              .heads = s.heads,
              .kv_heads = s.kv_heads,
              .head_dim = s.head_dim,
              .q_stride = s.heads * s.head_dim + 3,
              .k_stride = s.kv_heads * s.head_dim + 1,
              .v_stride = s.kv_heads * s.head_dim + 2,
              .out_stride = s.heads * s.head_dim + 4,
              .scale = 1.0f / std::sqrt(static_cast<float>(s.head_dim))},
        q(rows() * shape.q_stride, random),
        k(rows() * shape.k_stride, random),
        v(rows() * shape.v_stride, random),
        dout(rows() * shape.out_stride, random) {}
  int64_t rows() const { return shape.batch * shape.tokens; }
};

// Attention in double precision with its exact gradient.
struct Reference {
  std::vector<double> out, lse, dq, dk, dv;

  explicit Reference(const Inputs& in)
      : out(in.dout.size()),
        lse(static_cast<size_t>(in.rows() * in.shape.heads)),
        dq(in.q.size()),
        dk(in.k.size()),
        dv(in.v.size()) {
    const AttentionShape& s = in.shape;
    for (int64_t b = 0; b < s.batch; ++b) {
      for (int64_t h = 0; h < s.heads; ++h) {
        for (int64_t t = 0; t < s.tokens; ++t) row(in, b, h, t);
      }
    }
  }

  void row(const Inputs& in, int64_t b, int64_t h, int64_t t) {
    const AttentionShape& s = in.shape;
    const int64_t first = b * s.tokens, kv = h / (s.heads / s.kv_heads) * s.head_dim;
    const int64_t q_at = (first + t) * s.q_stride + h * s.head_dim;
    const int64_t out_at = (first + t) * s.out_stride + h * s.head_dim;
    std::vector<double> p(static_cast<size_t>(t + 1)), dp(p.size());
    double sum = 0, delta = 0;
    for (int64_t j = 0; j <= t; ++j) {
      double score = 0;
      for (int64_t i = 0; i < s.head_dim; ++i)
        score += d(in.q[q_at + i]) * d(in.k[(first + j) * s.k_stride + kv + i]);
      sum += p[j] = std::exp(score * d(s.scale));
    }
    lse[(b * s.heads + h) * s.tokens + t] = std::log(sum);
    for (int64_t j = 0; j <= t; ++j) {
      p[j] /= sum;
      for (int64_t i = 0; i < s.head_dim; ++i) {
        const double value = d(in.v[(first + j) * s.v_stride + kv + i]);
        out[out_at + i] += p[j] * value;
        dp[j] += d(in.dout[out_at + i]) * value;
        dv[(first + j) * s.v_stride + kv + i] += p[j] * d(in.dout[out_at + i]);
      }
      delta += p[j] * dp[j];
    }
    for (int64_t j = 0; j <= t; ++j) {
      const double ds = p[j] * (dp[j] - delta) * d(s.scale);
      for (int64_t i = 0; i < s.head_dim; ++i) {
        dq[q_at + i] += ds * d(in.k[(first + j) * s.k_stride + kv + i]);
        dk[(first + j) * s.k_stride + kv + i] += ds * d(in.q[q_at + i]);
      }
    }
  }
};

// Compares the used floats of each row, and that the unused ones were left alone.
void expect_rows(const Floats& got, const std::vector<double>& want, int64_t stride, int64_t used,
                 double bound, const char* what) {
  for (int64_t i = 0; i < got.size(); ++i) {
    if (i % stride < used) {
      ASSERT_NEAR(d(got[i]), want[i], bound * (1 + std::fabs(want[i]))) << what << " at " << i;
    } else {
      ASSERT_EQ(got[i], 42.0f) << what << " beyond a row's end";
    }
  }
}

struct Results {
  Floats out, lse, dq, dk, dv;
  Results(const Inputs& in, base::ThreadPool& pool)
      : out(in.dout.size(), 42.0f),
        lse(in.rows() * in.shape.heads),
        dq(in.q.size(), 42.0f),
        dk(in.k.size(), 42.0f),
        dv(in.v.size(), 42.0f) {
    attention_forward(in.shape, in.q.data(), in.k.data(), in.v.data(), out.data(), lse.data(),
                      pool);
    attention_backward(in.shape, in.q.data(), in.k.data(), in.v.data(), out.data(), lse.data(),
                       in.dout.data(), dq.data(), dk.data(), dv.data(), pool);
  }
};

class Attention : public EachIsa {};
FOR_EACH_ISA(Attention);

constexpr Sizes kCases[] = {{1, 1, 1, 1, 1},   {2, 5, 2, 1, 3},     {1, 64, 2, 2, 16},
                            {3, 65, 4, 2, 32}, {1, 130, 3, 1, 8},   {2, 100, 2, 2, 64},
                            {1, 33, 1, 1, 45}, {1, 257, 2, 1, 128}, {0, 4, 1, 1, 4},
                            {1, 0, 1, 1, 4}};

TEST_P(Attention, AgreesWithDoublePrecision) {
  Random random(1);
  for (const Sizes& size : kCases) {
    Inputs in(size, random);
    const Reference want(in);
    for (const Precision precision : {Precision::F32, Precision::BF16}) {
      in.shape.precision = precision;
      const Results got(in, pool_);
      const double bound = precision == Precision::F32 ? 3e-5 : 0.06;
      const int64_t q_used = size.heads * size.head_dim, kv_used = size.kv_heads * size.head_dim;
      expect_rows(got.out, want.out, in.shape.out_stride, q_used, bound, "out");
      expect_rows(got.lse, want.lse, 1, 1, bound, "lse");
      expect_rows(got.dq, want.dq, in.shape.q_stride, q_used, bound, "dq");
      expect_rows(got.dk, want.dk, in.shape.k_stride, kv_used, bound, "dk");
      expect_rows(got.dv, want.dv, in.shape.v_stride, kv_used, bound, "dv");
    }
  }
}

// The exact gradient above is itself right: central differences of the double-precision loss.
TEST(AttentionReference, GradientIsTheSlope) {
  Random random(2);
  Inputs in({1, 7, 2, 1, 4}, random);
  const Reference want(in);
  const auto loss = [&] {
    const Reference r(in);
    double sum = 0;
    for (int64_t i = 0; i < in.dout.size(); ++i) sum += r.out[i] * d(in.dout[i]);
    return sum;
  };
  const auto slope = [&](float& at) {
    const float before = at, step = 0x1p-8f;
    at = before + step;
    const float up_at = at;
    const double up = loss();
    at = before - step;
    const double down = loss(), width = d(up_at) - d(at);
    at = before;
    return (up - down) / width;
  };
  for (int64_t i = 0; i < in.q.size(); ++i) EXPECT_NEAR(slope(in.q[i]), want.dq[i], 1e-3);
  for (int64_t i = 0; i < in.k.size(); ++i) EXPECT_NEAR(slope(in.k[i]), want.dk[i], 1e-3);
  for (int64_t i = 0; i < in.v.size(); ++i) EXPECT_NEAR(slope(in.v[i]), want.dv[i], 1e-3);
}

TEST_P(Attention, DoesNotDependOnThreads) {
  Random random(3);
  const Inputs in({3, 90, 4, 2, 32}, random);
  base::ThreadPool one(1);
  const Results a(in, one), b(in, pool_);
  EXPECT_TRUE(a.out == b.out);
  EXPECT_TRUE(a.lse == b.lse);
  EXPECT_TRUE(a.dq == b.dq);
  EXPECT_TRUE(a.dk == b.dk);
  EXPECT_TRUE(a.dv == b.dv);
}

template <class T>
struct Pages {
  std::vector<std::vector<T>> k, v;
  std::vector<const T*> k_at, v_at;
  Pages(const Inputs& in) {
    const AttentionShape& s = in.shape;
    for (int64_t t = 0; t < s.tokens; ++t) {
      if (t % kPageTokens == 0) {
        k.emplace_back(static_cast<size_t>(kv_page_size(s.kv_heads, s.head_dim)));
        v.emplace_back(static_cast<size_t>(kv_page_size(s.kv_heads, s.head_dim)));
      }
      write_page(k.back().data(), v.back().data(), t % kPageTokens, in.k.data() + t * s.k_stride,
                 in.v.data() + t * s.v_stride, s.kv_heads, s.head_dim);
    }
    for (const auto& page : k) k_at.push_back(page.data());
    for (const auto& page : v) v_at.push_back(page.data());
  }
};

template <class T>
void expect_paged(const Inputs& in, double bound) {
  const AttentionShape& s = in.shape;
  const Reference want(in);
  const Pages<T> pages(in);
  for (int64_t t = 0; t < s.tokens; ++t) {
    Floats out(s.heads * s.head_dim);
    attention_paged(in.q.data() + t * s.q_stride, pages.k_at.data(), pages.v_at.data(), t + 1,
                    s.heads, s.kv_heads, s.head_dim, s.scale, out.data());
    for (int64_t i = 0; i < out.size(); ++i) {
      ASSERT_NEAR(d(out[i]), want.out[t * s.out_stride + i], bound)
          << "token " << t << " of " << s.tokens;
    }
  }
}

TEST_P(Attention, PagedAgreesWithWholeSequences) {
  Random random(4);
  for (const Sizes& size : kCases) {
    if (size.batch != 1) continue;
    Inputs in(size, random);
    expect_paged<float>(in, 1e-5);
    // With keys and values that bf16 holds exactly, bf16 pages are as good.
    for (Floats* x : {&in.k, &in.v}) {
      for (int64_t i = 0; i < x->size(); ++i)
        (*x)[i] = kernels::to_float(kernels::to_bf16((*x)[i]));
    }
    expect_paged<Bf16>(in, 1e-5);
  }
}

TEST_P(Attention, PagedDoesNotReadBeyondTheLastToken) {
  Random random(5);
  const Inputs in({1, 20, 2, 1, 10}, random);
  Pages<float> pages(in);
  const AttentionShape& s = in.shape;
  Floats before(s.heads * s.head_dim), after(s.heads * s.head_dim);
  const auto run = [&](Floats& out) {
    attention_paged(in.q.data(), pages.k_at.data(), pages.v_at.data(), 18, s.heads, s.kv_heads,
                    s.head_dim, s.scale, out.data());
  };
  run(before);
  const Floats other(s.kv_heads * s.head_dim, std::numeric_limits<float>::quiet_NaN());
  for (const int64_t slot : {2, 3, 15}) {
    write_page(pages.k[1].data(), pages.v[1].data(), slot, other.data(), other.data(), s.kv_heads,
               s.head_dim);
  }
  run(after);
  EXPECT_TRUE(before == after);
}

}  // namespace
}  // namespace kernels::test
