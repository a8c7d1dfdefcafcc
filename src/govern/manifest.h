// The manifest of a model folder: the predicate of an OMS signature (model_signing v1.0), every
// file with its SHA-256. A model is named by the digest of this text, because the OMS root alone
// covers contents but not names.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "crypto/sha256.h"
#include "json/json.h"

namespace govern {

inline constexpr std::string_view kManifestFile = "manifest.json";

using FileDigests = std::map<std::string, crypto::Digest>;  // "model.safetensors" → SHA-256

struct Manifest {
  FileDigests files;
};

// manifest.json itself, release/, evidence/ and what training leaves (checkpoint/, train.jsonl,
// loss.svg) stand beside the model; all else is the model.
bool is_model_file(std::string_view name);
// A relative path that means the same thing everywhere: no empty, "." or ".." part, no backslash,
// colon or control character.
base::Status check_file_name(std::string_view name);  // MANIFEST_NAME

json::Value manifest_to_json(const Manifest& manifest);
base::Result<Manifest> manifest_from_json(const json::Value& value);  // MANIFEST_* refusals
base::Result<Manifest> parse_manifest(std::string_view text);

crypto::Digest manifest_digest(const Manifest& manifest);  // SHA-256 of the canonical JSON
crypto::Digest oms_root(
    const Manifest& manifest);  // SHA-256 of the files' digests in order of name

// The files found, against those listed. MANIFEST_DIGEST, MANIFEST_MISSING or MANIFEST_UNLISTED,
// with the file's name.
base::Status check_files(const Manifest& listed, const FileDigests& found);

}  // namespace govern
