// Secrets at rest: sealed with XSalsa20-Poly1305 (libsodium's secretbox) under one key that lives
// in a file of its own and in no backup. What was sealed for one purpose does not open for another.
#pragma once

#include <string_view>

#include "base/bytes.h"
#include "base/secret.h"

namespace crypto {

class SealKey {
 public:
  static base::Result<SealKey> from_bytes(base::ByteSpan bytes);  // exactly 32
  static SealKey generate();

  // A key for one purpose ("api key hash", "totp"), which tells nothing about the others.
  base::Secret derive(std::string_view purpose) const;
  const base::Secret& bytes() const { return key_; }  // 32 raw bytes, for storing

 private:
  explicit SealKey(base::Secret key) : key_(std::move(key)) {}
  base::Secret key_;
};

// nonce || box. `purpose` names what it is and where it stands ("upstream up_123"), so that a
// sealed value cannot be moved to another row.
base::Bytes seal(const SealKey& key, std::string_view purpose, const base::Secret& secret);
// Errors: Corrupt, reason SEAL_BROKEN, when the bytes were changed, or the key or the purpose is
// another.
base::Result<base::Secret> open(const SealKey& key, std::string_view purpose,
                                base::ByteSpan sealed);

}  // namespace crypto
