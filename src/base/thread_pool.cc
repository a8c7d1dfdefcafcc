#include "base/thread_pool.h"

#include <sched.h>

#include <algorithm>

#include "base/check.h"

namespace base {
namespace {

constexpr uint32_t kOpen = 1u << 31;
constexpr int kSpins =
    4000;  // about 20 to 40 microseconds: longer than the gap between two kernels of one step

void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

template <class T>
void wait_until(const std::atomic<T>& value, T wanted) {
  for (int spins = 0;; ++spins) {
    const T now = value.load(std::memory_order_acquire);
    if (now == wanted) return;
    if (spins < kSpins) {
      relax();
    } else {
      value.wait(now, std::memory_order_acquire);
    }
  }
}

}  // namespace

ThreadPool::ThreadPool(int threads) : size_(std::max(1, threads)) {
  for (int worker = 1; worker < size_; ++worker)
    workers_.emplace_back([this, worker] { work(worker); });
}

ThreadPool::~ThreadPool() {
  stopping_.store(true);
  epoch_.fetch_add(1);
  epoch_.notify_all();
  for (std::thread& thread : workers_) thread.join();
}

void ThreadPool::run_erased(Erased task, void* context, bool everyone) {
  if (size_ == 1) return task(context, 0);
  CHECK(gate_.load(std::memory_order_relaxed) == 0);
  task_ = task;
  context_ = context;
  awaited_.store(everyone ? size_ - 1 : 0, std::memory_order_relaxed);
  gate_.store(kOpen, std::memory_order_release);
  epoch_.fetch_add(1, std::memory_order_release);
  epoch_.notify_all();
  task(context, 0);
  wait_until(awaited_, 0);
  gate_.fetch_and(~kOpen, std::memory_order_acq_rel);
  wait_until(gate_, 0u);
}

bool ThreadPool::enter() {
  uint32_t gate = gate_.load(std::memory_order_relaxed);
  while ((gate & kOpen) != 0) {
    if (gate_.compare_exchange_weak(gate, gate + 1, std::memory_order_acquire)) return true;
  }
  return false;
}

void ThreadPool::leave() {
  if (awaited_.load(std::memory_order_relaxed) > 0 &&
      awaited_.fetch_sub(1, std::memory_order_acq_rel) == 1)
    awaited_.notify_all();
  if (gate_.fetch_sub(1, std::memory_order_acq_rel) == 1) gate_.notify_all();
}

void ThreadPool::work(int worker) {
  uint32_t seen = 0;
  for (;;) {
    for (int spins = 0; epoch_.load(std::memory_order_acquire) == seen; ++spins) {
      if (spins < kSpins) {
        relax();
      } else {
        epoch_.wait(seen, std::memory_order_acquire);
      }
    }
    if (stopping_.load()) return;
    seen = epoch_.load(std::memory_order_acquire);
    if (!enter()) continue;
    // The loop entered may be a later one than the one seen; inside, there can be no next one.
    seen = epoch_.load(std::memory_order_acquire);
    task_(context_, worker);
    leave();
  }
}

int default_thread_count() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  return std::max(1, CPU_COUNT(&set));
}

}  // namespace base
