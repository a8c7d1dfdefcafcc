// Manifests arrive with models: whatever parses names files inside the folder only, and is written
// back the same.
#include "base/check.h"
#include "govern/manifest.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto manifest = govern::parse_manifest({reinterpret_cast<const char*>(data), size});
  if (!manifest) return 0;
  for (const auto& [name, digest] : manifest->files)
    CHECK(govern::check_file_name(name).has_value() && govern::is_model_file(name));
  const auto again = govern::manifest_from_json(govern::manifest_to_json(*manifest));
  CHECK(again && govern::manifest_digest(*again) == govern::manifest_digest(*manifest));
  return 0;
}
