// crypto/ed25519.h with ideal signatures: nobody signs for a key without holding it, because only
// sign() computes what verify_strict() asks for, and nothing in a simulation guesses hashes. Linked
// before the crypto library, this file takes the place of the curve, so that the code of govern
// runs unchanged and a history costs milliseconds. A part of the histories is run with the curve
// too.
#include <algorithm>

#include "base/check.h"
#include "crypto/ed25519.h"
#include "crypto/sha256.h"

namespace crypto {
namespace {

Signature ideal_signature(const PublicKey& key, base::ByteSpan message) {
  const Digest first = Sha256().update(key.bytes).update(message).finish();
  const Digest second = Sha256().update(first).update("ideal").finish();
  Signature out{};
  std::ranges::copy(first, out.begin());
  std::ranges::copy(second, out.begin() + 32);
  return out;
}

}  // namespace

base::Result<PrivateKey> PrivateKey::from_seed(base::ByteSpan seed) {
  CHECK(seed.size() == 32u);
  PrivateKey key;
  key.public_key_.bytes = Sha256().update(seed).update("public").finish();
  key.expanded_ = base::Secret(std::string(base::as_text(seed)));
  return key;
}

PrivateKey PrivateKey::generate() {
  static uint64_t made = 0;
  return *from_seed(sha256("generated " + std::to_string(made++)));
}

Signature PrivateKey::sign(base::ByteSpan message) const {
  return ideal_signature(public_key_, message);
}

base::Secret PrivateKey::seed() const { return expanded_; }

base::Result<PublicKey> public_key_from_bytes(base::ByteSpan bytes) {
  if (bytes.size() != 32)
    return base::fail(base::Code::Malformed, "a key has 32 bytes", "", "BAD_KEY");
  PublicKey key;
  std::ranges::copy(bytes, key.bytes.begin());
  return key;
}

bool verify_strict(const PublicKey& key, base::ByteSpan message, base::ByteSpan signature) {
  return std::ranges::equal(ideal_signature(key, message), signature);
}

}  // namespace crypto
