// Files: mapped reading, whole reading, atomic replacing, durable appending, locks, folders. Every
// error names the file; a full disk is Code::Unavailable with reason DISK_FULL, a missing file
// Code::NotFound, the rest Code::Io.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace files {

// A whole file mapped read-only. The mapping stays while the object lives, also when the path is
// replaced by write_atomic; a regular file only (a pipe or a folder is refused).
class MappedFile {
 public:
  static base::Result<std::shared_ptr<const MappedFile>> open(const std::string& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  base::ByteSpan bytes() const { return {data_, size_}; }
  const std::string& path() const { return path_; }

 private:
  MappedFile(std::string path, const uint8_t* data, size_t size)
      : path_(std::move(path)), data_(data), size_(size) {}
  std::string path_;
  const uint8_t* data_;
  size_t size_;
};

inline constexpr uint64_t kReadBytesMax = uint64_t{64} << 20;

// The file's bytes; Code::TooLarge when it is over bytes_max (its size is looked at first, nothing
// is read then).
base::Result<std::string> read_file(const std::string& path, uint64_t bytes_max = kReadBytesMax);

// Replaces the file: a temporary file in the same folder, fsync, rename, fsync of the folder. On
// failure the old file is untouched and the temporary one is gone. `mode` is that of the new file
// (0600 for keys).
base::Status write_atomic(const std::string& path, base::ByteSpan bytes, unsigned mode = 0644);
base::Status write_atomic(const std::string& path, std::string_view text, unsigned mode = 0644);

// For many files at once: written whole under their names, on the disk only when sync_files() has
// returned. After a crash before that, a file may be missing or empty.
base::Status write_unsynced(const std::string& path, base::ByteSpan bytes, unsigned mode = 0644);
base::Status write_unsynced(const std::string& path, std::string_view text, unsigned mode = 0644);
base::Status sync_files(std::span<const std::string> paths);  // and the folders that they are in

// The same for a file that is written piece by piece: append() as often as needed, then commit().
// Without commit() nothing has happened.
class AtomicFile {
 public:
  static base::Result<AtomicFile> create(const std::string& path, unsigned mode = 0644);
  AtomicFile(AtomicFile&& other) noexcept;
  AtomicFile& operator=(AtomicFile&& other) noexcept;
  ~AtomicFile();

  base::Status append(base::ByteSpan bytes);
  base::Status commit();

 private:
  AtomicFile(std::string path, std::string temporary, int fd, unsigned mode)
      : path_(std::move(path)), temporary_(std::move(temporary)), fd_(fd), mode_(mode) {}
  std::string path_, temporary_;
  int fd_ = -1;
  unsigned mode_ = 0;
};

// A file that grows: append() writes all of `bytes` at the end, or nothing of it stays; sync()
// returns when it is on the disk.
class AppendFile {
 public:
  static base::Result<AppendFile> open(const std::string& path, unsigned mode = 0644);
  AppendFile(AppendFile&& other) noexcept;
  AppendFile& operator=(AppendFile&& other) noexcept;
  ~AppendFile();

  base::Status append(base::ByteSpan bytes);
  base::Status append(std::string_view text) { return append(base::as_bytes(text)); }
  base::Status sync();
  base::Status truncate(uint64_t size);
  uint64_t size() const { return size_; }

 private:
  AppendFile(std::string path, int fd, uint64_t size)
      : path_(std::move(path)), fd_(fd), size_(size) {}
  std::string path_;
  int fd_ = -1;
  uint64_t size_ = 0;
};

// An exclusive lock on a path, held while the object lives and given back by the kernel when the
// process dies. A second holder gets Code::Unavailable with reason LOCKED, at once.
class LockFile {
 public:
  static base::Result<LockFile> acquire(const std::string& path);
  LockFile(LockFile&& other) noexcept;
  LockFile& operator=(LockFile&& other) noexcept;
  ~LockFile();

 private:
  explicit LockFile(int fd) : fd_(fd) {}
  int fd_ = -1;
};

bool exists(const std::string& path);
bool is_directory(const std::string& path);
base::Result<uint64_t> file_size(const std::string& path);
base::Status make_directories(const std::string& path,
                              unsigned mode = 0755);  // parents too; present is fine
base::Result<std::vector<std::string>> list_files(
    const std::string& directory);  // names of regular files, sorted
base::Result<std::vector<std::string>> list_directories(
    const std::string& directory);  // names of folders, sorted
base::Result<std::vector<std::string>> list_files_recursive(
    const std::string& directory);                       // "a/b.json", sorted
base::Status remove_file(const std::string& path);       // absent is fine
base::Status remove_directory(const std::string& path);  // with all that is in it; absent is fine
base::Status rename(const std::string& from,
                    const std::string& to);  // with fsync of the target's folder
base::Status sync_directory(const std::string& path);
std::string join(std::string_view directory, std::string_view name);
std::string parent(std::string_view path);     // "a/b" → "a"; "b" → "."; "/b" → "/"
std::string base_name(std::string_view path);  // "a/b" → "b"; "a/b/" → "b"

// A new empty folder under the system's temporary folder, removed with all its contents by the
// destructor.
class TemporaryDirectory {
 public:
  static base::Result<TemporaryDirectory> create(std::string_view prefix = "charter");
  TemporaryDirectory(TemporaryDirectory&& other) noexcept : path_(std::move(other.path_)) {
    other.path_.clear();
  }
  TemporaryDirectory& operator=(TemporaryDirectory&&) = delete;
  ~TemporaryDirectory();
  const std::string& path() const { return path_; }

 private:
  explicit TemporaryDirectory(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

}  // namespace files
