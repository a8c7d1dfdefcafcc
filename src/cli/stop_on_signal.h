// SIGINT and SIGTERM as a flag, for commands that finish what they are at and then stop. Commands
// of cli/ only.
#pragma once

#include <atomic>
#include <csignal>
#include <cstddef>

namespace cli {

inline std::atomic<bool> g_stop{false};

inline void on_stop_signal(int) { g_stop.store(true); }

// While it lives, the signals set g_stop instead of ending the program.
class StopOnSignal {
 public:
  StopOnSignal() {
    g_stop.store(false);
    for (size_t i = 0; i < 2; ++i) before_[i] = std::signal(kSignals[i], on_stop_signal);
  }
  ~StopOnSignal() {
    for (size_t i = 0; i < 2; ++i) std::signal(kSignals[i], before_[i]);
  }
  StopOnSignal(const StopOnSignal&) = delete;

 private:
  static constexpr int kSignals[2] = {SIGINT, SIGTERM};
  void (*before_[2])(int);
};

}  // namespace cli
