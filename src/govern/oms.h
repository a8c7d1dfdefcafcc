// Model signatures of others (OMS 1.0, sigstore bundle v0.3 with a DSSE envelope): a signed list of
// a model's files or shards of files. Stricter than its makers' tool: SHA-256 alone, no symbolic
// links, nothing ignored but what every tool ignores, and never the v0.1 form.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/ec_key.h"
#include "govern/dsse.h"
#include "govern/manifest.h"

namespace govern {

inline constexpr std::string_view kOmsPredicateType = "https://model_signing/signature/v1.0";
inline constexpr std::string_view kOmsBundleType = "application/vnd.dev.sigstore.bundle.v0.3+json";

struct OmsBundle {
  std::string hint;                        // of a plain key; empty when there is a certificate
  std::optional<base::Bytes> certificate;  // DER of the signer's own
  Envelope envelope;
};
base::Result<OmsBundle> parse_oms_bundle(std::string_view text);  // MALFORMED
std::string key_hint(const crypto::EcPublicKey& key);             // SHA-256 of its PEM, hex

struct OmsResource {
  std::string path;
  uint64_t start = 0, end = 0;  // of a shard; 0, 0: the whole file
  crypto::Digest digest{};
};
struct OmsManifest {
  std::string model;
  std::optional<uint64_t> shard_bytes;  // empty: whole files
  std::vector<OmsResource> resources;   // by path, then by start
  std::vector<std::string> ignored;     // paths that the signer left out
  crypto::Digest root{};                // SHA-256 of the digests in their order
  crypto::Digest manifest_digest{};     // SHA-256 of the canonical predicate: names too
};

// What the key signed. BAD_KEY: the hint or certificate is of another key; BAD_SIG; MANIFEST_TYPE:
// not OMS v1.0; MANIFEST_EMPTY, MANIFEST_NAME, MANIFEST_ORDER, MANIFEST_METHOD, MANIFEST_SYMLINK,
// MANIFEST_IGNORED (a listed file is also ignored), MANIFEST_SHARDS, MANIFEST_ROOT.
base::Result<OmsManifest> verify_oms_bundle(const OmsBundle& bundle,
                                            const crypto::EcPublicKey& key);

// The folder's files, against the signed ones. `files` are all paths with their sizes in bytes;
// `hash` gives the SHA-256 of bytes [start, end) of one. `signature` is the bundle's own path.
// MANIFEST_MISSING, MANIFEST_DIGEST, MANIFEST_UNLISTED (a file is there that was not signed, also
// when the signer says to ignore it: only .git, .gitignore, .gitattributes, .github and the
// signature are), MANIFEST_SHARDS.
using FileSizes = std::map<std::string, uint64_t>;
using HashRange = std::function<base::Result<crypto::Digest>(const std::string& path,
                                                             uint64_t start, uint64_t end)>;
base::Status check_oms_files(const OmsManifest& manifest, const FileSizes& files,
                             const HashRange& hash, std::string_view signature);

// A bundle over whole files that the makers' tool accepts; `ignored` names what stands beside them.
std::string sign_oms_bundle(const std::string& model, const FileDigests& files,
                            const std::vector<std::string>& ignored,
                            const crypto::EcPrivateKey& key);

}  // namespace govern
