// Memory that a kernel needs while it runs: one piece per thread and purpose, kept and grown, never
// cleared.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>

#include "base/check.h"

namespace kernels {

inline constexpr size_t kWorkspaceAlignment = 64;

struct FreeMemory {
  void operator()(void* at) const { std::free(at); }
};

class Workspace {
 public:
  // At least `bytes`, aligned; the content of the call before is gone.
  void* get(int64_t bytes) {
    if (bytes > bytes_) {
      memory_.reset();
      const size_t rounded = (static_cast<size_t>(bytes) + kWorkspaceAlignment - 1) /
                             kWorkspaceAlignment * kWorkspaceAlignment;
      memory_.reset(std::aligned_alloc(kWorkspaceAlignment, rounded));
      CHECK(memory_ != nullptr);
      bytes_ = bytes;
    }
    return memory_.get();
  }

 private:
  std::unique_ptr<void, FreeMemory> memory_;
  int64_t bytes_ = 0;
};

}  // namespace kernels
