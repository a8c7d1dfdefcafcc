#include "tensor/shape.h"

#include <algorithm>
#include <bit>

namespace tensor {
namespace {

struct Entry {
  DType type;
  std::string_view name;
  int64_t bytes;
};
constexpr Entry kEntries[] = {
    {DType::F64, "F64", 8},   {DType::F32, "F32", 4}, {DType::F16, "F16", 2},
    {DType::BF16, "BF16", 2}, {DType::I64, "I64", 8}, {DType::I32, "I32", 4},
    {DType::I16, "I16", 2},   {DType::I8, "I8", 1},   {DType::U8, "U8", 1},
    {DType::Bool, "BOOL", 1},
};

const Entry& entry(DType type) {
  const auto at = static_cast<size_t>(type);
  CHECK(at < std::size(kEntries));
  return kEntries[at];
}

}  // namespace

int64_t dtype_bytes(DType type) { return entry(type).bytes; }
std::string_view dtype_name(DType type) { return entry(type).name; }

base::Result<DType> parse_dtype(std::string_view name) {
  for (const Entry& e : kEntries) {
    if (e.name == name) return e.type;
  }
  return base::fail(base::Code::Malformed,
                    "unknown type of numbers \"" + std::string(name) + "\"; known are F64 to BOOL");
}

Shape::Shape(std::initializer_list<int64_t> dims) {
  auto made = create({dims.begin(), dims.size()});
  CHECK(made.has_value());
  *this = *made;
}

base::Result<Shape> Shape::create(std::span<const int64_t> dims) {
  Shape shape;
  if (dims.size() > kDimensionsMax) {
    return base::fail(base::Code::InvalidArgument,
                      "a tensor has at most 8 dimensions, not " + std::to_string(dims.size()));
  }
  for (const int64_t dim : dims) {
    if (dim < 0 || __builtin_mul_overflow(shape.elements_, dim, &shape.elements_)) {
      return base::fail(base::Code::InvalidArgument,
                        "a dimension of " + std::to_string(dim) +
                            " makes the tensor's size negative or too large to count");
    }
    shape.dims_[shape.rank_++] = dim;
  }
  return shape;
}

std::string Shape::text() const {
  std::string out = "[";
  for (int axis = 0; axis < rank_; ++axis) {
    if (axis > 0) out += ", ";
    out += std::to_string(dims_[axis]);
  }
  return out + "]";
}

bool operator==(const Shape& a, const Shape& b) { return std::ranges::equal(a.dims(), b.dims()); }

float half_to_float(uint16_t bits) {
  const uint32_t sign = uint32_t{bits & 0x8000u} << 16;
  const uint32_t exponent = (bits >> 10) & 31u;
  const uint32_t mantissa = bits & 0x3ffu;
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7f800000u | (mantissa << 13));
  if (exponent != 0)
    return std::bit_cast<float>(sign | ((exponent + 112) << 23) | (mantissa << 13));
  const float magnitude = static_cast<float>(mantissa) * 0x1p-24f;  // subnormal, exact
  return sign != 0 ? -magnitude : magnitude;
}

uint16_t float_to_half(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const auto sign = static_cast<uint16_t>((bits >> 16) & 0x8000u);
  const uint32_t magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return static_cast<uint16_t>(sign | 0x7e00u);
  if (magnitude >= 0x477ff000u) return static_cast<uint16_t>(sign | 0x7c00u);  // 65520 and up
  if (magnitude <
      0x38800000u) {  // below 2^-14: adding 1/2 leaves the subnormal's bits in place, rounded
    const float shifted = std::bit_cast<float>(magnitude) + 0.5f;
    return static_cast<uint16_t>(sign | (std::bit_cast<uint32_t>(shifted) - 0x3f000000u));
  }
  const uint32_t rounded = magnitude + 0xfffu + ((magnitude >> 13) & 1u);
  return static_cast<uint16_t>(sign | ((rounded - 0x38000000u) >> 13));
}

}  // namespace tensor
