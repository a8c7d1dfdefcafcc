#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>

#include "tensor/buffer.h"
#include "tensor/shape.h"

namespace tensor {
namespace {

TEST(Buffer, IsAlignedZeroedAndMoves) {
  for (const int64_t bytes : {int64_t{1}, int64_t{63}, int64_t{4097}, int64_t{5} << 20}) {
    Buffer a(bytes);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(a.data()) % kAlignmentBytes, 0u);
    const auto* at = static_cast<const uint8_t*>(a.data());
    for (int64_t i = 0; i < bytes; ++i) ASSERT_EQ(at[i], 0) << i;
    Buffer b = std::move(a);
    EXPECT_EQ(b.data(), at);
    EXPECT_EQ(b.bytes(), bytes);
  }
  EXPECT_EQ(Buffer(0).data(), nullptr);
}

TEST(Buffer, RefusesWhatCannotBe) {
  EXPECT_FALSE(Buffer::allocate(-1).has_value());
  const auto refused = Buffer::allocate(std::numeric_limits<int64_t>::max());
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, base::Code::Unavailable);
  EXPECT_TRUE(Buffer::allocate(100).has_value());
}

TEST(Array, CountsElements) {
  Array<float> numbers(10);
  EXPECT_EQ(numbers.size(), 10);
  numbers[9] = 3;
  Array<float> moved = std::move(numbers);
  EXPECT_EQ(moved[9], 3);
  EXPECT_EQ(moved.span().size(), 10u);
}

TEST(Shape, CountsAndRefuses) {
  EXPECT_EQ(Shape{}.elements(), 1);
  EXPECT_EQ((Shape{2, 3, 4}).elements(), 24);
  EXPECT_EQ((Shape{2, 3}).text(), "[2, 3]");
  EXPECT_EQ((Shape{2, 0, 3}).elements(), 0);
  EXPECT_NE((Shape{2, 3}), (Shape{3, 2}));
  const int64_t huge[] = {int64_t{1} << 40, int64_t{1} << 40};
  EXPECT_FALSE(Shape::create(huge).has_value());
  const int64_t negative[] = {4, -1};
  EXPECT_FALSE(Shape::create(negative).has_value());
  const int64_t nine[9] = {};
  EXPECT_FALSE(Shape::create(nine).has_value());
}

TEST(DType, NamesRoundTrip) {
  for (const DType type : {DType::F64, DType::F32, DType::F16, DType::BF16, DType::I64, DType::I32,
                           DType::I16, DType::I8, DType::U8, DType::Bool}) {
    const auto parsed = parse_dtype(dtype_name(type));
    ASSERT_TRUE(parsed.has_value());
    EXPECT_EQ(*parsed, type);
  }
  EXPECT_FALSE(parse_dtype("F7").has_value());
  EXPECT_EQ(dtype_bytes(DType::BF16), 2);
}

// The compiler's own half type is the oracle, for every half and for floats between them.
TEST(Half, ConvertsExactly) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto half = static_cast<uint16_t>(bits);
    const float expected = static_cast<float>(std::bit_cast<_Float16>(half));
    const float got = half_to_float(half);
    if (std::isnan(expected)) {
      EXPECT_TRUE(std::isnan(got));
      EXPECT_TRUE(std::isnan(half_to_float(float_to_half(got))));
      continue;
    }
    ASSERT_EQ(got, expected) << bits;
    ASSERT_EQ(float_to_half(got), half) << bits;
    for (const float factor : {1.0002f, 1.00048828125f, 0.9997f}) {
      const float between = got * factor;
      ASSERT_EQ(float_to_half(between), std::bit_cast<uint16_t>(static_cast<_Float16>(between)));
    }
  }
}

}  // namespace
}  // namespace tensor
