// One thread that calls things later: backoff, hedging, time limits. What it calls must not block.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <thread>

namespace gateway {

class Timers {
 public:
  Timers();
  ~Timers();  // what is still to come is not called
  Timers(const Timers&) = delete;

  void at(int64_t monotonic_ns, std::function<void()> task);  // the past: as soon as it can

 private:
  void work();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::multimap<int64_t, std::function<void()>> tasks_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace gateway
