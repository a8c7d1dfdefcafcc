#include "gateway/health.h"

#include <algorithm>

namespace gateway {

constexpr int64_t kSecond = 1'000'000'000;

bool TargetHealth::may_try(int64_t now_ns) {
  if (now_ns < blocked_until_ns_.load(std::memory_order_relaxed)) return false;
  if (closed_.load(std::memory_order_acquire)) return true;
  const std::lock_guard lock(mutex_);
  if (open_until_ns_ == 0) return true;
  if (now_ns < open_until_ns_ || probing_) return false;
  probing_ = true;
  return true;
}

TargetHealth::State TargetHealth::state(int64_t now_ns) const {
  const std::lock_guard lock(mutex_);
  if (open_until_ns_ == 0) return State::Closed;
  return now_ns < open_until_ns_ ? State::Open : State::HalfOpen;
}

TargetHealth::Second& TargetHealth::now_slot(int64_t now_ns) {
  const int64_t second = now_ns / kSecond;
  Second& slot = seconds_[static_cast<size_t>(second) % seconds_.size()];
  if (slot.second != second) slot = {second, 0, 0};
  return slot;
}

void TargetHealth::succeeded(int64_t now_ns) {
  const std::lock_guard lock(mutex_);
  ++now_slot(now_ns).successes;
  if (open_until_ns_ == 0) return;
  open_until_ns_ = 0;
  open_for_ns_ = 0;
  probing_ = false;
  for (Second& slot : seconds_) slot.failures = 0;
  closed_.store(true, std::memory_order_release);
}

void TargetHealth::failed(int64_t now_ns) {
  const std::lock_guard lock(mutex_);
  ++now_slot(now_ns).failures;
  if (open_until_ns_ != 0) {
    if (!probing_) return;  // begun before it opened
    probing_ = false;
    open_for_ns_ = std::min(2 * open_for_ns_, options_.open_max.ns);
    open_until_ns_ = now_ns + open_for_ns_;
    return;
  }
  int successes = 0, failures = 0;
  const int64_t oldest = now_ns / kSecond - options_.window.ns / kSecond;
  for (const Second& slot : seconds_) {
    if (slot.second <= oldest) continue;
    successes += slot.successes;
    failures += slot.failures;
  }
  if (failures < options_.failures_min ||
      failures < options_.failure_rate * static_cast<double>(successes + failures))
    return;
  open_for_ns_ = options_.open_first.ns;
  open_until_ns_ = now_ns + open_for_ns_;
  closed_.store(false, std::memory_order_release);
}

void TargetHealth::let_go() {
  if (closed_.load(std::memory_order_acquire)) return;
  const std::lock_guard lock(mutex_);
  probing_ = false;
}

void TargetHealth::block_until(int64_t until_ns) {
  int64_t before = blocked_until_ns_.load(std::memory_order_relaxed);
  while (before < until_ns && !blocked_until_ns_.compare_exchange_weak(before, until_ns)) {
  }
}

void TargetHealth::observe_first_piece(int64_t ns) {
  const int64_t before = first_piece_ns_.load(std::memory_order_relaxed);
  first_piece_ns_.store(before == 0 ? ns : before + (ns - before) / 8, std::memory_order_relaxed);
  const std::lock_guard lock(mutex_);
  samples_[sample_count_++ % samples_.size()] = ns;
}

std::optional<int64_t> TargetHealth::first_piece_p95_ns() const {
  constexpr size_t kFew = 16;
  std::array<int64_t, 64> sorted;
  size_t count = 0;
  {
    const std::lock_guard lock(mutex_);
    count = std::min(sample_count_, samples_.size());
    std::copy_n(samples_.begin(), count, sorted.begin());
  }
  if (count < kFew) return {};
  const auto at = sorted.begin() + static_cast<std::ptrdiff_t>(count * 95 / 100);
  std::nth_element(sorted.begin(), at, sorted.begin() + static_cast<std::ptrdiff_t>(count));
  return *at;
}

}  // namespace gateway
