// MD5 (RFC 1321): a checksum that clients of upload APIs send. It protects against accidents and
// against nobody.
#pragma once

#include <array>
#include <string>

#include "base/bytes.h"

namespace crypto {

std::array<uint8_t, 16> md5(base::ByteSpan bytes);

}  // namespace crypto
