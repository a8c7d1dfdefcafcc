// AVX2 with FMA: eight lanes. The only file compiled with its flags.
#include <immintrin.h>

#include "kernels/generic/table.h"

namespace kernels::avx2 {
namespace {

struct Vec {
  static constexpr int kLanes = 8;
  using F = __m256;

  static __m256i mask(int lanes) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(lanes), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  }
  static F zero() { return _mm256_setzero_ps(); }
  static F set(float value) { return _mm256_set1_ps(value); }
  static F load(const float* from) { return _mm256_loadu_ps(from); }
  static F load_part(const float* from, int lanes) { return _mm256_maskload_ps(from, mask(lanes)); }
  static void store(float* to, F a) { _mm256_storeu_ps(to, a); }
  static void store_part(float* to, F a, int lanes) { _mm256_maskstore_ps(to, mask(lanes), a); }
  static F add(F a, F b) { return _mm256_add_ps(a, b); }
  static F sub(F a, F b) { return _mm256_sub_ps(a, b); }
  static F mul(F a, F b) { return _mm256_mul_ps(a, b); }
  static F div(F a, F b) { return _mm256_div_ps(a, b); }
  static F fma(F a, F b, F c) { return _mm256_fmadd_ps(a, b, c); }
  static F fnma(F a, F b, F c) { return _mm256_fnmadd_ps(a, b, c); }
  static F max(F a, F b) { return _mm256_max_ps(a, b); }
  static F min(F a, F b) { return _mm256_min_ps(a, b); }
  static F sqrt(F a) { return _mm256_sqrt_ps(a); }
  static F round(F a) { return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
  static F exp2_int(F n) {
    const __m256i exponent = _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127));
    return _mm256_castsi256_ps(_mm256_slli_epi32(exponent, 23));
  }
  static float reduce_add(F a) {
    __m128 half = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    half = _mm_add_ps(half, _mm_movehl_ps(half, half));
    return _mm_cvtss_f32(_mm_add_ss(half, _mm_shuffle_ps(half, half, 1)));
  }
  static float reduce_max(F a) {
    __m128 half = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    half = _mm_max_ps(half, _mm_movehl_ps(half, half));
    return _mm_cvtss_f32(_mm_max_ss(half, _mm_shuffle_ps(half, half, 1)));
  }

  static F widen(__m128i bits) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(bits), 16));
  }
  static F load_bf16(const uint16_t* from) {
    return widen(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
  }
  static F load_bf16_part(const uint16_t* from, int lanes) {
    alignas(16) uint16_t some[8] = {};
    for (int i = 0; i < lanes; ++i) some[i] = from[i];
    return widen(_mm_load_si128(reinterpret_cast<const __m128i*>(some)));
  }
  static __m256i rounded(F a) {  // bf16 in the lower half of each lane
    const __m256i bits = _mm256_castps_si256(a);
    const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
    const __m256i up = _mm256_add_epi32(_mm256_add_epi32(bits, _mm256_set1_epi32(0x7fff)), odd);
    const __m256i quiet = _mm256_or_si256(bits, _mm256_set1_epi32(0x400000));
    const __m256i nan = _mm256_castps_si256(_mm256_cmp_ps(a, a, _CMP_UNORD_Q));
    return _mm256_srli_epi32(_mm256_blendv_epi8(up, quiet, nan), 16);
  }
  static void store_bf16(uint16_t* to, F a, int lanes) {
    alignas(32) uint32_t wide[8];
    _mm256_store_si256(reinterpret_cast<__m256i*>(wide), rounded(a));
    for (int i = 0; i < lanes; ++i) to[i] = static_cast<uint16_t>(wide[i]);
  }
  static F round_to_bf16(F a) { return _mm256_castsi256_ps(_mm256_slli_epi32(rounded(a), 16)); }
  static F load_cells(const uint16_t* from) {
    return _mm256_castsi256_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
  }
  static F pairs_of(F even, F odd) {
    return _mm256_castsi256_ps(_mm256_or_si256(rounded(even), _mm256_slli_epi32(rounded(odd), 16)));
  }
  static F pairs_in_order(F first, F second) {
    const __m256i packed = _mm256_packus_epi32(rounded(first), rounded(second));
    return _mm256_castsi256_ps(_mm256_permute4x64_epi64(packed, 0b11011000));
  }
  static F low_of_pairs(F pairs) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_castps_si256(pairs), 16));
  }
  static F high_of_pairs(F pairs) {
    return _mm256_and_ps(pairs,
                         _mm256_castsi256_ps(_mm256_set1_epi32(static_cast<int>(0xffff0000))));
  }
  static void transpose(F (&rows)[kLanes]) {
    F pairs[8];
    for (int i = 0; i < 8; i += 2) {
      pairs[i] = _mm256_unpacklo_ps(rows[i], rows[i + 1]);
      pairs[i + 1] = _mm256_unpackhi_ps(rows[i], rows[i + 1]);
    }
    F quads[8];
    for (int i = 0; i < 8; i += 4) {
      quads[i] = _mm256_shuffle_ps(pairs[i], pairs[i + 2], 0x44);
      quads[i + 1] = _mm256_shuffle_ps(pairs[i], pairs[i + 2], 0xee);
      quads[i + 2] = _mm256_shuffle_ps(pairs[i + 1], pairs[i + 3], 0x44);
      quads[i + 3] = _mm256_shuffle_ps(pairs[i + 1], pairs[i + 3], 0xee);
    }
    for (int i = 0; i < 4; ++i) {
      rows[i] = _mm256_permute2f128_ps(quads[i], quads[i + 4], 0x20);
      rows[i + 4] = _mm256_permute2f128_ps(quads[i], quads[i + 4], 0x31);
    }
  }
};

}  // namespace

extern const Table kTable;
const Table kTable = generic::make_table<Vec, generic::FloatProduct<Vec, 6, 2>,
                                         generic::WidenedProduct<Vec, 6, 2>>();

}  // namespace kernels::avx2
