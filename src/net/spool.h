// A body that is written to an unlinked temporary file as it arrives, and mapped when it is
// complete. Nothing of it has a name, so nothing is left behind by a crash. Within net/ only.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "net/http.h"

namespace net {

class SpoolFile {
 public:
  static base::Result<SpoolFile> create(const std::string& directory);
  SpoolFile(SpoolFile&& other) noexcept;
  SpoolFile& operator=(SpoolFile&&) = delete;
  ~SpoolFile();

  base::Status append(std::string_view bytes);  // a full disk is Code::Unavailable, DISK_FULL
  uint64_t size() const { return size_; }
  base::Result<std::shared_ptr<const SpooledBody>> map();  // what has been written

 private:
  explicit SpoolFile(int fd) : fd_(fd) {}
  int fd_;
  uint64_t size_ = 0;
};

}  // namespace net
