// AVX-512 with bf16 and VNNI: sixteen lanes. The only file compiled with its flags.
#include <immintrin.h>

#include "kernels/generic/table.h"

namespace kernels::avx512 {
namespace {

struct Vec {
  static constexpr int kLanes = 16;
  using F = __m512;

  static __mmask16 mask(int lanes) { return static_cast<__mmask16>((1u << lanes) - 1); }
  static F zero() { return _mm512_setzero_ps(); }
  static F set(float value) { return _mm512_set1_ps(value); }
  static F load(const float* from) { return _mm512_loadu_ps(from); }
  static F load_part(const float* from, int lanes) {
    return _mm512_maskz_loadu_ps(mask(lanes), from);
  }
  static void store(float* to, F a) { _mm512_storeu_ps(to, a); }
  static void store_part(float* to, F a, int lanes) { _mm512_mask_storeu_ps(to, mask(lanes), a); }
  static F add(F a, F b) { return _mm512_add_ps(a, b); }
  static F sub(F a, F b) { return _mm512_sub_ps(a, b); }
  static F mul(F a, F b) { return _mm512_mul_ps(a, b); }
  static F div(F a, F b) { return _mm512_div_ps(a, b); }
  static F fma(F a, F b, F c) { return _mm512_fmadd_ps(a, b, c); }
  static F fnma(F a, F b, F c) { return _mm512_fnmadd_ps(a, b, c); }
  static F max(F a, F b) { return _mm512_max_ps(a, b); }
  static F min(F a, F b) { return _mm512_min_ps(a, b); }
  static F sqrt(F a) { return _mm512_sqrt_ps(a); }
  static F round(F a) {
    return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  }
  static F exp2_int(F n) {
    const __m512i exponent = _mm512_add_epi32(_mm512_cvtps_epi32(n), _mm512_set1_epi32(127));
    return _mm512_castsi512_ps(_mm512_slli_epi32(exponent, 23));
  }
  static float reduce_add(F a) { return _mm512_reduce_add_ps(a); }
  static float reduce_max(F a) { return _mm512_reduce_max_ps(a); }

  static F widen(__m256i bits) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16));
  }
  static F load_bf16(const uint16_t* from) {
    return widen(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
  }
  static F load_bf16_part(const uint16_t* from, int lanes) {
    return widen(_mm256_maskz_loadu_epi16(mask(lanes), from));
  }
  static void store_bf16(uint16_t* to, F a, int lanes) {
    _mm256_mask_storeu_epi16(to, mask(lanes), reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(a)));
  }
  static F load_cells(const uint16_t* from) {
    return _mm512_castsi512_ps(_mm512_loadu_si512(from));
  }
  static F round_to_bf16(F a) { return widen(reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(a))); }
  static F pairs_of(F even, F odd) {
    const __m512i both = reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(odd, even));
    const __m512i low = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    // Half-words 0 and 16, 1 and 17, and so on.
    const __m512i order =
        _mm512_or_si512(low, _mm512_slli_epi32(_mm512_add_epi32(low, _mm512_set1_epi32(16)), 16));
    return _mm512_castsi512_ps(_mm512_permutexvar_epi16(order, both));
  }
  static F pairs_in_order(F first, F second) {
    return reinterpret_cast<F>(_mm512_cvtne2ps_pbh(second, first));
  }
  static F low_of_pairs(F pairs) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_castps_si512(pairs), 16));
  }
  static F high_of_pairs(F pairs) {
    const __m512i high = _mm512_set1_epi32(static_cast<int>(0xffff0000));
    return _mm512_castsi512_ps(_mm512_and_si512(_mm512_castps_si512(pairs), high));
  }
  static void transpose(F (&rows)[kLanes]) {
    F pairs[16], quads[16];
    for (int i = 0; i < 16; i += 2) {
      pairs[i] = _mm512_unpacklo_ps(rows[i], rows[i + 1]);
      pairs[i + 1] = _mm512_unpackhi_ps(rows[i], rows[i + 1]);
    }
    for (int i = 0; i < 16; i += 4) {  // quads[i + j]: column j of each 4 lanes, rows i to i + 3
      quads[i] = _mm512_shuffle_ps(pairs[i], pairs[i + 2], 0x44);
      quads[i + 1] = _mm512_shuffle_ps(pairs[i], pairs[i + 2], 0xee);
      quads[i + 2] = _mm512_shuffle_ps(pairs[i + 1], pairs[i + 3], 0x44);
      quads[i + 3] = _mm512_shuffle_ps(pairs[i + 1], pairs[i + 3], 0xee);
    }
    for (int j = 0; j < 4; ++j) {
      const F low02 = _mm512_shuffle_f32x4(quads[j], quads[4 + j], 0x88);
      const F low13 = _mm512_shuffle_f32x4(quads[j], quads[4 + j], 0xdd);
      const F high02 = _mm512_shuffle_f32x4(quads[8 + j], quads[12 + j], 0x88);
      const F high13 = _mm512_shuffle_f32x4(quads[8 + j], quads[12 + j], 0xdd);
      rows[j] = _mm512_shuffle_f32x4(low02, high02, 0x88);
      rows[8 + j] = _mm512_shuffle_f32x4(low02, high02, 0xdd);
      rows[4 + j] = _mm512_shuffle_f32x4(low13, high13, 0x88);
      rows[12 + j] = _mm512_shuffle_f32x4(low13, high13, 0xdd);
    }
  }
};

// Pairs of bf16 on both sides, multiplied and added to fp32 by one instruction.
template <int kRows, int kVectors>
struct PairProduct {
  using Vec = avx512::Vec;
  using CellsA = generic::PairCells<Vec>;
  using CellsB = generic::PairCells<Vec>;
  static constexpr int rows = kRows, vectors = kVectors, group = 2;

  template <int R>
  static inline void step(__m512 (&acc)[R][kVectors], const float* a, const float* b) {
    __m512bh bv[kVectors];
    for (int j = 0; j < kVectors; ++j) {
      bv[j] = reinterpret_cast<__m512bh>(_mm512_loadu_ps(b + j * Vec::kLanes));
    }
    for (int i = 0; i < R; ++i) {
      const auto av = reinterpret_cast<__m512bh>(_mm512_set1_ps(a[i]));
      for (int j = 0; j < kVectors; ++j) acc[i][j] = _mm512_dpbf16_ps(acc[i][j], av, bv[j]);
    }
  }
};

struct PairStep {
  using Acc = __m512;
  static constexpr int kOps = 64;
  static Acc start() { return _mm512_setzero_ps(); }
  static __m512bh operand(float value) {
    return reinterpret_cast<__m512bh>(Vec::pairs_of(Vec::set(value), Vec::set(value)));
  }
  static Acc apply(Acc acc, __m512bh a, __m512bh b) { return _mm512_dpbf16_ps(acc, a, b); }
  static float total(Acc acc) { return Vec::reduce_add(acc); }
};

struct Int8Step {
  using Acc = __m512i;
  static constexpr int kOps = 128;
  static Acc start() { return _mm512_setzero_si512(); }
  static __m512i operand(float value) { return _mm512_set1_epi8(static_cast<char>(value)); }
  static Acc apply(Acc acc, __m512i a, __m512i b) { return _mm512_dpbusd_epi32(acc, a, b); }
  static float total(Acc acc) { return static_cast<float>(_mm512_reduce_add_epi32(acc)); }
};

constexpr Table make() {
  Table table = generic::make_table<Vec, generic::FloatProduct<Vec, 14, 2>, PairProduct<14, 2>>();
  table.spin_bf16 = &generic::spin<PairStep>;
  table.spin_int8 = &generic::spin<Int8Step>;
  return table;
}

}  // namespace

extern const Table kTable;
const Table kTable = make();

}  // namespace kernels::avx512
