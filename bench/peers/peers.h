// Other libraries that do the same work, where they are installed.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

namespace bench {

// A function that multiplies two n x n matrices into fp32 with oneDNN on all cores; nothing where
// it is not built in.
std::optional<std::function<void()>> onednn_matmul(int64_t n, bool bf16);

}  // namespace bench
