// Signatures of others that we only verify: ECDSA on P-256 with SHA-256 (ES256) for passkeys and ID
// tokens, RSA PKCS#1 v1.5 with SHA-256 (RS256) for ID tokens. OpenSSL behind values.
#pragma once

#include "base/bytes.h"

namespace crypto {

// The coordinates are 32 bytes each, big-endian; a point that is not on the curve verifies nothing.
struct P256Key {
  base::ByteSpan x, y;
};
// `signature` in ASN.1 DER, as WebAuthn gives it.
bool verify_es256_der(const P256Key& key, base::ByteSpan message, base::ByteSpan signature);
// `signature` as r || s of 32 bytes each, as JWS gives it (RFC 7518 section 3.4).
bool verify_es256_raw(const P256Key& key, base::ByteSpan message, base::ByteSpan signature);

// Big-endian numbers. A modulus below 2048 or above 8192 bits verifies nothing.
struct RsaKey {
  base::ByteSpan modulus, exponent;
};
bool verify_rs256(const RsaKey& key, base::ByteSpan message, base::ByteSpan signature);

}  // namespace crypto
