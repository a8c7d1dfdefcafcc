#include "govern/manifest.h"

#include <array>

#include "base/bytes.h"
#include "base/utf8.h"
#include "govern/refusal.h"
#include "govern/statement.h"

namespace govern {
namespace {

constexpr std::array<std::string_view, 6> kBeside = {"manifest.json", "release",     "evidence",
                                                     "checkpoint",    "train.jsonl", "loss.svg"};
constexpr size_t kFilesMax = 10'000;

json::Value serialization() {
  json::Array ignored;
  for (const std::string_view path : kBeside) ignored.emplace_back(path);
  return json::Object{{"method", "files"},
                      {"hash_type", "sha256"},
                      {"allow_symlinks", false},
                      {"ignore_paths", std::move(ignored)}};
}

}  // namespace

bool is_model_file(std::string_view name) {
  for (const std::string_view beside : kBeside) {
    if (name == beside || (name.starts_with(beside) && name.substr(beside.size()).starts_with('/')))
      return false;
  }
  return true;
}

base::Status check_file_name(std::string_view name) {
  const auto bad = [&](const char* why) { return refuse("MANIFEST_NAME", why, std::string(name)); };
  if (name.empty() || name.size() > 1024 || !base::is_utf8(name))
    return bad("a file's name has 1 to 1024 bytes of UTF-8");
  for (const char c : name) {
    if (static_cast<uint8_t>(c) < 0x20 || c == 0x7f || c == '\\' || c == ':')
      return bad("a file's name has no control characters, backslashes or colons");
  }
  for (std::string_view rest = name;;) {
    const size_t slash = rest.find('/');
    const std::string_view part = rest.substr(0, slash);
    if (part.empty() || part == "." || part == "..")
      return bad("a file's name stays inside the model's folder");
    if (slash == rest.npos) return {};
    rest.remove_prefix(slash + 1);
  }
}

json::Value manifest_to_json(const Manifest& manifest) {
  json::Array resources;
  for (const auto& [name, digest] : manifest.files) {
    resources.emplace_back(
        json::Object{{"name", name}, {"algorithm", "sha256"}, {"digest", crypto::hex(digest)}});
  }
  return json::Object{{"resources", std::move(resources)}, {"serialization", serialization()}};
}

base::Result<Manifest> manifest_from_json(const json::Value& value) {
  TRY_VOID(json::only_fields(value, {"resources", "serialization"}));
  TRY(const json::Value* method, json::get_object(value, "serialization"));
  if (json::canonical(*method) != json::canonical(serialization()))
    return refuse("MANIFEST_METHOD",
                  "the manifest hashes other than whole files with SHA-256, or leaves out other "
                  "paths than ours");
  TRY(const json::Array* resources, json::get_array(value, "resources"));
  if (resources->empty()) return refuse("MANIFEST_EMPTY", "the manifest lists no files");
  if (resources->size() > kFilesMax)
    return refuse("MANIFEST_TOO_LARGE", "a model has at most 10,000 files");
  Manifest manifest;
  for (const json::Value& resource : *resources) {
    TRY_VOID(json::only_fields(resource, {"name", "algorithm", "digest"}));
    TRY(const std::string name, json::get_string(resource, "name"));
    TRY(const std::string algorithm, json::get_string(resource, "algorithm"));
    TRY(const crypto::Digest digest, get_digest(resource, "digest"));
    TRY_VOID(check_file_name(name));
    if (algorithm != "sha256")
      return refuse("MANIFEST_METHOD", "the only accepted algorithm is sha256", name);
    if (!is_model_file(name))
      return refuse("MANIFEST_NAME", "this name is kept for what stands beside the model", name);
    if (!manifest.files.empty() && manifest.files.rbegin()->first >= name)
      return refuse("MANIFEST_ORDER", "the files are not sorted by name, each once", name);
    manifest.files.emplace_hint(manifest.files.end(), name, digest);
  }
  return manifest;
}

base::Result<Manifest> parse_manifest(std::string_view text) {
  TRY(const json::Value value, json::parse(text, {.bytes_max = 8u << 20, .depth_max = 8}));
  if (!value.is_object())
    return malformed("a manifest is a JSON object", std::string(kManifestFile));
  return manifest_from_json(value);
}

crypto::Digest manifest_digest(const Manifest& manifest) {
  return crypto::sha256(json::canonical(manifest_to_json(manifest)));
}

crypto::Digest oms_root(const Manifest& manifest) {
  crypto::Sha256 hash;
  for (const auto& [name, digest] : manifest.files) hash.update(digest);
  return hash.finish();
}

base::Status check_files(const Manifest& listed, const FileDigests& found) {
  for (const auto& [name, digest] : listed.files) {
    const auto file = found.find(name);
    if (file == found.end())
      return corrupt("MANIFEST_MISSING", "a file of the released model is not there", name);
    if (file->second != digest)
      return corrupt("MANIFEST_DIGEST",
                     "the file is not the one that was released: its SHA-256 is " +
                         crypto::hex(file->second) + ", the release says " + crypto::hex(digest),
                     name);
  }
  for (const auto& [name, digest] : found) {
    if (!listed.files.contains(name))
      return corrupt("MANIFEST_UNLISTED",
                     "the file is not part of the release; take it out of the model's folder",
                     name);
  }
  return {};
}

}  // namespace govern
