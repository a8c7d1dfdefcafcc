// Random numbers that are seeded, repeatable and copyable (xoshiro256**, Blackman and Vigna 2018).
// Not for secrets: those come from crypto/random.h.
#pragma once

#include <array>
#include <cstdint>

namespace base {

class Rng {
 public:
  explicit Rng(uint64_t seed);
  uint64_t next();
  uint64_t below(uint64_t bound);  // uniform in [0, bound), bound > 0, without bias
  double uniform();                // [0, 1), 53 bits
  double normal();                 // mean 0, variance 1

  std::array<uint64_t, 4> state() const { return state_; }
  static Rng from_state(const std::array<uint64_t, 4>& state);

  using result_type = uint64_t;  // a UniformRandomBitGenerator
  static constexpr uint64_t min() { return 0; }
  static constexpr uint64_t max() { return ~uint64_t{0}; }
  uint64_t operator()() { return next(); }

 private:
  std::array<uint64_t, 4> state_{};
};

uint64_t splitmix64(uint64_t* state);  // to make seeds out of seeds

}  // namespace base
