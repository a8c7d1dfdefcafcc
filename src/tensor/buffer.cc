#include "tensor/buffer.h"

#include <sys/mman.h>

#include <cstdlib>
#include <cstring>
#include <string>

namespace tensor {
namespace {

constexpr int64_t kMappedBytes =
    1 << 20;  // from here on straight from the system: zeroed, and real only when touched

void* allocate_zeroed(int64_t bytes) {
  const auto size = static_cast<size_t>(bytes);
  if (bytes >= kMappedBytes) {
    void* data = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (data == MAP_FAILED) return nullptr;
    madvise(data, size, MADV_HUGEPAGE);  // advice only: a system without huge pages ignores it
    return data;
  }
  const size_t rounded = (size + kAlignmentBytes - 1) / kAlignmentBytes * kAlignmentBytes;
  void* data = std::aligned_alloc(kAlignmentBytes, rounded);
  if (data != nullptr) std::memset(data, 0, rounded);
  return data;
}

}  // namespace

Buffer::Buffer(int64_t bytes) : bytes_(bytes) {
  CHECK(bytes >= 0);
  if (bytes == 0) return;
  data_ = allocate_zeroed(bytes);
  CHECK(data_ != nullptr);
}

base::Result<Buffer> Buffer::allocate(int64_t bytes) {
  constexpr int64_t kBytesMax = int64_t{1} << 46;
  Buffer buffer;
  if (bytes == 0) return buffer;
  if (bytes > 0 && bytes <= kBytesMax) buffer.data_ = allocate_zeroed(bytes);
  if (buffer.data_ == nullptr) {
    return base::fail(base::Code::Unavailable,
                      "no memory for " + std::to_string(bytes) +
                          " bytes of numbers; use a smaller model or a smaller budget",
                      {}, "out_of_memory");
  }
  buffer.bytes_ = bytes;
  return buffer;
}

Buffer::~Buffer() {
  if (bytes_ >= kMappedBytes) {
    munmap(data_, static_cast<size_t>(bytes_));
  } else {
    std::free(data_);
  }
}

}  // namespace tensor
