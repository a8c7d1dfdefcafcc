#include "identity/totp.h"

#include "base/check.h"
#include "crypto/hmac.h"
#include "identity/percent.h"

namespace identity {

std::string hotp(base::ByteSpan seed, uint64_t counter, int digits) {
  CHECK(digits >= 6 && digits <= 8);
  uint8_t message[8];
  for (int i = 0; i < 8; ++i) message[i] = static_cast<uint8_t>(counter >> (56 - 8 * i));
  const auto mac = crypto::hmac_sha1(seed, message);
  const size_t at = mac[19] & 15;
  const uint32_t bits = (uint32_t{mac[at]} & 0x7f) << 24 | uint32_t{mac[at + 1]} << 16 |
                        uint32_t{mac[at + 2]} << 8 | mac[at + 3];
  uint32_t modulus = 1;
  for (int i = 0; i < digits; ++i) modulus *= 10;
  const std::string text = std::to_string(bits % modulus);
  return std::string(static_cast<size_t>(digits) - text.size(), '0') + text;
}

std::optional<int64_t> match_totp(base::ByteSpan seed, std::string_view code, base::Time now,
                                  int64_t last_step) {
  const int64_t here = now.seconds() / kTotpStepSeconds;
  std::optional<int64_t> matched;
  for (int64_t step = here - 1; step <= here + 1; ++step) {
    const bool same =
        step >= 0 && crypto::equal_constant_time(hotp(seed, static_cast<uint64_t>(step)), code);
    if (same && step > last_step) matched = step;
  }
  return matched;
}

std::string base32(base::ByteSpan bytes) {
  static constexpr char kLetters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  std::string out;
  uint32_t bits = 0;
  int count = 0;
  for (const uint8_t byte : bytes) {
    bits = bits << 8 | byte;
    for (count += 8; count >= 5; count -= 5) out += kLetters[bits >> (count - 5) & 31];
  }
  if (count > 0) out += kLetters[bits << (5 - count) & 31];
  return out;
}

base::Secret totp_uri(base::ByteSpan seed, std::string_view issuer, std::string_view account) {
  return base::Secret("otpauth://totp/" + percent_encode(issuer) + ":" + percent_encode(account) +
                      "?secret=" + base32(seed) + "&issuer=" + percent_encode(issuer));
}

}  // namespace identity
