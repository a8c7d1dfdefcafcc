// Release bundles come from strangers. The log's signature is made good first, so that what lies
// behind it is reached.
#include "base/check.h"
#include "crypto/merkle.h"
#include "govern/certificate.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto bundle = govern::parse_bundle_file({reinterpret_cast<const char*>(data), size});
  if (!bundle) return 0;
  static const govern::SignerKey key{"fuzz/log",
                                     crypto::PrivateKey::from_seed(base::Bytes(32, 7)).value()};
  std::vector<crypto::Digest> leaves;
  for (size_t i = 0; i < bundle->leaves.size(); ++i) {
    bundle->leaves[i].leaf.seq = i;
    leaves.push_back(
        crypto::merkle_leaf(base::as_bytes(govern::format_leaf(bundle->leaves[i].leaf))));
  }
  for (size_t i = 0; i < leaves.size() && leaves.size() < 100; ++i)
    bundle->leaves[i].proof = crypto::merkle_inclusion_proof(leaves, i);
  bundle->checkpoint =
      govern::signed_checkpoint({key.name, leaves.size(), crypto::merkle_root(leaves)}, key);
  const govern::CharterPin pin{key.name, key.verifier(), {}};
  CHECK(!govern::verify_release(
      *bundle, pin, base::Time{1'800'000'000'000'000'000}));  // the pinned charter does not exist
  return 0;
}
