#include "base/check.h"
#include "formats/gguf.h"
#include "formats/gguf_types.h"

namespace formats {
namespace {

constexpr uint64_t kAlignment = 32;

template <class T>
void put(base::Bytes* out, T value) {
  const auto* raw = reinterpret_cast<const uint8_t*>(&value);
  out->insert(out->end(), raw, raw + sizeof value);
}

void put_string(base::Bytes* out, std::string_view text) {
  put(out, uint64_t{text.size()});
  out->insert(out->end(), text.begin(), text.end());
}

// The numbers of the value types stand in the format's definition.
struct PutValue {
  base::Bytes* out;

  void operator()(uint32_t value) const { put(out, uint32_t{4}), put(out, value); }
  void operator()(int32_t value) const { put(out, uint32_t{5}), put(out, value); }
  void operator()(float value) const { put(out, uint32_t{6}), put(out, value); }
  void operator()(bool value) const {
    put(out, uint32_t{7}), put(out, static_cast<uint8_t>(value));
  }
  void operator()(const std::string& value) const { put(out, uint32_t{8}), put_string(out, value); }
  void operator()(const std::vector<std::string>& items) const {
    array(8, items.size());
    for (const std::string& item : items) put_string(out, item);
  }
  void operator()(const std::vector<float>& items) const {
    array(6, items.size());
    for (const float item : items) put(out, item);
  }
  void operator()(const std::vector<int32_t>& items) const {
    array(5, items.size());
    for (const int32_t item : items) put(out, item);
  }

 private:
  void array(uint32_t type, uint64_t count) const {
    put(out, uint32_t{9}), put(out, type), put(out, count);
  }
};

uint64_t padding(uint64_t size) { return (kAlignment - size % kAlignment) % kAlignment; }

}  // namespace

base::Status write_gguf(const std::vector<std::pair<std::string, GgufEntry>>& metadata,
                        const std::vector<TensorView>& tensors, const ByteSink& sink) {
  base::Bytes head;
  for (const char letter : {'G', 'G', 'U', 'F'}) head.push_back(static_cast<uint8_t>(letter));
  put(&head, uint32_t{3});
  put(&head, uint64_t{tensors.size()});
  put(&head, uint64_t{metadata.size()});
  for (const auto& [key, value] : metadata) {
    put_string(&head, key);
    std::visit(PutValue{&head}, value);
  }
  uint64_t offset = 0;
  for (const TensorView& tensor : tensors) {
    CHECK(tensor.data.size() ==
          static_cast<uint64_t>(tensor.elements() * dtype_bytes(tensor.dtype)));
    put_string(&head, tensor.name);
    put(&head, static_cast<uint32_t>(tensor.shape.size()));
    for (size_t i = tensor.shape.size(); i-- > 0;)
      put(&head, static_cast<uint64_t>(tensor.shape[i]));
    put(&head, gguf_type_id(tensor.dtype));
    put(&head, offset);
    offset += tensor.data.size() + padding(tensor.data.size());
  }
  head.resize(head.size() + padding(head.size()));
  TRY_VOID(sink(head));
  const base::Bytes zeros(kAlignment);
  for (const TensorView& tensor : tensors) {
    TRY_VOID(sink(tensor.data));
    TRY_VOID(sink(base::ByteSpan(zeros).first(padding(tensor.data.size()))));
  }
  return {};
}

}  // namespace formats
