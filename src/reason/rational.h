// Exact rational numbers over 128-bit integers, always in lowest terms with a positive denominator.
// Every operation that would leave 128 bits, or divide by zero, is an error and never a wrong
// number.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace reason {

class Rational {
 public:
  using Int = __int128;

  Rational() = default;
  Rational(int64_t whole) : numerator_(whole) {}
  // Code::InvalidArgument, reason DIVISION_BY_ZERO or OVERFLOW.
  static base::Result<Rational> make(Int numerator, Int denominator);
  // "12", "-3/4", "2.50", "1,250": what people write in answers. Code::Malformed, or OVERFLOW.
  static base::Result<Rational> parse(std::string_view text);

  Int numerator() const { return numerator_; }
  Int denominator() const { return denominator_; }
  bool is_integer() const { return denominator_ == 1; }
  bool is_negative() const { return numerator_ < 0; }
  std::string text() const;  // "7", "-3/4"

  friend bool operator==(const Rational&, const Rational&) = default;

 private:
  Int numerator_ = 0;
  Int denominator_ = 1;
};

base::Result<Rational> add(const Rational& a, const Rational& b);
base::Result<Rational> subtract(const Rational& a, const Rational& b);
base::Result<Rational> multiply(const Rational& a, const Rational& b);
base::Result<Rational> divide(const Rational& a, const Rational& b);
base::Result<bool> less(const Rational& a, const Rational& b);

}  // namespace reason
