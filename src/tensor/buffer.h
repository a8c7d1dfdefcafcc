// Memory for numbers: aligned to a cache line, zeroed, on huge pages when it is large. Owned by
// one, moved, not copied.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "base/check.h"
#include "base/result.h"

namespace tensor {

inline constexpr int64_t kAlignmentBytes = 64;

class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(int64_t bytes);                       // aborts when the system has no memory left
  static base::Result<Buffer> allocate(int64_t bytes);  // Code::Unavailable instead
  Buffer(Buffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  Buffer& operator=(Buffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~Buffer();

  void* data() { return data_; }
  const void* data() const { return data_; }
  int64_t bytes() const { return bytes_; }

 private:
  void* data_ = nullptr;
  int64_t bytes_ = 0;
};

// A buffer of `count` numbers of one type.
template <class T>
class Array {
 public:
  Array() = default;
  explicit Array(int64_t count) : buffer_(count * static_cast<int64_t>(sizeof(T))), count_(count) {}
  Array(Array&& other) noexcept
      : buffer_(std::move(other.buffer_)), count_(std::exchange(other.count_, 0)) {}
  Array& operator=(Array&& other) noexcept {
    buffer_ = std::move(other.buffer_);
    std::swap(count_, other.count_);
    return *this;
  }

  T* data() { return static_cast<T*>(buffer_.data()); }
  const T* data() const { return static_cast<const T*>(buffer_.data()); }
  int64_t size() const { return count_; }
  bool empty() const { return count_ == 0; }
  T* begin() { return data(); }
  T* end() { return data() + count_; }
  const T* begin() const { return data(); }
  const T* end() const { return data() + count_; }
  T& operator[](int64_t i) {
    DCHECK(i >= 0 && i < count_);
    return data()[i];
  }
  const T& operator[](int64_t i) const {
    DCHECK(i >= 0 && i < count_);
    return data()[i];
  }
  std::span<T> span() { return {data(), static_cast<size_t>(count_)}; }
  std::span<const T> span() const { return {data(), static_cast<size_t>(count_)}; }

 private:
  Buffer buffer_;
  int64_t count_ = 0;
};

}  // namespace tensor
