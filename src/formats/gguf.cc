#include "formats/gguf.h"

#include <algorithm>
#include <limits>

#include "formats/cursor.h"
#include "formats/gguf_types.h"

namespace formats {
namespace {

constexpr uint64_t kNameBytesMax = 65535;
constexpr uint64_t kArrayItemsMax =
    uint64_t{1} << 24;  // vocabularies have up to a million; a number takes 8 bytes in memory
constexpr uint64_t kAlignmentMax = uint64_t{1} << 20;

enum ValueType : uint32_t {
  kU8,
  kI8,
  kU16,
  kI16,
  kU32,
  kI32,
  kF32,
  kBool,
  kString,
  kArray,
  kU64,
  kI64,
  kF64
};

uint64_t least_bytes(uint32_t type) {
  switch (type) {
    case kU8:
    case kI8:
    case kBool:
      return 1;
    case kU16:
    case kI16:
      return 2;
    case kU32:
    case kI32:
    case kF32:
      return 4;
    default:
      return 8;  // 64-bit numbers; a string's length
  }
}

base::Result<std::string_view> read_string(Cursor& cursor, uint64_t bytes_max,
                                           std::string_view what) {
  TRY(const uint64_t size, cursor.number<uint64_t>(what));
  if (size > bytes_max) {
    return cursor.malformed("the length of " + std::string(what) + " is " + std::to_string(size));
  }
  TRY(const base::ByteSpan raw, cursor.take(size, what));
  return base::as_text(raw);
}

template <class T>
base::Result<int64_t> read_integer(Cursor& cursor, std::string_view what) {
  TRY(const T value, cursor.number<T>(what));
  if constexpr (std::is_same_v<T, uint64_t>) {
    if (value > uint64_t{std::numeric_limits<int64_t>::max()}) {
      return cursor.malformed(std::string(what) + " is beyond 2^63");
    }
  }
  return static_cast<int64_t>(value);
}

base::Result<int64_t> read_integer_of(Cursor& cursor, uint32_t type, std::string_view what) {
  switch (type) {
    case kU8:
      return read_integer<uint8_t>(cursor, what);
    case kI8:
      return read_integer<int8_t>(cursor, what);
    case kU16:
      return read_integer<uint16_t>(cursor, what);
    case kI16:
      return read_integer<int16_t>(cursor, what);
    case kU32:
      return read_integer<uint32_t>(cursor, what);
    case kI32:
      return read_integer<int32_t>(cursor, what);
    case kU64:
      return read_integer<uint64_t>(cursor, what);
    case kI64:
      return read_integer<int64_t>(cursor, what);
    case kBool: {
      TRY(const int64_t value, read_integer<uint8_t>(cursor, what));
      if (value > 1)
        return cursor.malformed(std::string(what) + " is a boolean of value " +
                                std::to_string(value));
      return value;
    }
    default:
      return cursor.malformed(std::string(what) + " has the unknown value type " +
                              std::to_string(type));
  }
}

base::Result<double> read_real_of(Cursor& cursor, uint32_t type, std::string_view what) {
  if (type == kF32) {
    TRY(const float value, cursor.number<float>(what));
    return double{value};
  }
  return cursor.number<double>(what);
}

base::Result<GgufArray> read_array(Cursor& cursor, std::string_view what) {
  TRY(const uint32_t type, cursor.number<uint32_t>(what));
  TRY(const uint64_t count, cursor.number<uint64_t>(what));
  if (type == kArray || type > kF64) {
    return cursor.malformed(std::string(what) + " is an array of value type " +
                            std::to_string(type) + ", which is not supported");
  }
  // Before anything is reserved: so many items must still be in the file.
  if (count > kArrayItemsMax || count > cursor.left() / least_bytes(type)) {
    return cursor.malformed(std::string(what) + " claims " + std::to_string(count) +
                            " items, more than " +
                            (count > kArrayItemsMax ? "any model needs" : "the file has room for"));
  }
  GgufArray array;
  if (type == kString) {
    auto& items = array.items.emplace<std::vector<std::string_view>>(count);
    for (auto& item : items) {
      TRY(item, read_string(cursor, cursor.left(), what));
    }
  } else if (type == kF32 || type == kF64) {
    auto& items = array.items.emplace<std::vector<double>>(count);
    for (auto& item : items) {
      TRY(item, read_real_of(cursor, type, what));
    }
  } else {
    auto& items = array.items.emplace<std::vector<int64_t>>(count);
    for (auto& item : items) {
      TRY(item, read_integer_of(cursor, type, what));
    }
  }
  return array;
}

base::Result<GgufValue> read_value(Cursor& cursor, std::string_view what) {
  TRY(const uint32_t type, cursor.number<uint32_t>(what));
  if (type == kString) {
    TRY(const std::string_view text, read_string(cursor, cursor.left(), what));
    return GgufValue(text);
  }
  if (type == kArray) {
    TRY(GgufArray array, read_array(cursor, what));
    return GgufValue(std::move(array));
  }
  if (type == kF32 || type == kF64) {
    TRY(const double value, read_real_of(cursor, type, what));
    return GgufValue(value);
  }
  TRY(const int64_t value, read_integer_of(cursor, type, what));
  if (type == kBool) return GgufValue(value != 0);
  return GgufValue(value);
}

// A row of the tensor table; `begin` counts from the start of the data section.
struct TableRow {
  TensorView view;
  uint64_t begin = 0, size = 0;
};

base::Result<TableRow> read_tensor_row(Cursor& cursor) {
  TableRow row;
  TRY(const std::string_view name, read_string(cursor, kNameBytesMax, "a tensor's name"));
  row.view.name = std::string(name);
  const std::string what = "tensor '" + row.view.name + "'";
  TRY(const uint32_t dimensions, cursor.number<uint32_t>(what));
  if (dimensions > 4)
    return cursor.malformed(what + " has " + std::to_string(dimensions) +
                            " dimensions, at most 4 are possible");
  row.view.shape.resize(dimensions);
  for (uint32_t i = 0; i < dimensions; ++i) {  // the file has the innermost extent first
    TRY(row.view.shape[dimensions - 1 - i], read_integer<uint64_t>(cursor, what));
  }
  TRY(const uint32_t type_id, cursor.number<uint32_t>(what));
  TRY(row.begin, cursor.number<uint64_t>(what));
  const GgufType* type = find_gguf_type(type_id);
  if (!type)
    return cursor.malformed(what + " has the unknown element type " + std::to_string(type_id));
  row.view.type_name = std::string(type->name);
  row.view.dtype = type->dtype;
  int64_t elements = 0, bytes = 0;
  const int64_t innermost = dimensions == 0 ? 1 : row.view.shape.back();
  if (!element_count(row.view.shape, &elements) || innermost % type->block_elements != 0 ||
      __builtin_mul_overflow(elements / type->block_elements, type->block_bytes, &bytes)) {
    return cursor.malformed(what + " has the impossible shape " + shape_text(row.view.shape) +
                            " for " + row.view.type_name);
  }
  row.size = static_cast<uint64_t>(bytes);
  return row;
}

base::Status check_no_overlap(const Cursor& cursor, const std::vector<TableRow>& rows) {
  std::vector<const TableRow*> order;
  for (const TableRow& row : rows) {
    if (row.size > 0) order.push_back(&row);
  }
  std::sort(order.begin(), order.end(),
            [](const auto* a, const auto* b) { return a->begin < b->begin; });
  for (size_t i = 1; i < order.size(); ++i) {
    if (order[i]->begin - order[i - 1]->begin < order[i - 1]->size) {
      return cursor.malformed("the tensors '" + order[i - 1]->view.name + "' and '" +
                              order[i]->view.name + "' overlap");
    }
  }
  return {};
}

// Points every row at its bytes, which begin at the next multiple of the alignment.
base::Status place_tensors(const Cursor& cursor, base::ByteSpan bytes, uint64_t alignment,
                           std::vector<TableRow>& rows) {
  const uint64_t start = (cursor.position() + alignment - 1) / alignment * alignment;
  const uint64_t room = start > bytes.size() ? 0 : bytes.size() - start;
  for (TableRow& row : rows) {
    if (row.begin % alignment != 0) {
      return cursor.malformed("tensor '" + row.view.name + "' begins at " +
                              std::to_string(row.begin) + ", not at a multiple of " +
                              std::to_string(alignment));
    }
    if (row.begin > room || row.size > room - row.begin) {
      return cursor.malformed("tensor '" + row.view.name + "' needs bytes " +
                              std::to_string(row.begin) + " to " + std::to_string(row.begin) + "+" +
                              std::to_string(row.size) + " of the tensor data, the file has " +
                              std::to_string(room) + "; it is cut off or damaged");
    }
    if (row.size == 0) continue;
    row.view.file_offset = start + row.begin;
    row.view.data = bytes.subspan(start + row.begin, row.size);
  }
  return check_no_overlap(cursor, rows);
}

template <class T>
const T* as(const GgufValue* value) {
  return value ? std::get_if<T>(value) : nullptr;
}

template <class T>
const std::vector<T>* items_of(const GgufValue* value) {
  const auto* array = as<GgufArray>(value);
  return array ? std::get_if<std::vector<T>>(&array->items) : nullptr;
}

}  // namespace

base::Result<Gguf> Gguf::parse(base::ByteSpan bytes, const std::string& file) {
  Cursor cursor(bytes, file);
  TRY(const base::ByteSpan magic, cursor.take(4, "the magic number"));
  if (base::as_text(magic) != "GGUF") return cursor.malformed("this is not a GGUF file");
  Gguf out;
  TRY(out.version_, cursor.number<uint32_t>("the version"));
  if (out.version_ != 2 && out.version_ != 3) {
    const bool swapped = (out.version_ & 0xffffu) == 0 && out.version_ != 0;
    return cursor.malformed(swapped ? "this GGUF is big-endian; convert it to little-endian"
                                    : "GGUF version " + std::to_string(out.version_) +
                                          " is not supported, only 2 and 3");
  }
  TRY(const uint64_t tensor_count, cursor.number<uint64_t>("the tensor count"));
  TRY(const uint64_t metadata_count, cursor.number<uint64_t>("the metadata count"));
  if (metadata_count > cursor.left() / 13 || tensor_count > cursor.left() / 24) {
    return cursor.malformed("the header claims " + std::to_string(tensor_count) + " tensors and " +
                            std::to_string(metadata_count) +
                            " metadata entries, more than the file has room for");
  }
  for (uint64_t i = 0; i < metadata_count; ++i) {
    TRY(const std::string_view key, read_string(cursor, kNameBytesMax, "a metadata key"));
    TRY(GgufValue value, read_value(cursor, "metadata '" + std::string(key) + "'"));
    if (!out.metadata_index_.emplace(std::string(key), out.metadata_.size()).second) {
      return cursor.malformed("the metadata key '" + std::string(key) + "' comes twice");
    }
    out.metadata_.emplace_back(std::string(key), std::move(value));
  }
  const int64_t alignment = out.integer("general.alignment").value_or(32);
  if (alignment < 8 || alignment % 8 != 0 || static_cast<uint64_t>(alignment) > kAlignmentMax) {
    return cursor.malformed("general.alignment is " + std::to_string(alignment) +
                            ", it must be a multiple of 8");
  }
  std::vector<TableRow> rows;
  for (uint64_t i = 0; i < tensor_count; ++i) {
    TRY(TableRow row, read_tensor_row(cursor));
    if (!out.tensor_index_.emplace(row.view.name, rows.size()).second) {
      return cursor.malformed("the tensor '" + row.view.name + "' comes twice");
    }
    rows.push_back(std::move(row));
  }
  TRY_VOID(place_tensors(cursor, bytes, static_cast<uint64_t>(alignment), rows));
  out.tensors_.reserve(rows.size());
  for (TableRow& row : rows) out.tensors_.push_back(std::move(row.view));
  return out;
}

const GgufValue* Gguf::find(std::string_view key) const {
  const auto found = metadata_index_.find(std::string(key));
  return found == metadata_index_.end() ? nullptr : &metadata_[found->second].second;
}

const TensorView* Gguf::find_tensor(std::string_view name) const {
  const auto found = tensor_index_.find(std::string(name));
  return found == tensor_index_.end() ? nullptr : &tensors_[found->second];
}

std::optional<int64_t> Gguf::integer(std::string_view key) const {
  const auto* value = as<int64_t>(find(key));
  return value ? std::optional(*value) : std::nullopt;
}

std::optional<double> Gguf::real(std::string_view key) const {
  if (const auto* value = as<double>(find(key))) return *value;
  const auto whole = integer(key);
  return whole ? std::optional(static_cast<double>(*whole)) : std::nullopt;
}

std::optional<bool> Gguf::boolean(std::string_view key) const {
  const auto* value = as<bool>(find(key));
  return value ? std::optional(*value) : std::nullopt;
}

std::optional<std::string_view> Gguf::text(std::string_view key) const {
  const auto* value = as<std::string_view>(find(key));
  return value ? std::optional(*value) : std::nullopt;
}

const std::vector<std::string_view>* Gguf::texts(std::string_view key) const {
  return items_of<std::string_view>(find(key));
}
const std::vector<int64_t>* Gguf::integers(std::string_view key) const {
  return items_of<int64_t>(find(key));
}
const std::vector<double>* Gguf::reals(std::string_view key) const {
  return items_of<double>(find(key));
}

}  // namespace formats
