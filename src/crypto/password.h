// Passwords as Argon2id hashes in their usual text form ("$argon2id$v=19$m=…"), which holds its own
// salt and cost.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "base/secret.h"

namespace crypto {

struct PasswordCost {
  uint64_t operations = 2;  // OWASP's minimum for Argon2id at 19 MiB
  uint64_t memory_bytes = 19u << 20;
};

// About 30 ms of one core at the default cost. Unavailable when there is no memory for it.
base::Result<std::string> hash_password(const base::Secret& password,
                                        const PasswordCost& cost = {});
bool verify_password(std::string_view hash, const base::Secret& password);

}  // namespace crypto
