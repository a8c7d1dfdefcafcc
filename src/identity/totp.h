// Time-based one-time passwords (RFC 6238: SHA-1, six digits, thirty seconds, what every
// authenticator app makes) and one-time recovery codes. Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/secret.h"
#include "base/time.h"

namespace identity {

inline constexpr int64_t kTotpStepSeconds = 30;
inline constexpr size_t kTotpSeedBytes = 20;  // RFC 4226 section 4, R6

// HOTP (RFC 4226 section 5.3) of the counter, `digits` from 6 to 8.
std::string hotp(base::ByteSpan seed, uint64_t counter, int digits = 6);

// The step that `code` belongs to: the one of `now`, one before or one after (RFC 6238
// section 5.2), and later than `last_step`, so that no code counts twice. Empty: wrong.
std::optional<int64_t> match_totp(base::ByteSpan seed, std::string_view code, base::Time now,
                                  int64_t last_step);

std::string base32(base::ByteSpan bytes);  // RFC 4648 section 6, not padded
// "otpauth://totp/…", which authenticator apps read as a QR code.
base::Secret totp_uri(base::ByteSpan seed, std::string_view issuer, std::string_view account);

}  // namespace identity
