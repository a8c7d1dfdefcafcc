// OpenSSL's one-shot interface to SHA-256: the newer EVP one allocates for every hash, which a
// Merkle tree of millions of 65-byte nodes would notice.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "crypto/sha256.h"

#include <openssl/sha.h>

#include <algorithm>

namespace crypto {
namespace {

SHA256_CTX* context_of(std::array<std::byte, 112>* storage) {
  static_assert(sizeof(SHA256_CTX) == sizeof(*storage));
  return reinterpret_cast<SHA256_CTX*>(storage->data());
}

}  // namespace

Digest sha256(base::ByteSpan bytes) { return Sha256().update(bytes).finish(); }

Sha256::Sha256() : context_{} { SHA256_Init(context_of(&context_)); }

Sha256& Sha256::update(base::ByteSpan bytes) {
  if (!bytes.empty()) SHA256_Update(context_of(&context_), bytes.data(), bytes.size());
  return *this;
}

Digest Sha256::finish() {
  Digest digest;
  SHA256_Final(digest.data(), context_of(&context_));
  return digest;
}

std::string hex(const Digest& digest) { return base::hex(digest); }

base::Result<Digest> digest_from_hex(std::string_view text) {
  const bool lower = std::ranges::none_of(text, [](char c) { return c >= 'A' && c <= 'F'; });
  if (text.size() != 64 || !lower)
    return base::fail(base::Code::Malformed,
                      "expected a SHA-256 digest of 64 lower-case hex digits");
  TRY(const auto bytes, base::from_hex(text));
  return digest_from_bytes(bytes);
}

base::Result<Digest> digest_from_bytes(base::ByteSpan bytes) {
  Digest digest;
  if (bytes.size() != digest.size())
    return base::fail(base::Code::Malformed,
                      "expected 32 bytes of SHA-256, got " + std::to_string(bytes.size()), {},
                      "MALFORMED");
  std::ranges::copy(bytes, digest.begin());
  return digest;
}

}  // namespace crypto
