// Which instruction set the kernels use. It is chosen once, when the first kernel runs: the best
// that the CPU has, or what the environment variable KERNELS_ISA (scalar, avx2, avx512) asks for
// when the CPU has that.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace kernels {

enum class Isa : uint8_t { Scalar, Avx2, Avx512 };

Isa active_isa();
bool has_bf16_products();  // the active set multiplies bf16 natively; otherwise bf16 costs what
                           // fp32 costs
bool has_int8_products();
std::string_view isa_name(Isa isa);  // "scalar" "avx2" "avx512"
std::vector<Isa> supported_isas();   // what this CPU can run, plainest first

struct Table;
const Table& table();             // of the active set
const Table& table_for(Isa isa);  // CHECKs that the CPU supports it

// For tests and benchmarks, when no kernel is running: makes `isa` the active set until it goes out
// of scope.
class ForceIsa {
 public:
  explicit ForceIsa(Isa isa);
  ~ForceIsa();
  ForceIsa(const ForceIsa&) = delete;
  ForceIsa& operator=(const ForceIsa&) = delete;

 private:
  Isa before_;
};

}  // namespace kernels
