#include "gateway/timers.h"

#include <chrono>

#include "base/time.h"

namespace gateway {

Timers::Timers() : thread_([this] { work(); }) {}

Timers::~Timers() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void Timers::at(int64_t monotonic_ns, std::function<void()> task) {
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    first = tasks_.emplace(monotonic_ns, std::move(task)) == tasks_.begin();
  }
  if (first) changed_.notify_one();
}

void Timers::work() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (tasks_.empty()) {
      changed_.wait(lock);
      continue;
    }
    const int64_t wait_ns = tasks_.begin()->first - base::monotonic_ns();
    if (wait_ns > 0) {
      changed_.wait_for(lock, std::chrono::nanoseconds(wait_ns));
      continue;
    }
    const std::function<void()> task = std::move(tasks_.begin()->second);
    tasks_.erase(tasks_.begin());
    lock.unlock();
    task();
    lock.lock();
  }
}

}  // namespace gateway
