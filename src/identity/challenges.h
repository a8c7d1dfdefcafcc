// Challenges for passkeys. A challenge carries its own time and purpose under a MAC, so that asking
// for many of them takes no memory; those that were answered are remembered until they expire, so
// that each counts once. Thread-safe.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/secret.h"
#include "base/time.h"

namespace identity {

class Challenges {
 public:
  Challenges();

  std::string issue(std::string_view purpose, base::Time now) const;  // base64url
  // Unauthenticated, reason PASSKEY_REFUSED: not ours, another purpose, too old, or answered
  // before.
  base::Status spend(std::string_view challenge, std::string_view purpose, base::Time now);

 private:
  base::Secret key_;  // of this process: a challenge does not outlive it
  std::mutex mutex_;
  std::map<std::string, base::Time, std::less<>> spent_;  // until when
};

}  // namespace identity
