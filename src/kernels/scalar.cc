// Plain C++: four lanes that the compiler maps to whatever the machine has.
#include "kernels/generic/table.h"

namespace kernels::scalar {
namespace {

uint32_t bits_of(float value) { return __builtin_bit_cast(uint32_t, value); }
float float_of(uint32_t bits) { return __builtin_bit_cast(float, bits); }

uint32_t rounded(float value) {  // bf16 in the lower half
  const uint32_t bits = bits_of(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return (bits >> 16) | 0x40u;
  return (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
}

struct Vec {
  static constexpr int kLanes = 4;
  struct F {
    float at[kLanes];
  };

  template <class Body>
  static F each(Body body) {
    F out;
    for (int i = 0; i < kLanes; ++i) out.at[i] = body(i);
    return out;
  }
  static F zero() { return {}; }
  static F set(float value) {
    return each([&](int) { return value; });
  }
  static F load(const float* from) {
    return each([&](int i) { return from[i]; });
  }
  static F load_part(const float* from, int lanes) {
    return each([&](int i) { return i < lanes ? from[i] : 0.0f; });
  }
  static void store(float* to, F a) {
    for (int i = 0; i < kLanes; ++i) to[i] = a.at[i];
  }
  static void store_part(float* to, F a, int lanes) {
    for (int i = 0; i < lanes; ++i) to[i] = a.at[i];
  }
  static F add(F a, F b) {
    return each([&](int i) { return a.at[i] + b.at[i]; });
  }
  static F sub(F a, F b) {
    return each([&](int i) { return a.at[i] - b.at[i]; });
  }
  static F mul(F a, F b) {
    return each([&](int i) { return a.at[i] * b.at[i]; });
  }
  static F div(F a, F b) {
    return each([&](int i) { return a.at[i] / b.at[i]; });
  }
  static F fma(F a, F b, F c) {
    return each([&](int i) { return a.at[i] * b.at[i] + c.at[i]; });
  }
  static F fnma(F a, F b, F c) {
    return each([&](int i) { return c.at[i] - a.at[i] * b.at[i]; });
  }
  static F max(F a, F b) {
    return each([&](int i) { return a.at[i] > b.at[i] ? a.at[i] : b.at[i]; });
  }
  static F min(F a, F b) {
    return each([&](int i) { return a.at[i] < b.at[i] ? a.at[i] : b.at[i]; });
  }
  static F sqrt(F a) {
    return each([&](int i) { return __builtin_sqrtf(a.at[i]); });
  }
  static F round(F a) {  // for magnitudes below 2^22
    const float shift = 12582912.0f;
    return each([&](int i) { return (a.at[i] + shift) - shift; });
  }
  static F exp2_int(F n) {  // n whole, -127 to 128; anything for NaN
    return each([&](int i) {
      const float whole = n.at[i] == n.at[i] ? n.at[i] : 0.0f;
      return float_of(static_cast<uint32_t>(static_cast<int32_t>(whole) + 127) << 23);
    });
  }
  static float reduce_add(F a) { return (a.at[0] + a.at[2]) + (a.at[1] + a.at[3]); }
  static float reduce_max(F a) {
    float most = a.at[0];
    for (int i = 1; i < kLanes; ++i) most = a.at[i] > most ? a.at[i] : most;
    return most;
  }
  static F load_bf16(const uint16_t* from) { return load_bf16_part(from, kLanes); }
  static F load_bf16_part(const uint16_t* from, int lanes) {
    return each([&](int i) { return i < lanes ? float_of(uint32_t{from[i]} << 16) : 0.0f; });
  }
  static void store_bf16(uint16_t* to, F a, int lanes) {
    for (int i = 0; i < lanes; ++i) to[i] = static_cast<uint16_t>(rounded(a.at[i]));
  }
  static F round_to_bf16(F a) {
    return each([&](int i) { return float_of(rounded(a.at[i]) << 16); });
  }
  static F load_cells(const uint16_t* from) {
    F out;
    __builtin_memcpy(&out, from, sizeof out);
    return out;
  }
  // Lane i: even's bf16 below odd's.
  static F pairs_of(F even, F odd) {
    return each([&](int i) { return float_of(rounded(even.at[i]) | rounded(odd.at[i]) << 16); });
  }
  // The values of first and then second, two to a lane.
  static F pairs_in_order(F first, F second) {
    return each([&](int i) {
      const F& from = i < kLanes / 2 ? first : second;
      const int at = 2 * i % kLanes;
      return float_of(rounded(from.at[at]) | rounded(from.at[at + 1]) << 16);
    });
  }
  static F low_of_pairs(F pairs) {
    return each([&](int i) { return float_of(bits_of(pairs.at[i]) << 16); });
  }
  static F high_of_pairs(F pairs) {
    return each([&](int i) { return float_of(bits_of(pairs.at[i]) & 0xffff0000u); });
  }
  static void transpose(F (&rows)[kLanes]) {
    for (int i = 0; i < kLanes; ++i) {
      for (int j = 0; j < i; ++j) {
        const float other = rows[i].at[j];
        rows[i].at[j] = rows[j].at[i];
        rows[j].at[i] = other;
      }
    }
  }
};

}  // namespace

extern const Table kTable;
const Table kTable = generic::make_table<Vec, generic::FloatProduct<Vec, 4, 2>,
                                         generic::WidenedProduct<Vec, 4, 2>>();

}  // namespace kernels::scalar
