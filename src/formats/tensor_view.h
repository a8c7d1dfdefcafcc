// A tensor as a file holds it: name, element type, shape (row-major, outermost first) and its
// bytes, not copied. Every reader of this folder returns these, every writer takes them.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace formats {

// The element types Charter computes with. Anything else is `Other`: listed with its name, refused
// when it is needed.
enum class DType : uint8_t { F32, F16, BF16, Other };

std::string_view dtype_name(DType type);  // "F32", "F16", "BF16", "other"
int64_t dtype_bytes(DType type);          // 4, 2, 2; CHECKs against Other

struct TensorView {
  std::string name;
  DType dtype = DType::Other;
  std::string type_name;       // as the file names it: "BF16", "Q4_K"
  std::vector<int64_t> shape;  // [] is a scalar
  base::ByteSpan data;
  uint64_t file_offset = 0;  // of data, in its file; 0 for a tensor in memory

  int64_t elements() const;
};

TensorView f32_view(std::string name, std::vector<int64_t> shape, const float* data);

// count elements of `type` to floats; `from` needs no alignment.
void to_floats(DType type, const uint8_t* from, int64_t count, float* to);
// Floats to count elements of `type`, rounded to nearest even.
void from_floats(DType type, const float* from, int64_t count, uint8_t* to);

std::string shape_text(const std::vector<int64_t>& shape);  // "[64, 172]"
// The product of non-negative extents, or nothing when it is over int64.
bool element_count(const std::vector<int64_t>& shape, int64_t* count);

// Where a writer puts its bytes, in order.
using ByteSink = std::function<base::Status(base::ByteSpan)>;

}  // namespace formats
