// The operating system's refusals as Errors: private to this folder.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace files {

// `doing` reads after "cannot": "open", "write". `error` is an errno value.
std::unexpected<base::Error> os_failure(int error, std::string_view doing, const std::string& path);

// A descriptor that closes itself.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor();
  int get() const { return fd_; }
  int release() {
    const int fd = fd_;
    fd_ = -1;
    return fd;
  }

 private:
  int fd_;
};

// Opens with O_CLOEXEC, again after EINTR; -1 with errno set.
int open_descriptor(const std::string& path, int flags, unsigned mode);
// 0, or the errno of the first refusal.
int write_all(int fd, const void* data, size_t size);

}  // namespace files
