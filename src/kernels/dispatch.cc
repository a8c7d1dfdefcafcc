#include <atomic>
#include <cstdlib>
#include <cstring>

#include "base/check.h"
#include "kernels/isa.h"
#include "kernels/table.h"

namespace kernels {

namespace scalar {
extern const Table kTable;
}
#if defined(__x86_64__)
namespace avx2 {
extern const Table kTable;
}
namespace avx512 {
extern const Table kTable;
}
#else  // not built (CMakeLists.txt), never chosen
namespace avx2 = scalar;
namespace avx512 = scalar;
#endif

namespace {

#if defined(__x86_64__)
bool cpu_has(Isa isa) {
  switch (isa) {
    case Isa::Scalar:
      return true;
    case Isa::Avx2:
      return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
             __builtin_cpu_supports("f16c");
    case Isa::Avx512:
      return cpu_has(Isa::Avx2) && __builtin_cpu_supports("avx512f") &&
             __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
             __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vnni") &&
             __builtin_cpu_supports("avx512bf16");
  }
  return false;
}
#else
bool cpu_has(Isa isa) { return isa == Isa::Scalar; }
#endif

Isa choose() {
  const char* wanted = std::getenv("KERNELS_ISA");
  Isa best = Isa::Scalar;
  for (const Isa isa : supported_isas()) {
    if (wanted != nullptr && isa_name(isa) == wanted) return isa;
    best = isa;
  }
  return best;
}

std::atomic<Isa>& active() {
  static std::atomic<Isa> isa = choose();
  return isa;
}

}  // namespace

Isa active_isa() { return active().load(std::memory_order_relaxed); }
bool has_bf16_products() { return table().spin_bf16 != nullptr; }
bool has_int8_products() { return table().spin_int8 != nullptr; }

std::string_view isa_name(Isa isa) {
  switch (isa) {
    case Isa::Scalar:
      return "scalar";
    case Isa::Avx2:
      return "avx2";
    case Isa::Avx512:
      return "avx512";
  }
  return "unknown";
}

std::vector<Isa> supported_isas() {
  std::vector<Isa> found;
  for (const Isa isa : {Isa::Scalar, Isa::Avx2, Isa::Avx512}) {
    if (cpu_has(isa)) found.push_back(isa);
  }
  return found;
}

const Table& table_for(Isa isa) {
  CHECK(cpu_has(isa));
  switch (isa) {
    case Isa::Scalar:
      return scalar::kTable;
    case Isa::Avx2:
      return avx2::kTable;
    case Isa::Avx512:
      return avx512::kTable;
  }
  return scalar::kTable;
}

const Table& table() {
  switch (active_isa()) {
    case Isa::Avx512:
      return avx512::kTable;
    case Isa::Avx2:
      return avx2::kTable;
    case Isa::Scalar:
      break;
  }
  return scalar::kTable;
}

ForceIsa::ForceIsa(Isa isa) : before_(active_isa()) {
  CHECK(cpu_has(isa));
  active().store(isa);
}
ForceIsa::~ForceIsa() { active().store(before_); }

}  // namespace kernels
