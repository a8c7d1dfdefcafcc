// Whatever the bytes are: an error or a well-formed Gguf whose tensors all lie inside them.
#include "base/check.h"
#include "formats/gguf.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const base::ByteSpan bytes(data, size);
  const auto parsed = formats::Gguf::parse(bytes, "input");
  if (!parsed) {
    CHECK(!parsed.error().message.empty());
    return 0;
  }
  for (const formats::TensorView& tensor : parsed->tensors()) {
    if (tensor.data.empty()) continue;
    CHECK(tensor.data.data() == data + tensor.file_offset);
    CHECK(tensor.file_offset + tensor.data.size() <= size);
    if (tensor.dtype == formats::DType::Other) continue;
    CHECK(tensor.elements() * formats::dtype_bytes(tensor.dtype) ==
          static_cast<int64_t>(tensor.data.size()));
  }
  return 0;
}
