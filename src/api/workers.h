// A few threads for handlers that read a database, so that no connection waits behind another's
// disk. The queue is bounded: what does not fit is refused, not delayed.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace api {

class Workers {
 public:
  explicit Workers(int threads, size_t queue_max = 4096);
  ~Workers();  // runs what is queued, then ends
  Workers(const Workers&) = delete;

  bool try_run(std::function<void()> task);  // false when the queue is full
  void run(std::function<void()> task);      // for work that must happen, beyond the limit too

 private:
  void work();

  const size_t queue_max_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> queue_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace api
