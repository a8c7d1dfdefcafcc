#include "crypto/random.h"

#include <sodium.h>

#include <array>

#include "crypto/sodium.h"

namespace crypto {

void random_bytes(std::span<uint8_t> out) {
  start_sodium();
  if (!out.empty()) randombytes_buf(out.data(), out.size());
}

base::Bytes random_bytes(size_t count) {
  base::Bytes bytes(count);
  random_bytes(std::span(bytes));
  return bytes;
}

std::string random_base62(size_t length) {
  static constexpr std::string_view kLetters =
      "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  constexpr uint8_t kFair = 256 / 62 * 62;  // bytes from here on would favour the first letters
  std::string text;
  text.reserve(length);
  std::array<uint8_t, 32> block;  // one call to the system serves an id
  while (text.size() < length) {
    random_bytes(std::span(block));
    for (const uint8_t byte : block)
      if (byte < kFair && text.size() < length) text += kLetters[byte % 62];
  }
  sodium_memzero(block.data(), block.size());
  return text;
}

std::string random_id(std::string_view prefix) { return std::string(prefix) + random_base62(24); }

}  // namespace crypto
