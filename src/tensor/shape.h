// Types of numbers as files store them, and shapes. Row-major: the last dimension is contiguous.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/result.h"

namespace tensor {

enum class DType : uint8_t { F64, F32, F16, BF16, I64, I32, I16, I8, U8, Bool };

int64_t dtype_bytes(DType type);
std::string_view dtype_name(DType type);  // as safetensors spells it: "F32", "BF16", ...
base::Result<DType> parse_dtype(std::string_view name);

inline constexpr int kDimensionsMax = 8;

class Shape {
 public:
  Shape() = default;  // a single number
  Shape(std::initializer_list<int64_t> dims);
  // Code::InvalidArgument when a dimension is negative, there are too many, or the count of
  // elements overflows.
  static base::Result<Shape> create(std::span<const int64_t> dims);

  int rank() const { return rank_; }
  int64_t operator[](int axis) const {
    DCHECK(axis >= 0 && axis < rank_);
    return dims_[axis];
  }
  std::span<const int64_t> dims() const { return {dims_, static_cast<size_t>(rank_)}; }
  int64_t elements() const { return elements_; }
  std::string text() const;  // "[2, 3]"
  friend bool operator==(const Shape& a, const Shape& b);

 private:
  int64_t dims_[kDimensionsMax] = {};
  int rank_ = 0;
  int64_t elements_ = 1;
};

float half_to_float(uint16_t bits);   // IEEE binary16, every value exactly
uint16_t float_to_half(float value);  // nearest, ties to even; overflow becomes infinity

}  // namespace tensor
