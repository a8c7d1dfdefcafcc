#include "formats/tensor_view.h"

#include <bit>
#include <cstring>

#include "base/check.h"

namespace formats {
namespace {

float half_to_float(uint16_t bits) {
  const uint32_t sign = uint32_t{bits & 0x8000u} << 16;
  const uint32_t exponent = (bits >> 10) & 0x1fu;
  const uint32_t fraction = bits & 0x3ffu;
  if (exponent == 0x1f) return std::bit_cast<float>(sign | 0x7f800000u | (fraction << 13));
  if (exponent != 0)
    return std::bit_cast<float>(sign | ((exponent + 112) << 23) | (fraction << 13));
  const float small = static_cast<float>(fraction) * 0x1p-24f;  // zero and subnormal numbers, exact
  return sign ? -small : small;
}

uint16_t float_to_half(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const auto sign = static_cast<uint16_t>((bits >> 16) & 0x8000u);
  const uint32_t magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return sign | 0x7e00u;
  if (magnitude >= 0x477ff000u) return sign | 0x7c00u;  // 65520 and above round to infinity
  if (magnitude < 0x38800000u) {                        // below 2^-14: a multiple of 2^-24
    const float scaled = std::bit_cast<float>(magnitude) * 0x1p24f;
    const auto whole = static_cast<uint32_t>(scaled);
    const float rest = scaled - static_cast<float>(whole);
    const bool up = rest > 0.5f || (rest == 0.5f && (whole & 1u));
    return static_cast<uint16_t>(sign | (whole + (up ? 1 : 0)));
  }
  const uint32_t rounded = magnitude - 0x38000000u + 0xfffu + ((magnitude >> 13) & 1u);
  return static_cast<uint16_t>(sign | (rounded >> 13));
}

uint16_t float_to_bfloat(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<uint16_t>((bits >> 16) | 0x40u);
  return static_cast<uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

void store(uint8_t* to, uint16_t value) { std::memcpy(to, &value, sizeof value); }

}  // namespace

std::string_view dtype_name(DType type) {
  switch (type) {
    case DType::F32:
      return "F32";
    case DType::F16:
      return "F16";
    case DType::BF16:
      return "BF16";
    case DType::Other:
      break;
  }
  return "other";
}

int64_t dtype_bytes(DType type) {
  CHECK(type != DType::Other);
  return type == DType::F32 ? 4 : 2;
}

bool element_count(const std::vector<int64_t>& shape, int64_t* count) {
  int64_t product = 1;
  for (const int64_t extent : shape) {
    if (extent < 0 || __builtin_mul_overflow(product, extent, &product)) return false;
  }
  *count = product;
  return true;
}

int64_t TensorView::elements() const {
  int64_t count = 0;
  CHECK(element_count(shape, &count));
  return count;
}

TensorView f32_view(std::string name, std::vector<int64_t> shape, const float* data) {
  TensorView view{std::move(name), DType::F32, "F32", std::move(shape), {}, 0};
  view.data = {reinterpret_cast<const uint8_t*>(data), static_cast<size_t>(view.elements()) * 4};
  return view;
}

void to_floats(DType type, const uint8_t* from, int64_t count, float* to) {
  switch (type) {
    case DType::F32:
      if (count > 0) std::memcpy(to, from, static_cast<size_t>(count) * 4);
      return;
    case DType::F16:
      for (int64_t i = 0; i < count; ++i)
        to[i] = half_to_float(base::load_le<uint16_t>(from + 2 * i));
      return;
    case DType::BF16:
      for (int64_t i = 0; i < count; ++i) {
        to[i] = std::bit_cast<float>(uint32_t{base::load_le<uint16_t>(from + 2 * i)} << 16);
      }
      return;
    case DType::Other:
      break;
  }
  CHECK(false);  // callers refuse other types by name
}

void from_floats(DType type, const float* from, int64_t count, uint8_t* to) {
  switch (type) {
    case DType::F32:
      if (count > 0) std::memcpy(to, from, static_cast<size_t>(count) * 4);
      return;
    case DType::F16:
      for (int64_t i = 0; i < count; ++i) store(to + 2 * i, float_to_half(from[i]));
      return;
    case DType::BF16:
      for (int64_t i = 0; i < count; ++i) store(to + 2 * i, float_to_bfloat(from[i]));
      return;
    case DType::Other:
      break;
  }
  CHECK(false);  // nothing writes other types
}

std::string shape_text(const std::vector<int64_t>& shape) {
  std::string out = "[";
  for (size_t i = 0; i < shape.size(); ++i) {
    if (i > 0) out += ", ";
    out += std::to_string(shape[i]);
  }
  return out + "]";
}

}  // namespace formats
