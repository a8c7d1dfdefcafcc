// Rate limits: requests and tokens per minute and per day, by organisation, project, user, key and
// model. Each is a bucket that refills steadily, kept in memory; a request takes one request and
// its worst case of tokens from every bucket or from none, and hands back what it did not use. No
// clock: the time is handed in. Thread-safe; a scope that was seen before costs no allocation.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "money/budget.h"

namespace gateway {

enum class RateUnit : uint8_t { Requests, Tokens };
enum class RateWindow : uint8_t { Minute, Day };

// At most `limit` units in a window, for each value of the scope.
struct RateCap {
  money::Scope scope = money::Scope::Organisation;
  RateUnit unit = RateUnit::Requests;
  RateWindow window = RateWindow::Minute;
  int64_t limit = 0;
  friend bool operator==(const RateCap&, const RateCap&) = default;
};

// Of the cap with the least left, for x-ratelimit-{limit,remaining,reset}-{requests,tokens}.
struct RateState {
  int64_t limit = 0;
  int64_t remaining = 0;
  base::Duration reset = {};  // until nothing is used any more
};

struct RateAdmission {
  std::optional<RateState> requests = {}, tokens = {};  // none: no cap of this unit
};

struct RateRefusal {
  // Code::RateLimited, reason rate_limit_exceeded, where "requests" or "tokens"; the message is
  // that of API.md section 2.
  base::Error error = {};
  RateUnit unit = RateUnit::Requests;
  base::Duration retry_after = {};
  RateAdmission state = {};  // what the headers say all the same
};

class Limits {
 public:
  // When more scopes than `scopes_max` are in use, the ones that have been idle longest are
  // forgotten: a forgotten bucket is a full one.
  explicit Limits(size_t scopes_max = 1 << 17);
  ~Limits();
  Limits(const Limits&) = delete;
  Limits& operator=(const Limits&) = delete;

  // `tokens` is the worst case. More tokens than a cap's limit can never pass: refused, with
  // retry_after zero.
  std::expected<RateAdmission, RateRefusal> admit(const money::Scopes& scopes,
                                                  std::span<const RateCap> caps, int64_t tokens,
                                                  base::Time now);
  // Once the request has ended, with the same scopes and caps: `tokens` were taken, `used` were
  // used.
  void correct(const money::Scopes& scopes, std::span<const RateCap> caps, int64_t tokens,
               int64_t used, base::Time now);
  // Nothing was done: the request and its tokens go back.
  void give_back(const money::Scopes& scopes, std::span<const RateCap> caps, int64_t tokens,
                 base::Time now);

  size_t scopes() const;  // tracked

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// As Go prints a duration, to the millisecond: "17ms", "1s", "3.89s", "6m0s", "1h0m0.5s"; zero:
// "0s".
std::string go_duration(base::Duration duration);
std::string retry_after_seconds(base::Duration duration);  // for retry-after: whole seconds, up
std::string retry_after_ms(base::Duration duration);       // for retry-after-ms: milliseconds, up

}  // namespace gateway
