#include "crypto/hmac.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sodium.h>

#include "base/check.h"
#include "crypto/sodium.h"

namespace crypto {

Digest hmac_sha256(base::ByteSpan key, base::ByteSpan message) {
  start_sodium();
  crypto_auth_hmacsha256_state state;  // the streaming form takes keys of any length
  crypto_auth_hmacsha256_init(&state, key.data(), key.size());
  crypto_auth_hmacsha256_update(&state, message.data(), message.size());
  Digest digest;
  crypto_auth_hmacsha256_final(&state, digest.data());
  sodium_memzero(&state, sizeof state);
  return digest;
}

std::array<uint8_t, 20> hmac_sha1(base::ByteSpan key, base::ByteSpan message) {
  std::array<uint8_t, 20> digest{};
  unsigned length = 0;
  CHECK(HMAC(EVP_sha1(), key.data(), static_cast<int>(key.size()), message.data(), message.size(),
             digest.data(), &length) != nullptr);
  CHECK(length == digest.size());
  return digest;
}

bool equal_constant_time(base::ByteSpan a, base::ByteSpan b) {
  if (a.size() != b.size()) return false;
  return a.empty() || sodium_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace crypto
