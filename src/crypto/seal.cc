#include "crypto/seal.h"

#include <sodium.h>

#include "crypto/hmac.h"
#include "crypto/random.h"
#include "crypto/sodium.h"

namespace crypto {
namespace {

static_assert(crypto_secretbox_KEYBYTES == sizeof(Digest));

const uint8_t* key_bytes(const base::Secret& key) { return base::as_bytes(key.reveal()).data(); }

}  // namespace

base::Result<SealKey> SealKey::from_bytes(base::ByteSpan bytes) {
  if (bytes.size() != crypto_secretbox_KEYBYTES)
    return base::fail(base::Code::Malformed, "a sealing key has exactly 32 bytes", {}, "BAD_KEY");
  return SealKey(base::Secret(std::string(base::as_text(bytes))));
}

SealKey SealKey::generate() {
  return SealKey(base::Secret(std::string(base::as_text(random_bytes(crypto_secretbox_KEYBYTES)))));
}

base::Secret SealKey::derive(std::string_view purpose) const {
  Digest derived = hmac_sha256(base::as_bytes(key_.reveal()), base::as_bytes(purpose));
  base::Secret secret{std::string(base::as_text(derived))};
  sodium_memzero(derived.data(), derived.size());
  return secret;
}

base::Bytes seal(const SealKey& key, std::string_view purpose, const base::Secret& secret) {
  start_sodium();
  const base::Secret derived = key.derive(purpose);
  const base::ByteSpan plain = base::as_bytes(secret.reveal());
  base::Bytes sealed = random_bytes(crypto_secretbox_NONCEBYTES);
  sealed.resize(crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES + plain.size());
  crypto_secretbox_easy(sealed.data() + crypto_secretbox_NONCEBYTES, plain.data(), plain.size(),
                        sealed.data(), key_bytes(derived));
  return sealed;
}

base::Result<base::Secret> open(const SealKey& key, std::string_view purpose,
                                base::ByteSpan sealed) {
  start_sodium();
  const auto broken = [] {
    return base::fail(base::Code::Corrupt,
                      "a sealed secret does not open; is DATA/secrets.key the one that it was made "
                      "with? Otherwise set the secret again",
                      {}, "SEAL_BROKEN");
  };
  if (sealed.size() < crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES) return broken();
  const base::Secret derived = key.derive(purpose);
  const base::ByteSpan box = sealed.subspan(crypto_secretbox_NONCEBYTES);
  std::string plain(box.size() - crypto_secretbox_MACBYTES, '\0');
  if (crypto_secretbox_open_easy(reinterpret_cast<uint8_t*>(plain.data()), box.data(), box.size(),
                                 sealed.data(), key_bytes(derived)) != 0)
    return broken();
  return base::Secret(std::move(plain));
}

}  // namespace crypto
