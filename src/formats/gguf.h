// GGUF versions 2 and 3: metadata, tensor table, tensor data. The reader copies nothing but the
// table: strings, arrays and tensors point into the bytes it was given, which must outlive it.
// Every count, length and offset is checked against the file.
#pragma once

#include <optional>
#include <unordered_map>
#include <variant>

#include "formats/tensor_view.h"

namespace formats {

// A metadata array. Strings are views into the file; numbers are widened.
struct GgufArray {
  std::variant<std::vector<std::string_view>, std::vector<int64_t>, std::vector<double>> items;
};

// Integers and booleans are int64_t (an unsigned 64-bit number above 2^63-1 is refused), floats are
// double.
using GgufValue = std::variant<int64_t, double, bool, std::string_view, GgufArray>;

class Gguf {
 public:
  // `file` is the file's name, for errors. Code::Malformed when the bytes are not a well-formed
  // GGUF.
  static base::Result<Gguf> parse(base::ByteSpan bytes, const std::string& file);

  uint32_t version() const { return version_; }
  const std::vector<std::pair<std::string, GgufValue>>& metadata() const { return metadata_; }
  const std::vector<TensorView>& tensors() const { return tensors_; }
  const GgufValue* find(std::string_view key) const;
  const TensorView* find_tensor(std::string_view name) const;

  // Typed look-ups: nothing when the key is absent or of another kind.
  std::optional<int64_t> integer(std::string_view key) const;
  std::optional<double> real(std::string_view key) const;  // integers too
  std::optional<bool> boolean(std::string_view key) const;
  std::optional<std::string_view> text(std::string_view key) const;
  const std::vector<std::string_view>* texts(std::string_view key) const;
  const std::vector<int64_t>* integers(std::string_view key) const;
  const std::vector<double>* reals(std::string_view key) const;

 private:
  uint32_t version_ = 0;
  std::vector<std::pair<std::string, GgufValue>> metadata_;
  std::vector<TensorView> tensors_;
  std::unordered_map<std::string, size_t> metadata_index_;
  std::unordered_map<std::string, size_t> tensor_index_;
};

// Metadata to be written; uint32 and float32 are what readers expect of sizes and rates.
using GgufEntry = std::variant<uint32_t, int32_t, float, bool, std::string,
                               std::vector<std::string>, std::vector<float>, std::vector<int32_t>>;

// Version 3, alignment 32. The tensors must be F32, F16 or BF16.
base::Status write_gguf(const std::vector<std::pair<std::string, GgufEntry>>& metadata,
                        const std::vector<TensorView>& tensors, const ByteSink& sink);

}  // namespace formats
