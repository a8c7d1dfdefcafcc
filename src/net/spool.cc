#include "net/spool.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace net {
namespace {

std::unexpected<base::Error> os_failure(int error, const std::string& what,
                                        const std::string& where) {
  const std::string message = what + ": " + std::generic_category().message(error);
  if (error == ENOSPC || error == EDQUOT)
    return base::fail(base::Code::Unavailable, message + "; free some space", where, "DISK_FULL");
  return base::fail(base::Code::Io, message, where);
}

class MappedBody final : public SpooledBody {
 public:
  MappedBody(char* data, size_t size) : data_(data), size_(size) {}
  ~MappedBody() override {
    if (size_ > 0) munmap(data_, size_);
  }
  std::string_view bytes() const override { return {data_, size_}; }

 private:
  char* data_;
  size_t size_;
};

// For file systems without O_TMPFILE.
int open_and_unlink(const std::string& directory) {
  std::string path = directory + "/body-XXXXXX";
  const int fd = mkostemp(path.data(), O_CLOEXEC);
  if (fd >= 0) unlink(path.c_str());
  return fd;
}

}  // namespace

base::Result<SpoolFile> SpoolFile::create(const std::string& directory) {
  int fd = open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR)) fd = open_and_unlink(directory);
  if (fd < 0)
    return os_failure(errno, "cannot make a temporary file for a request's body", directory);
  return SpoolFile(fd);
}

SpoolFile::SpoolFile(SpoolFile&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), size_(other.size_) {}

SpoolFile::~SpoolFile() {
  if (fd_ >= 0) close(fd_);
}

base::Status SpoolFile::append(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = write(fd_, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return os_failure(errno, "cannot keep a request's body", "");
    bytes.remove_prefix(static_cast<size_t>(count));
    size_ += static_cast<uint64_t>(count);
  }
  return {};
}

base::Result<std::shared_ptr<const SpooledBody>> SpoolFile::map() {
  if (size_ == 0) return std::make_shared<MappedBody>(nullptr, 0);
  void* data = mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, fd_, 0);
  if (data == MAP_FAILED) return os_failure(errno, "cannot map a request's body", "");
  return std::make_shared<MappedBody>(static_cast<char*>(data), static_cast<size_t>(size_));
}

}  // namespace net
