// The element types of GGUF tensors: number, name, and how many bytes a block of elements takes.
// Private to this folder.
#pragma once

#include <cstdint>
#include <string_view>

#include "formats/tensor_view.h"

namespace formats {

struct GgufType {
  uint32_t id;
  std::string_view name;
  int64_t block_elements;
  int64_t block_bytes;
  DType dtype;
};

const GgufType* find_gguf_type(uint32_t id);  // null: unknown
uint32_t gguf_type_id(DType type);            // CHECKs against Other

}  // namespace formats
