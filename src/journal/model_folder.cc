#include "journal/model_folder.h"

#include <filesystem>

#include "files/files.h"
#include "govern/refusal.h"

namespace journal {
namespace {

namespace fs = std::filesystem;

base::Status refuse_links(const std::string& directory) {
  std::error_code error;
  for (fs::recursive_directory_iterator at(directory, error), end; !error && at != end;
       at.increment(error)) {
    const std::string name = fs::relative(at->path(), directory, error).generic_string();
    if (!error && at->is_symlink() && govern::is_model_file(name))
      return govern::refuse("MANIFEST_SYMLINK", "a model's folder holds no symbolic links",
                            at->path().string());
  }
  if (error)
    return base::fail(base::Code::Io, "the folder cannot be read: " + error.message(), directory);
  return {};
}

std::string manifest_text(const govern::Manifest& manifest) {
  return json::dump_pretty(govern::manifest_to_json(manifest)) + '\n';
}

}  // namespace

base::Result<std::vector<std::string>> list_model_files(const std::string& directory) {
  TRY_VOID(refuse_links(directory));
  TRY(auto names, files::list_files_recursive(directory));
  std::erase_if(names, [](const std::string& name) { return !govern::is_model_file(name); });
  return names;
}

base::Result<govern::FileDigests> hash_model_files(const std::string& directory) {
  if (!files::is_directory(directory))
    return base::fail(base::Code::NotFound, "there is no such model folder", directory);
  TRY(const auto names, list_model_files(directory));
  govern::FileDigests digests;
  for (const std::string& name : names) {
    TRY_VOID(govern::check_file_name(name));
    TRY(const auto file, files::MappedFile::open(files::join(directory, name)));
    digests[name] = crypto::sha256(file->bytes());
  }
  if (digests.empty())
    return govern::refuse("MANIFEST_EMPTY", "the folder holds no files of a model", directory);
  return digests;
}

base::Result<govern::Manifest> seal_model(const std::string& directory) {
  TRY(auto digests, hash_model_files(directory));
  govern::Manifest manifest{std::move(digests)};
  TRY_VOID(
      files::write_atomic(files::join(directory, govern::kManifestFile), manifest_text(manifest)));
  return manifest;
}

base::Result<govern::Manifest> check_model(const std::string& directory) {
  const std::string path = files::join(directory, govern::kManifestFile);
  TRY(const std::string text, files::read_file(path, 8u << 20));
  auto manifest = govern::parse_manifest(text);
  if (!manifest) return base::wrap(manifest.error(), "the manifest cannot be used", path);
  TRY(const auto found, hash_model_files(directory));
  TRY_VOID(govern::check_files(*manifest, found));
  return manifest;
}

base::Status copy_model(const std::string& from, const std::string& to,
                        const govern::Manifest& manifest) {
  TRY_VOID(files::make_directories(to));
  std::vector<std::string> written;
  for (const auto& [name, digest] : manifest.files) {
    TRY(const auto file, files::MappedFile::open(files::join(from, name)));
    if (crypto::sha256(file->bytes()) != digest)
      return govern::corrupt("MANIFEST_DIGEST", "the file is not the one that the manifest lists",
                             files::join(from, name));
    const std::string target = files::join(to, name);
    TRY_VOID(files::make_directories(files::parent(target)));
    TRY_VOID(files::write_unsynced(target, file->bytes()));
    written.push_back(target);
  }
  written.push_back(files::join(to, govern::kManifestFile));
  TRY_VOID(files::write_unsynced(written.back(), manifest_text(manifest)));
  return files::sync_files(written);
}

}  // namespace journal
