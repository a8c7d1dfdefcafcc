// A model's folder on disk and its manifest: hashing every file, writing manifest.json, copying
// what the manifest lists.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "govern/manifest.h"
#include "govern/oms.h"

namespace journal {

// The names of the model's files, those in folders within too. MANIFEST_SYMLINK for a symbolic
// link.
base::Result<std::vector<std::string>> list_model_files(const std::string& directory);

// Hashes every file of the model. Refuses symbolic links (MANIFEST_SYMLINK) and names that a
// manifest does not allow.
base::Result<govern::FileDigests> hash_model_files(const std::string& directory);

// The manifest of the folder as it is now, also written to its manifest.json.
base::Result<govern::Manifest> seal_model(const std::string& directory);

// Reads manifest.json and compares every file with it: MANIFEST_DIGEST, MANIFEST_MISSING,
// MANIFEST_UNLISTED by file name.
base::Result<govern::Manifest> check_model(const std::string& directory);

// Signs every file of the folder but the signature itself and what git keeps (OMS 1.0), and writes
// the bundle to `signature`, a file in the folder or elsewhere.
base::Status sign_folder(const std::string& directory, const std::string& signature,
                         const crypto::EcPrivateKey& key);
// The folder against such a signature, ours or another tool's: see govern::verify_oms_bundle and
// check_oms_files.
base::Result<govern::OmsManifest> verify_folder(const std::string& directory,
                                                const std::string& signature,
                                                const crypto::EcPublicKey& key);

// Copies the listed files and manifest.json into a new folder `to`, hashing them on the way: what
// arrives is what is listed.
base::Status copy_model(const std::string& from, const std::string& to,
                        const govern::Manifest& manifest);

}  // namespace journal
