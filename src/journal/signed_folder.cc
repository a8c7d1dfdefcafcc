// Folders with a signature of the OMS format beside their files.
#include <filesystem>
#include <memory>

#include "files/files.h"
#include "govern/refusal.h"
#include "journal/model_folder.h"

namespace journal {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kSignatureBytesMax = 16u << 20;

bool is_git(std::string_view name) {
  return name.starts_with(".git/") || name.starts_with(".github/") || name == ".gitignore" ||
         name == ".gitattributes" || name == ".git";
}

// Names of all files with their sizes; a symbolic link anywhere is refused.
base::Result<govern::FileSizes> list_folder(const std::string& directory) {
  if (!files::is_directory(directory))
    return base::fail(base::Code::NotFound, "there is no such folder", directory);
  govern::FileSizes sizes;
  std::error_code error;
  for (fs::recursive_directory_iterator at(directory, error), end; !error && at != end;
       at.increment(error)) {
    const std::string name = fs::relative(at->path(), directory, error).generic_string();
    if (error) break;
    if (at->is_symlink(error))
      return govern::refuse("MANIFEST_SYMLINK", "a signed folder holds no symbolic links",
                            at->path().string());
    if (at->is_regular_file(error)) sizes[name] = at->file_size(error);
  }
  if (error)
    return base::fail(base::Code::Io, "the folder cannot be read: " + error.message(), directory);
  return sizes;
}

// The signature's name within the folder; empty when it stands elsewhere.
std::string name_within(const std::string& directory, const std::string& signature) {
  std::error_code error;
  const fs::path name =
      fs::weakly_canonical(signature, error).lexically_relative(fs::weakly_canonical(directory));
  const std::string text = name.generic_string();
  return text.starts_with("..") ? "" : text;
}

}  // namespace

base::Status sign_folder(const std::string& directory, const std::string& signature,
                         const crypto::EcPrivateKey& key) {
  TRY(const govern::FileSizes sizes, list_folder(directory));
  const std::string own = name_within(directory, signature);
  govern::FileDigests digests;
  for (const auto& [name, size] : sizes) {
    if (name == own || is_git(name)) continue;
    TRY_VOID(govern::check_file_name(name));
    TRY(const auto file, files::MappedFile::open(files::join(directory, name)));
    digests[name] = crypto::sha256(file->bytes());
  }
  if (digests.empty())
    return govern::refuse("MANIFEST_EMPTY", "the folder holds no files to sign", directory);
  std::vector<std::string> ignored;
  if (!own.empty()) ignored.push_back(own);
  const std::string model = files::base_name(directory);
  return files::write_atomic(signature, govern::sign_oms_bundle(model, digests, ignored, key));
}

base::Result<govern::OmsManifest> verify_folder(const std::string& directory,
                                                const std::string& signature,
                                                const crypto::EcPublicKey& key) {
  TRY(const std::string text, files::read_file(signature, kSignatureBytesMax));
  const auto bundle = govern::parse_oms_bundle(text);
  if (!bundle) return base::wrap(bundle.error(), "the signature does not read", signature);
  TRY(govern::OmsManifest manifest, govern::verify_oms_bundle(*bundle, key));
  TRY(const govern::FileSizes sizes, list_folder(directory));
  std::shared_ptr<const files::MappedFile> file;  // the last one that was asked for
  const auto hash = [&](const std::string& path, uint64_t start,
                        uint64_t end) -> base::Result<crypto::Digest> {
    const std::string name = files::join(directory, path);
    if (!file || file->path() != name) {
      TRY(file, files::MappedFile::open(name));
    }
    if (start > end || end > file->bytes().size())
      return govern::corrupt("MANIFEST_SHARDS", "the file is shorter than its signed shards", path);
    return crypto::sha256(file->bytes().subspan(start, end - start));
  };
  TRY_VOID(govern::check_oms_files(manifest, sizes, hash, name_within(directory, signature)));
  return manifest;
}

}  // namespace journal
