#include "crypto/ed25519.h"

#include <sodium.h>

#include <algorithm>

#include "base/check.h"
#include "crypto/random.h"
#include "crypto/sodium.h"

namespace crypto {
namespace {

// y = the low 255 bits; canonical when y < 2^255 - 19.
bool is_canonical_y(base::ByteSpan point) {
  const bool all_ones =
      std::all_of(point.begin() + 1, point.begin() + 31, [](uint8_t b) { return b == 0xff; });
  return !(all_ones && (point[31] & 0x7f) == 0x7f && point[0] >= 0xed);
}

// x = 0 has one sign only: y = 1 and y = -1 with the sign bit set are second spellings. Both are of
// small order too, so that the order check behind this one catches them as well.
bool is_usable_point(base::ByteSpan point) {
  return point.size() == 32 && is_canonical_y(point) &&
         crypto_core_ed25519_is_valid_point(point.data()) == 1;
}

}  // namespace

base::Result<PrivateKey> PrivateKey::from_seed(base::ByteSpan seed) {
  if (seed.size() != crypto_sign_SEEDBYTES)
    return base::fail(base::Code::InvalidArgument, "an Ed25519 seed is 32 bytes long", "",
                      "BAD_KEY");
  start_sodium();
  PrivateKey key;
  std::string expanded(crypto_sign_SECRETKEYBYTES, '\0');
  crypto_sign_seed_keypair(key.public_key_.bytes.data(),
                           reinterpret_cast<uint8_t*>(expanded.data()), seed.data());
  key.expanded_ = base::Secret(std::move(expanded));
  return key;
}

PrivateKey PrivateKey::generate() {
  base::Bytes seed = random_bytes(crypto_sign_SEEDBYTES);
  auto key = from_seed(seed);
  sodium_memzero(seed.data(), seed.size());
  CHECK(key.has_value());
  return *std::move(key);
}

Signature PrivateKey::sign(base::ByteSpan message) const {
  const std::string_view expanded = expanded_.reveal();
  CHECK(expanded.size() == crypto_sign_SECRETKEYBYTES);
  Signature signature;
  crypto_sign_detached(signature.data(), nullptr, message.data(), message.size(),
                       reinterpret_cast<const uint8_t*>(expanded.data()));
  return signature;
}

base::Secret PrivateKey::seed() const {
  CHECK(expanded_.reveal().size() == crypto_sign_SECRETKEYBYTES);
  return base::Secret(std::string(expanded_.reveal().substr(0, crypto_sign_SEEDBYTES)));
}

base::Result<PublicKey> public_key_from_bytes(base::ByteSpan bytes) {
  start_sodium();
  if (!is_usable_point(bytes))
    return base::fail(base::Code::Malformed, "these are not the 32 bytes of a usable Ed25519 key",
                      "", "BAD_KEY");
  PublicKey key;
  std::ranges::copy(bytes, key.bytes.begin());
  return key;
}

bool verify_strict(const PublicKey& key, base::ByteSpan message, base::ByteSpan signature) {
  start_sodium();
  if (signature.size() != crypto_sign_BYTES) return false;
  if (!is_canonical_y(key.bytes) || !is_canonical_y(signature.first(32))) return false;
  // libsodium refuses S >= L and small-order or non-canonical keys itself, and compares R byte for
  // byte.
  return crypto_sign_verify_detached(signature.data(), message.data(), message.size(),
                                     key.bytes.data()) == 0;
}

}  // namespace crypto
