#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "files/files.h"
#include "files/os_error.h"

namespace files {
namespace {

namespace fs = std::filesystem;

enum class Kind { File, Folder };

base::Result<std::vector<std::string>> list(const std::string& directory, Kind kind) {
  std::error_code error;
  std::vector<std::string> names;
  fs::directory_iterator at(directory, error);
  for (; !error && at != fs::directory_iterator(); at.increment(error)) {
    std::error_code ignored;
    const bool wanted =
        kind == Kind::File ? at->is_regular_file(ignored) : at->is_directory(ignored);
    if (wanted) names.push_back(at->path().filename().string());
  }
  if (error) return os_failure(error.value(), "list", directory);
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

bool exists(const std::string& path) {
  struct stat info{};
  return ::stat(path.c_str(), &info) == 0;
}

bool is_directory(const std::string& path) {
  struct stat info{};
  return ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

base::Result<uint64_t> file_size(const std::string& path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) return os_failure(errno, "look at", path);
  return static_cast<uint64_t>(info.st_size);
}

base::Status make_directories(const std::string& path, unsigned mode) {
  if (path.empty() || is_directory(path)) return {};
  const std::string above = parent(path);
  if (above != path) TRY_VOID(make_directories(above, mode));
  if (::mkdir(path.c_str(), mode) != 0 && !(errno == EEXIST && is_directory(path))) {
    return os_failure(errno, "make the folder", path);
  }
  return sync_directory(above);
}

base::Result<std::vector<std::string>> list_files(const std::string& directory) {
  return list(directory, Kind::File);
}

base::Result<std::vector<std::string>> list_directories(const std::string& directory) {
  return list(directory, Kind::Folder);
}

base::Result<std::vector<std::string>> list_files_recursive(const std::string& directory) {
  TRY(std::vector<std::string> names, list_files(directory));
  TRY(const std::vector<std::string> folders, list_directories(directory));
  for (const std::string& folder : folders) {
    std::error_code error;
    if (fs::is_symlink(join(directory, folder), error)) continue;  // a link may lead back up
    TRY(const std::vector<std::string> inner, list_files_recursive(join(directory, folder)));
    for (const std::string& name : inner) names.push_back(folder + "/" + name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

base::Status remove_file(const std::string& path) {
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return os_failure(errno, "remove", path);
  return {};
}

base::Status remove_directory(const std::string& path) {
  std::error_code error;
  fs::remove_all(path, error);
  if (error) return os_failure(error.value(), "remove", path);
  return {};
}

base::Status rename(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0)
    return os_failure(errno, "rename to '" + to + "'", from);
  return sync_directory(parent(to));
}

base::Status sync_directory(const std::string& path) {
  Descriptor fd(open_descriptor(path, O_RDONLY | O_DIRECTORY, 0));
  if (fd.get() < 0) return os_failure(errno, "open the folder", path);
  // Some file systems cannot sync a folder and say EINVAL; there the rename is as durable as it
  // gets.
  if (::fsync(fd.get()) != 0 && errno != EINVAL)
    return os_failure(errno, "write to the disk", path);
  return {};
}

std::string join(std::string_view directory, std::string_view name) {
  if (directory.empty()) return std::string(name);
  std::string out(directory);
  if (out.back() != '/') out += '/';
  return out.append(name);
}

std::string parent(std::string_view path) {
  while (path.size() > 1 && path.back() == '/') path.remove_suffix(1);
  const size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return ".";
  return std::string(slash == 0 ? path.substr(0, 1) : path.substr(0, slash));
}

std::string base_name(std::string_view path) {
  while (path.size() > 1 && path.back() == '/') path.remove_suffix(1);
  const size_t slash = path.rfind('/');
  return std::string(slash == std::string_view::npos ? path : path.substr(slash + 1));
}

base::Result<TemporaryDirectory> TemporaryDirectory::create(std::string_view prefix) {
  std::error_code error;
  const fs::path root = fs::temp_directory_path(error);
  if (error) return os_failure(error.value(), "find", "the temporary folder (TMPDIR)");
  std::string path = join(root.string(), std::string(prefix) + ".XXXXXX");
  if (::mkdtemp(path.data()) == nullptr) return os_failure(errno, "make the folder", path);
  return TemporaryDirectory(std::move(path));
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  if (!path_.empty()) fs::remove_all(path_, ignored);
}

}  // namespace files
