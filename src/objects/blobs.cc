#include "objects/blobs.h"

#include <limits>

#include "base/check.h"

namespace objects {
namespace {

bool is_id(std::string_view id) {
  if (id.size() < 2 || id.size() > 200) return false;
  for (const char c : id) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (!letter && !(c >= '0' && c <= '9') && c != '-' && c != '_') return false;
  }
  return true;
}

}  // namespace

base::Status BlobWriter::append(std::string_view bytes) {
  TRY_VOID(file_.append(base::as_bytes(bytes)));
  bytes_ += static_cast<int64_t>(bytes.size());
  return {};
}

base::Result<std::unique_ptr<Blobs>> Blobs::open(const std::string& directory) {
  TRY_VOID(files::make_directories(directory, 0700));
  TRY(const auto names, files::list_files_recursive(directory));
  // A name with a dot is a temporary one of files::AtomicFile: nobody writes it any more.
  for (const std::string& name : names) {
    if (name.find('.') != std::string::npos)
      TRY_VOID(files::remove_file(files::join(directory, name)));
  }
  return std::unique_ptr<Blobs>(new Blobs(directory));
}

// The last two letters of an id are random; its first ones say its kind.
std::string Blobs::path(std::string_view id) const {
  CHECK(is_id(id));
  return files::join(files::join(directory_, id.substr(id.size() - 2)), id);
}

base::Result<BlobWriter> Blobs::create(std::string_view id) {
  const std::string target = path(id);
  const std::string folder = files::parent(target);
  if (!files::is_directory(folder)) {
    TRY_VOID(files::make_directories(folder, 0700));
    TRY_VOID(files::sync_directory(directory_));
  }
  TRY(files::AtomicFile file, files::AtomicFile::create(target, 0600));
  return BlobWriter(std::move(file));
}

base::Status Blobs::put(std::string_view id, std::string_view bytes) {
  TRY(BlobWriter writer, create(id));
  TRY_VOID(writer.append(bytes));
  return writer.commit();
}

base::Status Blobs::concatenate(std::string_view id, const std::vector<std::string>& parts) {
  TRY(BlobWriter writer, create(id));
  for (const std::string& part : parts) {
    TRY(const auto mapped, map(part));
    TRY_VOID(writer.append(base::as_text(mapped->bytes())));
  }
  return writer.commit();
}

base::Result<std::shared_ptr<const files::MappedFile>> Blobs::map(std::string_view id) const {
  return files::MappedFile::open(path(id));
}

base::Result<std::string> Blobs::read(std::string_view id) const {
  return files::read_file(path(id), std::numeric_limits<uint64_t>::max());
}

base::Result<int64_t> Blobs::size(std::string_view id) const {
  TRY(const uint64_t bytes, files::file_size(path(id)));
  return static_cast<int64_t>(bytes);
}

void Blobs::remove(std::string_view id) {
  // What cannot be removed is cleared away by remove_unknown at the next start.
  [[maybe_unused]] const auto removed = files::remove_file(path(id));
}

base::Result<int64_t> Blobs::remove_unknown(const std::function<bool(std::string_view)>& known) {
  TRY(const auto names, files::list_files_recursive(directory_));
  int64_t count = 0;
  for (const std::string& name : names) {
    if (known(files::base_name(name))) continue;
    TRY_VOID(files::remove_file(files::join(directory_, name)));
    ++count;
  }
  return count;
}

}  // namespace objects
