// Signatures of models come with models. The parser sees any bytes, and what it lets through is
// signed with a key of the fuzzer's own, so that what lies behind the signature is reached.
#include "base/check.h"
#include "govern/oms.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto bundle = govern::parse_oms_bundle({reinterpret_cast<const char*>(data), size});
  if (!bundle) return 0;
  static const crypto::EcPrivateKey key = crypto::EcPrivateKey::generate();
  if (bundle->certificate)
    static_cast<void>(crypto::EcPublicKey::from_certificate(*bundle->certificate));
  bundle->certificate.reset();
  bundle->hint = govern::key_hint(key.public_key());
  bundle->envelope.signatures[0].bytes =
      base::as_text(key.sign(base::as_bytes(govern::pre_authentication_encoding(
          bundle->envelope.payload_type, bundle->envelope.payload))));
  const auto manifest = govern::verify_oms_bundle(*bundle, key.public_key());
  if (!manifest) return 0;
  CHECK(!manifest->resources.empty());
  govern::FileSizes sizes;
  for (const govern::OmsResource& r : manifest->resources) {
    CHECK(govern::check_file_name(r.path).has_value());
    sizes[r.path] = r.end;
  }
  size_t next = 0;
  const auto hash = [&](const std::string&, uint64_t, uint64_t) -> base::Result<crypto::Digest> {
    return manifest->resources[next++].digest;
  };
  static_cast<void>(govern::check_oms_files(*manifest, sizes, hash, "model.sig"));
  return 0;
}
