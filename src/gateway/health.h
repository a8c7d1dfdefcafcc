// How a target has been doing: a circuit breaker over its rolling rate of errors, and how long its
// first piece takes. The same in every catalog. Asking costs well under a microsecond.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>

#include "base/time.h"

namespace gateway {

struct BreakerOptions {
  int failures_min = 5;       // in the window, before the rate counts
  double failure_rate = 0.5;  // at which it opens
  base::Duration window = base::seconds(10);
  base::Duration open_first = base::seconds(2);  // doubled each time that a probe fails
  base::Duration open_max = base::seconds(60);
};

class TargetHealth {
 public:
  explicit TargetHealth(const BreakerOptions& options = {}) : options_(options) {}

  enum class State : uint8_t { Closed, Open, HalfOpen };

  // Whether a request may be sent there now. While the breaker is half open one at a time may: who
  // is let through must report.
  bool may_try(int64_t now_ns);
  State state(int64_t now_ns) const;
  // When it is worth asking again; 0: now.
  int64_t blocked_until_ns() const { return blocked_until_ns_.load(std::memory_order_relaxed); }

  void succeeded(int64_t now_ns);
  void failed(int64_t now_ns);
  void let_go();  // neither: the request was cancelled, or was the client's fault
  // The target asked to be left alone until then (429 with retry-after).
  void block_until(int64_t until_ns);

  void observe_first_piece(int64_t ns);
  // Smoothed; 0: not known yet.
  int64_t first_piece_ns() const { return first_piece_ns_.load(std::memory_order_relaxed); }
  std::optional<int64_t> first_piece_p95_ns() const;  // of the last ones; none: too few

 private:
  struct Second {
    int64_t second = -1;
    int successes = 0, failures = 0;
  };
  Second& now_slot(int64_t now_ns);

  const BreakerOptions options_;
  std::atomic<bool> closed_{true};
  std::atomic<int64_t> blocked_until_ns_{0};
  std::atomic<int64_t> first_piece_ns_{0};

  mutable std::mutex mutex_;
  std::array<Second, 64> seconds_{};
  int64_t open_until_ns_ = 0;
  int64_t open_for_ns_ = 0;
  bool probing_ = false;
  std::array<int64_t, 64> samples_{};
  size_t sample_count_ = 0;
};

}  // namespace gateway
