// HMAC-SHA-256 (RFC 2104), and comparison that takes the same time wherever the difference is.
#pragma once

#include <string_view>

#include "base/bytes.h"
#include "crypto/sha256.h"

namespace crypto {

Digest hmac_sha256(base::ByteSpan key, base::ByteSpan message);
// Only for one-time passwords, whose apps know nothing else (RFC 6238).
std::array<uint8_t, 20> hmac_sha1(base::ByteSpan key, base::ByteSpan message);

// The time depends on the lengths only; different lengths are simply unequal.
bool equal_constant_time(base::ByteSpan a, base::ByteSpan b);
inline bool equal_constant_time(std::string_view a, std::string_view b) {
  return equal_constant_time(base::as_bytes(a), base::as_bytes(b));
}

}  // namespace crypto
