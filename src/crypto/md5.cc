#include "crypto/md5.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace crypto {
namespace {

constexpr int kShifts[4][4] = {{7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};

// RFC 1321, 3.4: the integer part of 4294967296 times abs(sin(i + 1)).
std::array<uint32_t, 64> sines() {
  std::array<uint32_t, 64> table{};
  for (size_t i = 0; i < 64; ++i)
    table[i] = static_cast<uint32_t>(4294967296.0 * std::abs(std::sin(static_cast<double>(i + 1))));
  return table;
}

void mix_block(std::array<uint32_t, 4>* state, const uint8_t* block) {
  static const std::array<uint32_t, 64> kSines = sines();
  auto [a, b, c, d] = *state;
  for (uint32_t i = 0; i < 64; ++i) {
    const uint32_t round = i / 16;
    uint32_t f = 0, word = 0;
    if (round == 0) f = (b & c) | (~b & d), word = i;
    if (round == 1) f = (d & b) | (~d & c), word = (5 * i + 1) % 16;
    if (round == 2) f = b ^ c ^ d, word = (3 * i + 5) % 16;
    if (round == 3) f = c ^ (b | ~d), word = (7 * i) % 16;
    f += a + kSines[i] + base::load_le<uint32_t>(block + size_t{4} * word);
    a = d, d = c, c = b;
    b += std::rotl(f, kShifts[round][i % 4]);
  }
  (*state)[0] += a, (*state)[1] += b, (*state)[2] += c, (*state)[3] += d;
}

}  // namespace

std::array<uint8_t, 16> md5(base::ByteSpan bytes) {
  std::array<uint32_t, 4> state{0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
  size_t at = 0;
  for (; at + 64 <= bytes.size(); at += 64) mix_block(&state, bytes.data() + at);
  // The rest, a one bit, zeros, and the length in bits: one block or two.
  std::array<uint8_t, 128> tail{};
  const size_t rest = bytes.size() - at;
  std::copy(bytes.begin() + static_cast<ptrdiff_t>(at), bytes.end(), tail.begin());
  tail[rest] = 0x80;
  const size_t blocks = rest + 9 <= 64 ? 1 : 2;
  const uint64_t bits = uint64_t{8} * bytes.size();
  for (size_t i = 0; i < 8; ++i) tail[blocks * 64 - 8 + i] = static_cast<uint8_t>(bits >> (8 * i));
  for (size_t i = 0; i < blocks; ++i) mix_block(&state, tail.data() + 64 * i);
  std::array<uint8_t, 16> digest{};
  for (size_t i = 0; i < 16; ++i) digest[i] = static_cast<uint8_t>(state[i / 4] >> (8 * (i % 4)));
  return digest;
}

}  // namespace crypto
