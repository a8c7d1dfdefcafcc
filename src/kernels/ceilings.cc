#include "kernels/ceilings.h"

#include <algorithm>
#include <atomic>
#include <vector>

#include "base/time.h"
#include "kernels/isa.h"
#include "kernels/table.h"

namespace kernels {
namespace {

using Spin = double (*)(int64_t rounds, float* sink);

// The best of several short runs: a ceiling is what the machine can do, not what it did beside
// other work.
template <class Work>
double best_rate(double seconds, Work&& work) {
  const int64_t end = base::monotonic_ns() + static_cast<int64_t>(seconds * 1e9);
  double best = 0;
  do {
    const int64_t start = base::monotonic_ns();
    const double done = work();
    const auto ns = static_cast<double>(std::max<int64_t>(1, base::monotonic_ns() - start));
    best = std::max(best, done / ns * 1e9);
  } while (base::monotonic_ns() < end);
  return best;
}

double peak(Spin spin, base::ThreadPool& pool, double seconds) {
  if (spin == nullptr) return 0;
  constexpr int64_t kRounds = 500'000;  // a few milliseconds
  std::vector<double> done(static_cast<size_t>(pool.size()));
  return best_rate(seconds, [&] {
    pool.run([&](int worker) {
      float sink = 1;
      done[static_cast<size_t>(worker)] = spin(kRounds, &sink);
    });
    double all = 0;
    for (const double part : done) all += part;
    return all;
  });
}

}  // namespace

double peak_f32_flops(base::ThreadPool& pool, double seconds) {
  return peak(table().spin_f32, pool, seconds);
}
double peak_bf16_flops(base::ThreadPool& pool, double seconds) {
  return peak(table().spin_bf16, pool, seconds);
}
double peak_int8_ops(base::ThreadPool& pool, double seconds) {
  return peak(table().spin_int8, pool, seconds);
}

double peak_read_bytes(base::ThreadPool& pool, double seconds) {
  constexpr int64_t kFloats = int64_t{64} << 20;  // 256 MiB: beyond any cache near the cores
  std::vector<float> data(static_cast<size_t>(kFloats), 1.0f);
  std::atomic<double> total = 0;
  return best_rate(seconds, [&] {
    pool.parallel_for(kFloats, kFloats / 64, [&](int64_t begin, int64_t end) {
      total.store(table().read_all(data.data() + begin, end - begin), std::memory_order_relaxed);
    });
    return static_cast<double>(kFloats) * sizeof(float);
  });
}

}  // namespace kernels
