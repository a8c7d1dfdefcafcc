// Any bytes as CBOR: what is taken has used no more than there was.
#include <cstdint>
#include <cstdlib>

#include "identity/cbor.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  size_t used = 0;
  const auto prefix = identity::parse_cbor_prefix({data, size}, &used);
  const auto whole = identity::parse_cbor({data, size});
  if (prefix && used > size) std::abort();
  if (whole && (!prefix || used != size || !(*whole == *prefix))) std::abort();
  return 0;
}
