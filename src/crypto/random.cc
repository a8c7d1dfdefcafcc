#include "crypto/random.h"

#include <sodium.h>

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
  start_sodium();
  std::string text(length, '0');
  for (char& letter : text) letter = kLetters[randombytes_uniform(62)];
  return text;
}

std::string random_id(std::string_view prefix) { return std::string(prefix) + random_base62(24); }

}  // namespace crypto
