#include "crypto/password.h"

#include <sodium.h>

#include "crypto/sodium.h"

namespace crypto {

base::Result<std::string> hash_password(const base::Secret& password, const PasswordCost& cost) {
  start_sodium();
  const std::string_view text = password.reveal();
  char hash[crypto_pwhash_STRBYTES];
  if (crypto_pwhash_str_alg(hash, text.data(), text.size(), cost.operations, cost.memory_bytes,
                            crypto_pwhash_ALG_ARGON2ID13) != 0)
    return base::fail(base::Code::Unavailable,
                      "there is not enough memory to hash a password; try again");
  return std::string(hash);
}

bool verify_password(std::string_view hash, const base::Secret& password) {
  start_sodium();
  if (hash.size() >= crypto_pwhash_STRBYTES || hash.find('\0') != std::string_view::npos)
    return false;
  std::string stored(crypto_pwhash_STRBYTES, '\0');  // libsodium reads the whole buffer
  hash.copy(stored.data(), hash.size());
  const std::string_view text = password.reveal();
  return crypto_pwhash_str_verify(stored.c_str(), text.data(), text.size()) == 0;
}

}  // namespace crypto
