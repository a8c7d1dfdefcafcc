#include "files/files.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "files/os_error.h"

namespace files {
namespace {

using base::Code;
using base::fail;

// The file opened for reading and its size; a folder, a pipe or a device is refused before anything
// is read.
struct Opened {
  int fd;
  uint64_t size;
};

base::Result<Opened> open_regular(const std::string& path) {
  Descriptor fd(open_descriptor(path, O_RDONLY | O_NONBLOCK, 0));
  if (fd.get() < 0) return os_failure(errno, "open", path);
  struct stat info{};
  if (::fstat(fd.get(), &info) != 0) return os_failure(errno, "look at", path);
  if (S_ISDIR(info.st_mode)) return fail(Code::Io, "'" + path + "' is a folder, not a file", path);
  if (!S_ISREG(info.st_mode)) return fail(Code::Io, "'" + path + "' is not a regular file", path);
  const auto size = static_cast<uint64_t>(info.st_size);
  return Opened{fd.release(), size};
}

}  // namespace

base::Result<std::shared_ptr<const MappedFile>> MappedFile::open(const std::string& path) {
  TRY(const Opened file, open_regular(path));
  Descriptor fd(file.fd);
  if (file.size == 0) return std::shared_ptr<const MappedFile>(new MappedFile(path, nullptr, 0));
  void* data = ::mmap(nullptr, file.size, PROT_READ, MAP_PRIVATE, fd.get(), 0);
  if (data == MAP_FAILED) return os_failure(errno, "map", path);
  return std::shared_ptr<const MappedFile>(
      new MappedFile(path, static_cast<const uint8_t*>(data), static_cast<size_t>(file.size)));
}

MappedFile::~MappedFile() {
  if (size_ > 0) ::munmap(const_cast<uint8_t*>(data_), size_);
}

base::Result<std::string> read_file(const std::string& path, uint64_t bytes_max) {
  TRY(const Opened file, open_regular(path));
  Descriptor fd(file.fd);
  const auto too_large = [&](uint64_t size) {
    return fail(Code::TooLarge,
                "'" + path + "' has " + std::to_string(size) + " bytes, more than the limit of " +
                    std::to_string(bytes_max),
                path);
  };
  if (file.size > bytes_max) return too_large(file.size);
  // Some files (/proc) say 0 and have contents, and a file may grow while it is read: read to its
  // end, within the limit.
  std::string out;
  out.resize(file.size + 1);
  size_t used = 0;
  for (;;) {
    if (used == out.size()) out.resize(out.size() + 65536);
    const ssize_t got = ::read(fd.get(), out.data() + used, out.size() - used);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return os_failure(errno, "read", path);
    if (got == 0) break;
    used += static_cast<size_t>(got);
    if (used > bytes_max) return too_large(used);
  }
  out.resize(used);
  return out;
}

base::Result<AtomicFile> AtomicFile::create(const std::string& path, unsigned mode) {
  std::string temporary = path + ".XXXXXX";
  const int fd = ::mkostemp(temporary.data(), O_CLOEXEC);
  if (fd < 0) return os_failure(errno, "create a file beside", path);
  return AtomicFile(path, std::move(temporary), fd, mode);
}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : path_(std::move(other.path_)),
      temporary_(std::move(other.temporary_)),
      fd_(std::exchange(other.fd_, -1)),
      mode_(other.mode_) {}

AtomicFile& AtomicFile::operator=(AtomicFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(temporary_, other.temporary_);
  std::swap(fd_, other.fd_);
  std::swap(mode_, other.mode_);
  return *this;
}

AtomicFile::~AtomicFile() {
  if (fd_ < 0) return;
  ::close(fd_);
  ::unlink(temporary_.c_str());
}

base::Status AtomicFile::append(base::ByteSpan bytes) {
  if (const int error = write_all(fd_, bytes.data(), bytes.size()))
    return os_failure(error, "write", path_);
  return {};
}

base::Status AtomicFile::commit() {
  if (::fchmod(fd_, mode_) != 0) return os_failure(errno, "set the permissions of", path_);
  if (::fsync(fd_) != 0) return os_failure(errno, "write to the disk", path_);
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) return os_failure(errno, "replace", path_);
  ::close(std::exchange(fd_, -1));
  return sync_directory(parent(path_));
}

base::Status write_atomic(const std::string& path, base::ByteSpan bytes, unsigned mode) {
  TRY(AtomicFile file, AtomicFile::create(path, mode));
  TRY_VOID(file.append(bytes));
  return file.commit();
}

base::Status write_atomic(const std::string& path, std::string_view text, unsigned mode) {
  return write_atomic(path, base::as_bytes(text), mode);
}

base::Result<AppendFile> AppendFile::open(const std::string& path, unsigned mode) {
  const bool is_new = !exists(path);
  Descriptor fd(open_descriptor(path, O_WRONLY | O_CREAT | O_APPEND, mode));
  if (fd.get() < 0) return os_failure(errno, "open", path);
  struct stat info{};
  if (::fstat(fd.get(), &info) != 0) return os_failure(errno, "look at", path);
  if (!S_ISREG(info.st_mode)) return fail(Code::Io, "'" + path + "' is not a regular file", path);
  if (is_new) TRY_VOID(sync_directory(parent(path)));
  return AppendFile(path, fd.release(), static_cast<uint64_t>(info.st_size));
}

AppendFile::AppendFile(AppendFile&& other) noexcept
    : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)), size_(other.size_) {}

AppendFile& AppendFile::operator=(AppendFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(fd_, other.fd_);
  std::swap(size_, other.size_);
  return *this;
}

AppendFile::~AppendFile() {
  if (fd_ >= 0) ::close(fd_);
}

base::Status AppendFile::append(base::ByteSpan bytes) {
  if (const int error = write_all(fd_, bytes.data(), bytes.size())) {
    // Half a record must not stay: what was written of it is cut off again.
    if (::ftruncate(fd_, static_cast<off_t>(size_)) != 0) return os_failure(errno, "cut", path_);
    return os_failure(error, "write", path_);
  }
  size_ += bytes.size();
  return {};
}

base::Status AppendFile::sync() {
  if (::fdatasync(fd_) != 0) return os_failure(errno, "write to the disk", path_);
  return {};
}

base::Status AppendFile::truncate(uint64_t size) {
  if (::ftruncate(fd_, static_cast<off_t>(size)) != 0) return os_failure(errno, "cut", path_);
  size_ = size;
  return {};
}

base::Result<LockFile> LockFile::acquire(const std::string& path) {
  Descriptor fd(open_descriptor(path, O_RDWR | O_CREAT, 0644));
  if (fd.get() < 0) return os_failure(errno, "open", path);
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return os_failure(errno, "lock", path);
    return fail(
        Code::Unavailable,
        "'" + path +
            "' is locked: another process uses this folder; stop it first, or use another folder",
        path, "LOCKED");
  }
  return LockFile(fd.release());
}

LockFile::LockFile(LockFile&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
LockFile& LockFile::operator=(LockFile&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}
LockFile::~LockFile() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace files
