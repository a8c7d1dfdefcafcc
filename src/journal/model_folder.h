// A model's folder on disk and its manifest: hashing every file, writing manifest.json, copying
// what the manifest lists.
#pragma once

#include <string>

#include "base/result.h"
#include "govern/manifest.h"

namespace journal {

// Hashes every file of the model. Refuses symbolic links (MANIFEST_SYMLINK) and names that a
// manifest does not allow.
base::Result<govern::FileDigests> hash_model_files(const std::string& directory);

// The manifest of the folder as it is now, also written to its manifest.json.
base::Result<govern::Manifest> seal_model(const std::string& directory);

// Reads manifest.json and compares every file with it: MANIFEST_DIGEST, MANIFEST_MISSING,
// MANIFEST_UNLISTED by file name.
base::Result<govern::Manifest> check_model(const std::string& directory);

// Copies the listed files and manifest.json into a new folder `to`, hashing them on the way: what
// arrives is what is listed.
base::Status copy_model(const std::string& from, const std::string& to,
                        const govern::Manifest& manifest);

}  // namespace journal
