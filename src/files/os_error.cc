#include "files/os_error.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace files {

std::unexpected<base::Error> os_failure(int error, std::string_view doing,
                                        const std::string& path) {
  switch (error) {
    case ENOSPC:
    case EDQUOT:
      return base::fail(
          base::Code::Unavailable,
          "disk full: free space on the disk that holds '" + path + "', then try again", path,
          "DISK_FULL");
    case ENOENT:
      return base::fail(base::Code::NotFound,
                        "no such file or folder: '" + path + "'; check the path", path);
    case EACCES:
    case EPERM:
    case EROFS:
      return base::fail(base::Code::Io,
                        "cannot " + std::string(doing) + " '" + path +
                            "': " + std::strerror(error) + "; check its owner and permissions",
                        path);
    default:
      return base::fail(base::Code::Io,
                        "cannot " + std::string(doing) + " '" + path + "': " + std::strerror(error),
                        path);
  }
}

Descriptor::~Descriptor() {
  if (fd_ >= 0) ::close(fd_);
}

int open_descriptor(const std::string& path, int flags, unsigned mode) {
  for (;;) {
    const int fd = ::open(path.c_str(), flags | O_CLOEXEC, mode);
    if (fd >= 0 || errno != EINTR) return fd;
  }
}

int write_all(int fd, const void* data, size_t size) {
  const char* at = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t written = ::write(fd, at, size);
    if (written < 0) {
      if (errno == EINTR) continue;
      return errno;
    }
    at += written;
    size -= static_cast<size_t>(written);
  }
  return 0;
}

}  // namespace files
