#include "identity/challenges.h"

#include "crypto/hmac.h"
#include "crypto/random.h"

namespace identity {
namespace {

constexpr base::Duration kLife = base::seconds(300);
constexpr size_t kRandomBytes = 16, kTimeBytes = 8;
constexpr size_t kBodyBytes = kRandomBytes + kTimeBytes;

crypto::Digest mac_of(const base::Secret& key, base::ByteSpan body, std::string_view purpose) {
  base::Bytes message(body.begin(), body.end());
  message.insert(message.end(), purpose.begin(), purpose.end());
  return crypto::hmac_sha256(base::as_bytes(key.reveal()), message);
}

std::unexpected<base::Error> refused(std::string_view why) {
  return base::fail(base::Code::Unauthenticated,
                    "the passkey was not accepted: " + std::string(why) + "; try again", {},
                    "PASSKEY_REFUSED");
}

}  // namespace

Challenges::Challenges() : key_(std::string(base::as_text(crypto::random_bytes(32)))) {}

std::string Challenges::issue(std::string_view purpose, base::Time now) const {
  base::Bytes challenge = crypto::random_bytes(kRandomBytes);
  const auto ends = static_cast<uint64_t>((now + kLife).ns);
  for (size_t i = 0; i < kTimeBytes; ++i)
    challenge.push_back(static_cast<uint8_t>(ends >> (8 * i)));
  const crypto::Digest mac = mac_of(key_, challenge, purpose);
  challenge.insert(challenge.end(), mac.begin(), mac.end());
  return base::base64url(challenge);
}

base::Status Challenges::spend(std::string_view challenge, std::string_view purpose,
                               base::Time now) {
  const auto bytes = base::from_base64url(challenge);
  if (!bytes || bytes->size() != kBodyBytes + sizeof(crypto::Digest))
    return refused("its challenge is not one of this server");
  const base::ByteSpan body = base::ByteSpan(*bytes).first(kBodyBytes);
  const crypto::Digest mac = mac_of(key_, body, purpose);
  if (!crypto::equal_constant_time(base::ByteSpan(*bytes).subspan(kBodyBytes), mac))
    return refused("its challenge is not one of this server");
  const base::Time ends{base::load_le<int64_t>(body.data() + kRandomBytes)};
  if (ends <= now) return refused("it took too long");
  const std::lock_guard lock(mutex_);
  std::erase_if(spent_, [now](const auto& entry) { return entry.second <= now; });
  if (!spent_.emplace(std::string(challenge), ends).second)
    return refused("its challenge was answered before");
  return {};
}

}  // namespace identity
