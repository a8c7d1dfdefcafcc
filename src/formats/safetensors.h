// safetensors: a JSON header and contiguous tensor data, and the index of a sharded folder. The
// tensors point into the bytes given, which must outlive them. Offsets must be in range, contiguous
// and fit shape and type; duplicates are refused.
#pragma once

#include <map>

#include "formats/tensor_view.h"

namespace formats {

inline constexpr uint64_t kSafetensorsHeaderBytesMax = 100'000'000;

class Safetensors {
 public:
  // `file` is the file's name, for errors. Code::Malformed when the bytes are not a well-formed
  // safetensors file.
  static base::Result<Safetensors> parse(base::ByteSpan bytes, const std::string& file);

  const std::vector<TensorView>& tensors() const { return tensors_; }  // in the order of their data
  const TensorView* find(std::string_view name) const;
  const std::map<std::string, std::string>& metadata() const { return metadata_; }

 private:
  std::vector<TensorView> tensors_;
  std::map<std::string, std::string> metadata_;
};

// model.safetensors.index.json: tensor name → file name. File names with a slash or ".." are
// refused.
base::Result<std::map<std::string, std::string>> parse_safetensors_index(std::string_view text,
                                                                         const std::string& file);

// The tensors in the order given; the header is padded so that the data begins at a multiple of 8.
base::Status write_safetensors(const std::vector<TensorView>& tensors,
                               const std::map<std::string, std::string>& metadata,
                               const ByteSink& sink);

}  // namespace formats
