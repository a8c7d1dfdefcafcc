// What the kernel tests share: random numbers with awkward alignment, and running a test on every
// instruction set.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "kernels/kernels.h"

namespace kernels::test {

class Random {
 public:
  explicit Random(uint32_t seed) : engine_(seed) {}
  float normal() { return normal_(engine_); }
  int64_t between(int64_t low, int64_t high) {
    return std::uniform_int_distribution<int64_t>(low, high)(engine_);
  }

 private:
  std::mt19937 engine_;
  std::normal_distribution<float> normal_;
};

// `count` floats that start 4 bytes past an aligned address, with canaries before and after.
class Floats {
 public:
  explicit Floats(int64_t count, float value = 0)
      : all_(static_cast<size_t>(count + 2 * kRim), value) {
    for (int64_t i = 0; i < kRim; ++i) {
      all_[static_cast<size_t>(i)] = kCanary;
      all_[static_cast<size_t>(count + kRim + i)] = kCanary;
    }
  }
  Floats(int64_t count, Random& random) : Floats(count) {
    for (int64_t i = 0; i < count; ++i) (*this)[i] = random.normal();
  }
  Floats(const Floats&) = default;
  ~Floats() {
    for (int64_t i = 0; i < kRim; ++i) {
      EXPECT_EQ(all_[static_cast<size_t>(i)], kCanary) << "written before the start";
      EXPECT_EQ(all_[all_.size() - 1 - static_cast<size_t>(i)], kCanary) << "written past the end";
    }
  }
  float* data() { return all_.data() + kRim; }
  const float* data() const { return all_.data() + kRim; }
  int64_t size() const { return static_cast<int64_t>(all_.size()) - 2 * kRim; }
  float& operator[](int64_t i) { return data()[i]; }
  float operator[](int64_t i) const { return data()[i]; }
  bool operator==(const Floats& other) const {
    return std::equal(
        data(), data() + size(), other.data(), other.data() + other.size(),
        [](float a, float b) { return std::bit_cast<uint32_t>(a) == std::bit_cast<uint32_t>(b); });
  }

 private:
  static constexpr int64_t kRim = 5;
  static constexpr float kCanary = 1234567.0f;
  std::vector<float> all_;
};

class EachIsa : public testing::TestWithParam<Isa> {
 protected:
  EachIsa() : force_(GetParam()) {}
  base::ThreadPool pool_{3};

 private:
  ForceIsa force_;
};

inline std::string name_of(const testing::TestParamInfo<Isa>& info) {
  return std::string(isa_name(info.param));
}

#define FOR_EACH_ISA(suite) \
  INSTANTIATE_TEST_SUITE_P(Isa, suite, testing::ValuesIn(supported_isas()), name_of)

}  // namespace kernels::test
