// Randomness for secrets and ids, from the operating system. Repeatable randomness is
// base/random.h.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace crypto {

void random_bytes(std::span<uint8_t> out);
base::Bytes random_bytes(size_t count);
std::string random_base62(size_t length);        // 5.95 bits a letter
std::string random_id(std::string_view prefix);  // prefix + 24 letters and digits: 142 bits

}  // namespace crypto
