// Bytes and their spellings: spans, hex, base64, base64url, little-endian loads.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace base {

using Bytes = std::vector<uint8_t>;
using ByteSpan = std::span<const uint8_t>;

inline ByteSpan as_bytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}
inline std::string_view as_text(ByteSpan bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string hex(ByteSpan bytes);                // lower case
Result<Bytes> from_hex(std::string_view text);  // either case, even length
std::string base64(ByteSpan bytes);             // RFC 4648 section 4, padded
Result<Bytes> from_base64(
    std::string_view text);             // strict: padding present, no stray bits, no blanks
std::string base64url(ByteSpan bytes);  // RFC 4648 section 5, not padded
Result<Bytes> from_base64url(std::string_view text);  // strict, not padded

template <class T>
T load_le(const uint8_t* at) {
  static_assert(std::endian::native == std::endian::little);
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

}  // namespace base
