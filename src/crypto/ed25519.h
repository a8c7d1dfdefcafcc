// Ed25519 signatures with the strict rule (GOVERNANCE 2.15): a key or an R that is non-canonical or
// of small order, and an S that is not reduced, are refused, so that one signature has one spelling
// and one signer.
#pragma once

#include <array>
#include <compare>
#include <cstdint>

#include "base/bytes.h"
#include "base/secret.h"

namespace crypto {

using Signature = std::array<uint8_t, 64>;

struct PublicKey {
  std::array<uint8_t, 32> bytes{};
  friend auto operator<=>(const PublicKey&, const PublicKey&) = default;
};

// A 32-byte seed and what follows from it. Copies wipe themselves.
class PrivateKey {
 public:
  static base::Result<PrivateKey> from_seed(base::ByteSpan seed);  // exactly 32 bytes
  static PrivateKey generate();

  const PublicKey& public_key() const { return public_key_; }
  Signature sign(base::ByteSpan message) const;
  base::Secret seed() const;  // 32 raw bytes, for storing

 private:
  PrivateKey() = default;
  base::Secret expanded_;  // libsodium's 64 bytes: the seed, then the public key
  PublicKey public_key_;
};

// 32 bytes of a usable key: canonical, on the curve, of no small order. Malformed, reason BAD_KEY.
base::Result<PublicKey> public_key_from_bytes(base::ByteSpan bytes);

bool verify_strict(const PublicKey& key, base::ByteSpan message, base::ByteSpan signature);

}  // namespace crypto
