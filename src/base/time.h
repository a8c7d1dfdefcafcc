// Time as a value. Nothing below cli/ and server/ reads the clock: it is handed a Time, or a Clock.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace base {

// Nanoseconds since 1970-01-01 UTC.
struct Time {
  int64_t ns = 0;
  int64_t seconds() const { return ns / 1'000'000'000; }
  friend auto operator<=>(Time, Time) = default;
};

struct Duration {
  int64_t ns = 0;
  friend auto operator<=>(Duration, Duration) = default;
};
constexpr Duration seconds(int64_t n) { return {n * 1'000'000'000}; }
constexpr Duration milliseconds(int64_t n) { return {n * 1'000'000}; }
constexpr Duration operator+(Duration a, Duration b) { return {a.ns + b.ns}; }
inline Time operator+(Time t, Duration d) { return {t.ns + d.ns}; }
inline Duration operator-(Time a, Time b) { return {a.ns - b.ns}; }

Time system_now();       // wall clock
int64_t monotonic_ns();  // for intervals only

std::string rfc3339(Time time);                          // "2026-11-21T19:34:12Z", whole seconds
Result<Time> parse_rfc3339(std::string_view text);       // requires an offset or Z
Result<Duration> parse_duration(std::string_view text);  // "90s" "10m" "24h" "30d", whole numbers

class Clock {
 public:
  virtual ~Clock() = default;
  virtual Time now() const = 0;
};

class SystemClock final : public Clock {
 public:
  Time now() const override { return system_now(); }
};

class ManualClock final : public Clock {  // for tests and simulations
 public:
  explicit ManualClock(Time start = {}) : now_(start) {}
  Time now() const override { return now_; }
  void advance(Duration by) { now_ = now_ + by; }

 private:
  Time now_;
};

}  // namespace base
