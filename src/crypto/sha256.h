// SHA-256, at once or in pieces, with the CPU's own instructions where it has them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace crypto {

using Digest = std::array<uint8_t, 32>;

Digest sha256(base::ByteSpan bytes);
inline Digest sha256(std::string_view text) { return sha256(base::as_bytes(text)); }

class Sha256 {
 public:
  Sha256();
  Sha256& update(base::ByteSpan bytes);
  Sha256& update(std::string_view text) { return update(base::as_bytes(text)); }
  Digest finish();  // once; the object is spent afterwards

 private:
  alignas(8) std::array<std::byte, 112> context_;
};

std::string hex(const Digest& digest);
// Exactly 64 lower-case hex digits, or exactly 32 bytes: anything else is Malformed.
base::Result<Digest> digest_from_hex(std::string_view text);
base::Result<Digest> digest_from_bytes(base::ByteSpan bytes);

}  // namespace crypto
