// A fixed team of threads for data-parallel loops. One caller at a time runs a loop; the caller
// works too. Workers spin briefly between loops and then sleep, so that a step of hundreds of short
// kernels does not pay a wake-up for each, and an idle server uses no CPU. A loop in pieces never
// waits for a worker that has not begun: on a busy machine the caller does the pieces itself.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>
#include <type_traits>
#include <vector>

namespace base {

class ThreadPool {
 public:
  explicit ThreadPool(int threads);  // threads >= 1, the caller counted
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int size() const { return size_; }

  // Calls task(worker) once on each of size() threads, worker = 0..size()-1 (0 is the caller);
  // returns when all are done.
  template <class Task>
  void run(Task&& task) {
    using Plain = std::remove_reference_t<Task>;
    run_erased([](void* context, int worker) { (*static_cast<Plain*>(context))(worker); },
               const_cast<std::remove_const_t<Plain>*>(&task), true);
  }

  // Splits [0, count) into pieces of at most `grain` and calls body(begin, end) on them, pieces
  // handed out as threads come free.
  template <class Body>
  void parallel_for(int64_t count, int64_t grain, Body&& body) {
    if (count <= 0) return;
    if (size_ == 1 || count <= grain) return static_cast<void>(body(int64_t{0}, count));
    std::atomic<int64_t> next{0};
    auto take_pieces = [&] {
      for (;;) {
        const int64_t begin = next.fetch_add(grain, std::memory_order_relaxed);
        if (begin >= count) return;
        body(begin, begin + grain < count ? begin + grain : count);
      }
    };
    run_erased([](void* context, int) { (*static_cast<decltype(take_pieces)*>(context))(); },
               &take_pieces, false);
  }

 private:
  using Erased = void (*)(void* context, int worker);
  // `everyone`: each worker takes part; else whoever comes before the caller has finished.
  void run_erased(Erased task, void* context, bool everyone);
  bool enter();
  void leave();
  void work(int worker);

  int size_;
  std::atomic<uint32_t> epoch_{0};  // a new value starts a loop
  // Whether workers may enter the loop (the top bit), and how many are inside.
  std::atomic<uint32_t> gate_{0};
  std::atomic<int> awaited_{0};  // workers that must still take part
  std::atomic<bool> stopping_{false};
  Erased task_ = nullptr;
  void* context_ = nullptr;
  std::vector<std::thread> workers_;
};

int default_thread_count();  // the CPUs this process may use

}  // namespace base
