#include "govern/oms.h"

#include <algorithm>
#include <array>
#include <set>
#include <tuple>

#include "govern/checkpoint.h"
#include "govern/refusal.h"
#include "govern/statement.h"

namespace govern {
namespace {

using base::Result;
using base::Status;

constexpr size_t kBundleBytesMax = 16u << 20;
constexpr size_t kResourcesMax = 200'000;
constexpr std::array<std::string_view, 4> kAlwaysIgnored = {".git", ".gitattributes", ".github",
                                                            ".gitignore"};

bool is_under(std::string_view path, std::string_view folder) {
  return path == folder ||
         (path.starts_with(folder) && path.substr(folder.size()).starts_with('/'));
}

Result<base::Bytes> decode(const std::string& text, std::string_view field) {
  auto bytes = base::from_base64(text);
  if (!bytes) return malformed("not base64", std::string(field));
  return bytes;
}

Result<base::Bytes> raw_bytes(const json::Value& certificate) {
  TRY(const std::string text, json::get_string(certificate, "rawBytes"));
  return decode(text, "rawBytes");
}

// One of publicKey, x509CertificateChain and certificate; the last stands in a transparency log.
Status read_material(const json::Value& material, OmsBundle* bundle) {
  const bool plain = material.find("publicKey") != nullptr,
             chain = material.find("x509CertificateChain") != nullptr,
             logged = material.find("certificate") != nullptr;
  if (plain + chain + logged != 1)
    return malformed("a bundle names one key: publicKey, x509CertificateChain or certificate");
  if (plain) {
    TRY(const json::Value* key, json::get_object(material, "publicKey"));
    TRY(bundle->hint, json::get_string(*key, "hint"));
    return {};
  }
  if (logged) {
    TRY(const json::Array* entries, json::get_array(material, "tlogEntries"));
    if (entries->empty())
      return malformed("a bundle with a short-lived certificate holds its log entry",
                       "tlogEntries");
    TRY(bundle->certificate, raw_bytes(material["certificate"]));
    return {};
  }
  TRY(const json::Value* object, json::get_object(material, "x509CertificateChain"));
  TRY(const json::Array* certificates, json::get_array(*object, "certificates"));
  if (certificates->empty()) return malformed("the certificate chain is empty", "certificates");
  TRY(bundle->certificate, raw_bytes(certificates->front()));
  return {};
}

// "path:start:end": the last two colons count, a path may hold others.
Result<OmsResource> parse_shard(const std::string& name) {
  const size_t second = name.rfind(':');
  const size_t first = second == name.npos || second == 0 ? name.npos : name.rfind(':', second - 1);
  if (first == name.npos) return refuse("MANIFEST_SHARDS", "a shard is named path:start:end", name);
  OmsResource out{name.substr(0, first), 0, 0, {}};
  const auto start = parse_decimal(std::string_view(name).substr(first + 1, second - first - 1));
  const auto end = parse_decimal(std::string_view(name).substr(second + 1));
  if (!start || !end || *start >= *end)
    return refuse("MANIFEST_SHARDS", "a shard is named path:start:end", name);
  out.start = *start;
  out.end = *end;
  return out;
}

Result<OmsResource> parse_resource(const json::Value& value, bool shards) {
  TRY(const std::string name, json::get_string(value, "name"));
  TRY(const std::string algorithm, json::get_string(value, "algorithm"));
  if (algorithm != "sha256")
    return refuse("MANIFEST_METHOD", "the only accepted algorithm is sha256", name);
  OmsResource out{name, 0, 0, {}};
  if (shards) {
    TRY(out, parse_shard(name));
  }
  TRY(out.digest, get_digest(value, "digest"));
  TRY_VOID(check_file_name(out.path));
  return out;
}

std::vector<std::string_view> parts_of(std::string_view path) {
  std::vector<std::string_view> parts;
  for (size_t slash; (slash = path.find('/')) != path.npos; path.remove_prefix(slash + 1))
    parts.push_back(path.substr(0, slash));
  parts.push_back(path);
  return parts;
}

// Sorted by code points of the name, as the specification says, or folder by folder, as the makers'
// tool does; each resource once.
bool is_sorted(const std::vector<OmsResource>& resources) {
  const auto by_name = [](const OmsResource& a, const OmsResource& b) {
    return std::tie(a.path, a.start) < std::tie(b.path, b.start);
  };
  const auto by_folder = [](const OmsResource& a, const OmsResource& b) {
    return std::pair(parts_of(a.path), a.start) < std::pair(parts_of(b.path), b.start);
  };
  const auto rises = [&](const auto& less) {
    return std::ranges::adjacent_find(resources, [&](const auto& a, const auto& b) {
             return !less(a, b);
           }) == resources.end();
  };
  return rises(by_name) || rises(by_folder);
}

// Every file's shards follow each other from 0, all of the given size but the last.
Status check_shards(const OmsManifest& manifest) {
  for (size_t i = 0; i < manifest.resources.size(); ++i) {
    const OmsResource& shard = manifest.resources[i];
    const bool first = i == 0 || manifest.resources[i - 1].path != shard.path;
    const bool last =
        i + 1 == manifest.resources.size() || manifest.resources[i + 1].path != shard.path;
    const uint64_t begin = first ? 0 : manifest.resources[i - 1].end;
    const uint64_t size = shard.end - shard.start;
    if (shard.start != begin || size > *manifest.shard_bytes ||
        (!last && size != *manifest.shard_bytes))
      return refuse("MANIFEST_SHARDS", "the shards of a file do not follow each other", shard.path);
  }
  return {};
}

Status read_serialization(const json::Value& value, OmsManifest* out) {
  TRY(const std::string method, json::get_string(value, "method"));
  TRY(const std::string hash, json::get_string(value, "hash_type"));
  if (hash != "sha256" || (method != "files" && method != "shards"))
    return refuse("MANIFEST_METHOD", "models are hashed by files or shards, with SHA-256", method);
  if (method == "shards") {
    TRY(const int64_t size, json::get_int(value, "shard_size"));
    if (size <= 0) return refuse("MANIFEST_METHOD", "shard_size is a number above 0");
    out->shard_bytes = static_cast<uint64_t>(size);
  }
  if (value.find("allow_symlinks") != nullptr) {
    TRY(const bool links, json::get_bool(value, "allow_symlinks"));
    if (links)
      return refuse("MANIFEST_SYMLINK", "the signature allows symbolic links; we follow none");
  }
  if (value.find("ignore_paths") == nullptr) return {};
  TRY(const json::Array* ignored, json::get_array(value, "ignore_paths"));
  for (const json::Value& path : *ignored) {
    if (!path.is_string()) return malformed("ignore_paths is a list of paths", "ignore_paths");
    out->ignored.push_back(path.as_string());
  }
  return {};
}

// Canonical JSON has no spelling for integers beyond 2^53.
bool has_canonical_form(const json::Value& value) {
  constexpr int64_t kMax = int64_t{1} << 53;
  if (value.is_int()) return value.as_int() >= -kMax && value.as_int() <= kMax;
  if (value.is_array()) return std::ranges::all_of(value.as_array(), has_canonical_form);
  return !value.is_object() || std::ranges::all_of(value.as_object(), [](const json::Member& m) {
    return has_canonical_form(m.second);
  });
}

Result<OmsManifest> read_predicate(const Statement& statement) {
  OmsManifest out;
  if (!has_canonical_form(statement.predicate))
    return malformed("the signature holds an integer beyond 2^53", "predicate");
  out.model = statement.subject_name;
  TRY(const json::Value* serialization, json::get_object(statement.predicate, "serialization"));
  TRY_VOID(read_serialization(*serialization, &out));
  TRY(const json::Array* resources, json::get_array(statement.predicate, "resources"));
  if (resources->empty()) return refuse("MANIFEST_EMPTY", "the signature lists no files");
  if (resources->size() > kResourcesMax)
    return refuse("MANIFEST_TOO_LARGE", "a model has at most 200,000 files or shards");
  crypto::Sha256 root;
  for (const json::Value& resource : *resources) {
    TRY(OmsResource read, parse_resource(resource, out.shard_bytes.has_value()));
    root.update(read.digest);
    for (const std::string& path : out.ignored) {
      if (is_under(read.path, path))
        return refuse("MANIFEST_IGNORED", "a signed file is also named in ignore_paths", read.path);
    }
    out.resources.push_back(std::move(read));
  }
  if (!is_sorted(out.resources))
    return refuse("MANIFEST_ORDER", "the files are not sorted by name, each once");
  if (out.shard_bytes) TRY_VOID(check_shards(out));
  out.root = root.finish();
  if (out.root != statement.subject_digest)
    return refuse("MANIFEST_ROOT", "the subject's digest is not that of the listed files",
                  out.model);
  out.manifest_digest = crypto::sha256(json::canonical(statement.predicate));
  return out;
}

}  // namespace

Result<OmsBundle> parse_oms_bundle(std::string_view text) {
  TRY(const json::Value value, json::parse(text, {.bytes_max = kBundleBytesMax, .depth_max = 16}));
  if (!value.is_object()) return malformed("a signature bundle is a JSON object");
  TRY(const std::string type, json::get_string(value, "mediaType"));
  if (type != kOmsBundleType) return malformed("this is not a sigstore bundle v0.3", type);
  TRY(const json::Value* material, json::get_object(value, "verificationMaterial"));
  TRY(const json::Value* envelope, json::get_object(value, "dsseEnvelope"));
  OmsBundle bundle;
  TRY_VOID(read_material(*material, &bundle));
  TRY(bundle.envelope, envelope_from_json(*envelope));
  if (bundle.envelope.signatures.size() != 1)
    return malformed("a signature bundle holds one signature", "signatures");
  return bundle;
}

std::string key_hint(const crypto::EcPublicKey& key) {
  return crypto::hex(crypto::sha256(key.pem()));
}

Result<OmsManifest> verify_oms_bundle(const OmsBundle& bundle, const crypto::EcPublicKey& key) {
  if (bundle.certificate) {
    TRY(const auto named, crypto::EcPublicKey::from_certificate(*bundle.certificate));
    if (named.pem() != key.pem())
      return corrupt("BAD_KEY", "the bundle's certificate is of another key than the given one");
  } else if (bundle.hint != key_hint(key)) {
    return corrupt("BAD_KEY", "the bundle's hint is of another key than the given one",
                   bundle.hint);
  }
  const std::string message =
      pre_authentication_encoding(bundle.envelope.payload_type, bundle.envelope.payload);
  if (bundle.envelope.signatures.size() != 1 ||
      !key.verify(base::as_bytes(message), base::as_bytes(bundle.envelope.signatures[0].bytes)))
    return corrupt("BAD_SIG", "the signature does not verify under the given key");
  if (bundle.envelope.payload_type != kInTotoPayloadType)
    return refuse("MANIFEST_TYPE", "the payload is not an in-toto statement",
                  bundle.envelope.payload_type);
  TRY(const Statement statement, parse_statement(bundle.envelope.payload));
  if (statement.predicate_type != kOmsPredicateType)
    return refuse("MANIFEST_TYPE",
                  "only signatures of OMS v1.0 are accepted: those of v0.1 do not say which files "
                  "are missing",
                  statement.predicate_type);
  return read_predicate(statement);
}

Status check_oms_files(const OmsManifest& manifest, const FileSizes& files, const HashRange& hash,
                       std::string_view signature) {
  std::set<std::string_view> listed;
  for (size_t i = 0; i < manifest.resources.size(); ++i) {
    const OmsResource& r = manifest.resources[i];
    listed.insert(r.path);
    const auto file = files.find(r.path);
    if (file == files.end())
      return corrupt("MANIFEST_MISSING", "a signed file of the model is not there", r.path);
    const bool last =
        i + 1 == manifest.resources.size() || manifest.resources[i + 1].path != r.path;
    if (manifest.shard_bytes && last && r.end != file->second)
      return corrupt("MANIFEST_SHARDS",
                     "the file has " + std::to_string(file->second) + " bytes, the signed shards " +
                         std::to_string(r.end),
                     r.path);
    TRY(const crypto::Digest found,
        hash(r.path, r.start, manifest.shard_bytes ? r.end : file->second));
    if (found != r.digest)
      return corrupt("MANIFEST_DIGEST", "the file is not the one that was signed", r.path);
  }
  for (const auto& [path, size] : files) {
    const bool beside = path == signature || std::ranges::any_of(kAlwaysIgnored, [&](auto name) {
                          return is_under(path, name);
                        });
    // A shard manifest cannot name a file without bytes.
    if (!beside && !listed.contains(path))
      return corrupt("MANIFEST_UNLISTED", "the file is not among those that were signed", path);
  }
  return {};
}

std::string sign_oms_bundle(const std::string& model, const FileDigests& files,
                            const std::vector<std::string>& ignored,
                            const crypto::EcPrivateKey& key) {
  json::Array resources, ignore;
  for (const auto& [name, digest] : files)
    resources.emplace_back(
        json::Object{{"name", name}, {"algorithm", "sha256"}, {"digest", crypto::hex(digest)}});
  for (const std::string_view path : kAlwaysIgnored) ignore.emplace_back(path);
  for (const std::string& path : ignored) ignore.emplace_back(path);
  const json::Value predicate =
      json::Object{{"resources", std::move(resources)},
                   {"serialization", json::Object{{"method", "files"},
                                                  {"hash_type", "sha256"},
                                                  {"allow_symlinks", false},
                                                  {"ignore_paths", std::move(ignore)}}}};
  Envelope envelope{
      std::string(kInTotoPayloadType),
      format_statement({model, oms_root({files}), std::string(kOmsPredicateType), predicate}),
      {}};
  const base::Bytes signature = key.sign(
      base::as_bytes(pre_authentication_encoding(envelope.payload_type, envelope.payload)));
  envelope.signatures.push_back({"", std::string(base::as_text(signature))});
  return json::dump_pretty(json::Object{
             {"mediaType", kOmsBundleType},
             {"verificationMaterial",
              json::Object{{"publicKey", json::Object{{"hint", key_hint(key.public_key())}}},
                           {"tlogEntries", json::Array{}}}},
             {"dsseEnvelope", envelope_to_json(envelope)}}) +
         '\n';
}

}  // namespace govern
