// Counts failures by name (an address, a user) within a window, against guessing. In memory and
// bounded; thread-safe.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"

namespace identity {

class Attempts {
 public:
  Attempts(int failures_max, base::Duration window) : max_(failures_max), window_(window) {}

  // RateLimited, reason too_many_attempts, says when to try again. An empty name is never limited.
  base::Status check(std::string_view name, base::Time now);
  void failed(std::string_view name, base::Time now);
  void succeeded(std::string_view name);

 private:
  struct Count {
    base::Time since;
    int failures = 0;
  };
  const int max_;
  const base::Duration window_;
  std::mutex mutex_;
  std::map<std::string, Count, std::less<>> counts_;
};

}  // namespace identity
