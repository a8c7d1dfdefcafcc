// Writing many files with one wait for the disk.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <set>

#include "files/files.h"
#include "files/os_error.h"

namespace files {

base::Status write_unsynced(const std::string& path, base::ByteSpan bytes, unsigned mode) {
  const std::string temporary = path + ".new";
  {
    Descriptor fd(open_descriptor(temporary, O_WRONLY | O_CREAT | O_TRUNC, mode));
    if (fd.get() < 0) return os_failure(errno, "create a file beside", path);
    if (const int error = write_all(fd.get(), bytes.data(), bytes.size())) {
      ::unlink(temporary.c_str());
      return os_failure(error, "write", path);
    }
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) return os_failure(errno, "replace", path);
  return {};
}

base::Status write_unsynced(const std::string& path, std::string_view text, unsigned mode) {
  return write_unsynced(path, base::as_bytes(text), mode);
}

base::Status sync_files(std::span<const std::string> paths) {
  std::set<std::string> folders;
  for (const std::string& path : paths) {
    Descriptor fd(open_descriptor(path, O_RDONLY, 0));
    if (fd.get() < 0) return os_failure(errno, "open", path);
    if (::fsync(fd.get()) != 0) return os_failure(errno, "write to the disk", path);
    folders.insert(parent(path));
  }
  for (const std::string& folder : folders) TRY_VOID(sync_directory(folder));
  return {};
}

}  // namespace files
