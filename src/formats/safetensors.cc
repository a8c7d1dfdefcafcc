#include "formats/safetensors.h"

#include <algorithm>
#include <tuple>

#include "base/check.h"
#include "formats/cursor.h"
#include "json/json.h"

namespace formats {
namespace {

struct ElementType {
  std::string_view name;
  int64_t bits;
  DType dtype;
};

constexpr ElementType kTypes[] = {
    {"F32", 32, DType::F32},      {"F16", 16, DType::F16},      {"BF16", 16, DType::BF16},
    {"F64", 64, DType::Other},    {"I64", 64, DType::Other},    {"I32", 32, DType::Other},
    {"I16", 16, DType::Other},    {"I8", 8, DType::Other},      {"U64", 64, DType::Other},
    {"U32", 32, DType::Other},    {"U16", 16, DType::Other},    {"U8", 8, DType::Other},
    {"BOOL", 8, DType::Other},    {"F8_E4M3", 8, DType::Other}, {"F8_E5M2", 8, DType::Other},
    {"F8_E8M0", 8, DType::Other},
};

const ElementType* find_type(std::string_view name) {
  for (const ElementType& type : kTypes) {
    if (type.name == name) return &type;
  }
  return nullptr;
}

struct Entry {
  TensorView view;
  int64_t begin = 0, end = 0;
};

base::Result<std::vector<int64_t>> sizes(const json::Value* value, const Cursor& cursor,
                                         const std::string& what) {
  if (!value || !value->is_array() || value->as_array().size() > 64) {
    return cursor.malformed(what + " is not a list of numbers");
  }
  std::vector<int64_t> out;
  for (const json::Value& item : value->as_array()) {
    if (!item.is_int() || item.as_int() < 0)
      return cursor.malformed(what + " has an item that is not a size");
    out.push_back(item.as_int());
  }
  return out;
}

base::Result<Entry> read_entry(const std::string& name, const json::Value& value,
                               const Cursor& cursor) {
  const std::string what = "tensor '" + name + "'";
  const json::Value* type_name = value.find("dtype");
  if (!type_name || !type_name->is_string()) return cursor.malformed(what + " has no dtype");
  const ElementType* type = find_type(type_name->as_string());
  if (!type)
    return cursor.malformed(what + " has the unknown dtype '" + type_name->as_string() + "'");
  Entry entry;
  entry.view.name = name;
  entry.view.dtype = type->dtype;
  entry.view.type_name = std::string(type->name);
  TRY(entry.view.shape, sizes(value.find("shape"), cursor, what + ": shape"));
  TRY(const std::vector<int64_t> offsets,
      sizes(value.find("data_offsets"), cursor, what + ": data_offsets"));
  if (offsets.size() != 2 || offsets[0] > offsets[1])
    return cursor.malformed(what + " has no [begin, end] as data_offsets");
  entry.begin = offsets[0];
  entry.end = offsets[1];
  int64_t elements = 0, bits = 0;
  if (!element_count(entry.view.shape, &elements) ||
      __builtin_mul_overflow(elements, type->bits, &bits) || bits / 8 != entry.end - entry.begin) {
    return cursor.malformed(what + ": " + entry.view.type_name + shape_text(entry.view.shape) +
                            " does not fill " + std::to_string(entry.end - entry.begin) + " bytes");
  }
  return entry;
}

base::Status read_metadata(const json::Value& value, const Cursor& cursor,
                           std::map<std::string, std::string>* out) {
  if (!value.is_object()) return cursor.malformed("__metadata__ is not an object");
  for (const auto& [key, item] : value.as_object()) {
    if (!item.is_string()) return cursor.malformed("__metadata__." + key + " is not a string");
    (*out)[key] = item.as_string();
  }
  return {};
}

// The data must be covered from its first byte to its last, without a hole and without an overlap.
base::Status place(std::vector<Entry>& entries, base::ByteSpan data, uint64_t data_offset,
                   const Cursor& cursor) {
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return std::tie(a.begin, a.end, a.view.name) < std::tie(b.begin, b.end, b.view.name);
  });
  int64_t expected = 0;
  for (Entry& entry : entries) {
    if (entry.begin != expected) {
      return cursor.malformed("tensor '" + entry.view.name + "' begins at " +
                              std::to_string(entry.begin) + " of the data, " +
                              std::to_string(expected) +
                              " was expected: tensors overlap or leave a hole");
    }
    if (static_cast<uint64_t>(entry.end) > data.size()) {
      return cursor.malformed("tensor '" + entry.view.name + "' ends at byte " +
                              std::to_string(entry.end) + " of the data, the file has " +
                              std::to_string(data.size()) + "; it is cut off or damaged");
    }
    expected = entry.end;
    entry.view.file_offset = data_offset + static_cast<uint64_t>(entry.begin);
    entry.view.data = data.subspan(static_cast<size_t>(entry.begin),
                                   static_cast<size_t>(entry.end - entry.begin));
  }
  if (static_cast<uint64_t>(expected) != data.size()) {
    return cursor.malformed("the tensors end at byte " + std::to_string(expected) +
                            " of the data, the file has " + std::to_string(data.size()));
  }
  return {};
}

}  // namespace

base::Result<Safetensors> Safetensors::parse(base::ByteSpan bytes, const std::string& file) {
  Cursor cursor(bytes, file);
  TRY(const uint64_t header_bytes, cursor.number<uint64_t>("the header's length"));
  if (header_bytes > kSafetensorsHeaderBytesMax) {
    return cursor.malformed("the header claims " + std::to_string(header_bytes) +
                            " bytes, at most " + std::to_string(kSafetensorsHeaderBytesMax) +
                            " are allowed; this may not be a safetensors file");
  }
  TRY(const base::ByteSpan header, cursor.take(header_bytes, "the header"));
  auto parsed =
      json::parse(base::as_text(header), {.bytes_max = kSafetensorsHeaderBytesMax, .depth_max = 8});
  if (!parsed)
    return base::wrap(std::move(parsed).error(),
                      file + ": the safetensors header is not valid JSON", file);
  if (!parsed->is_object()) return cursor.malformed("the header is not a JSON object");
  Safetensors out;
  std::vector<Entry> entries;
  for (const auto& [name, value] : parsed->as_object()) {
    if (name == "__metadata__") {
      TRY_VOID(read_metadata(value, cursor, &out.metadata_));
      continue;
    }
    TRY(Entry entry, read_entry(name, value, cursor));
    entries.push_back(std::move(entry));
  }
  TRY_VOID(place(entries, bytes.subspan(cursor.position()), cursor.position(), cursor));
  for (Entry& entry : entries) out.tensors_.push_back(std::move(entry.view));
  return out;
}

const TensorView* Safetensors::find(std::string_view name) const {
  const auto found = std::find_if(tensors_.begin(), tensors_.end(),
                                  [&](const TensorView& view) { return view.name == name; });
  return found == tensors_.end() ? nullptr : &*found;
}

base::Result<std::map<std::string, std::string>> parse_safetensors_index(std::string_view text,
                                                                         const std::string& file) {
  const auto bad = [&](const std::string& sentence) {
    return base::fail(base::Code::Malformed, file + ": " + sentence, file, "MODEL_FILE_MALFORMED");
  };
  auto parsed = json::parse(text, {.bytes_max = kSafetensorsHeaderBytesMax, .depth_max = 16});
  if (!parsed)
    return base::wrap(std::move(parsed).error(), file + ": the index is not valid JSON", file);
  const json::Value* map = parsed->find("weight_map");
  if (!map || !map->is_object()) return bad("the index has no weight_map");
  std::map<std::string, std::string> out;
  for (const auto& [name, shard] : map->as_object()) {
    if (!shard.is_string() || shard.as_string().empty()) return bad("'" + name + "' names no file");
    const std::string& target = shard.as_string();
    if (target.find('/') != std::string::npos || target[0] == '.') {
      return bad("'" + name + "' lies in '" + target + "', which is not a file of this folder");
    }
    out.emplace(name, target);
  }
  return out;
}

base::Status write_safetensors(const std::vector<TensorView>& tensors,
                               const std::map<std::string, std::string>& metadata,
                               const ByteSink& sink) {
  json::Object header;
  if (!metadata.empty()) {
    json::Object items;
    for (const auto& [key, value] : metadata) items.emplace_back(key, value);
    header.emplace_back("__metadata__", std::move(items));
  }
  int64_t offset = 0;
  for (const TensorView& tensor : tensors) {
    const int64_t bytes = tensor.elements() * dtype_bytes(tensor.dtype);
    CHECK(tensor.data.size() == static_cast<size_t>(bytes));
    json::Array shape;
    for (const int64_t extent : tensor.shape) shape.emplace_back(extent);
    header.emplace_back(tensor.name,
                        json::Object{{"dtype", std::string(dtype_name(tensor.dtype))},
                                     {"shape", std::move(shape)},
                                     {"data_offsets", json::Array{offset, offset + bytes}}});
    offset += bytes;
  }
  std::string text = json::dump(header);
  text.resize((text.size() + 7) / 8 * 8, ' ');
  const uint64_t size = text.size();
  TRY_VOID(sink({reinterpret_cast<const uint8_t*>(&size), sizeof size}));
  TRY_VOID(sink(base::as_bytes(text)));
  for (const TensorView& tensor : tensors) TRY_VOID(sink(tensor.data));
  return {};
}

}  // namespace formats
