#include "reason/rational.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/check.h"

namespace reason {
namespace {

using Int = Rational::Int;
using Unsigned = unsigned __int128;

constexpr Int kMin = static_cast<Int>(Unsigned{1} << 127);

std::unexpected<base::Error> overflow() {
  return base::fail(base::Code::InvalidArgument, "the number leaves 128 bits; use smaller numbers",
                    {}, "OVERFLOW");
}

Unsigned magnitude(Int value) {
  return value < 0 ? Unsigned{0} - static_cast<Unsigned>(value) : static_cast<Unsigned>(value);
}

Unsigned gcd(Unsigned a, Unsigned b) {
  while (b != 0) {
    if (a <= UINT64_MAX && b <= UINT64_MAX) {  // the common case, at a tenth of the cost
      auto x = static_cast<uint64_t>(a);
      auto y = static_cast<uint64_t>(b);
      while (y != 0) x = std::exchange(y, x % y);
      return x;
    }
    a = std::exchange(b, a % b);
  }
  return a;
}

base::Result<Int> checked_multiply(Int a, Int b) {
  Int out = 0;
  if (__builtin_mul_overflow(a, b, &out)) return overflow();
  return out;
}

}  // namespace

base::Result<Rational> Rational::make(Int numerator, Int denominator) {
  if (denominator == 0) {
    return base::fail(base::Code::InvalidArgument, "division by zero", {}, "DIVISION_BY_ZERO");
  }
  // The one magnitude without a counterpart of the other sign is refused, so that negation below is
  // always exact.
  if (numerator == kMin || denominator == kMin) return overflow();
  const auto divisor = static_cast<Int>(gcd(magnitude(numerator), magnitude(denominator)));
  Rational out;
  out.numerator_ = (denominator < 0 ? -numerator : numerator) / divisor;
  out.denominator_ = (denominator < 0 ? -denominator : denominator) / divisor;
  return out;
}

base::Result<Rational> Rational::parse(std::string_view text) {
  const std::string_view whole = text;
  auto malformed = [&] {
    return base::fail(base::Code::Malformed, "not a number; write an integer, a decimal or p/q",
                      std::string(whole.substr(0, 64)), "PARSE_NUMBER");
  };
  bool negative = false;
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) {
    negative = text[0] == '-';
    text.remove_prefix(1);
  }
  // parts[0] before the point or the slash, parts[1] after it; scale is the denominator a decimal
  // point makes.
  std::array<Int, 2> parts{};
  std::array<int, 2> digits{};
  Int scale = 1;
  int at = 0;
  char separator = 0;
  int since_comma = -1;
  for (const char c : text) {
    if (c >= '0' && c <= '9') {
      TRY(const Int shifted, checked_multiply(parts[at], 10));
      if (__builtin_add_overflow(shifted, Int{c - '0'}, &parts[at])) return overflow();
      ++digits[at];
      if (since_comma >= 0) ++since_comma;
      if (separator == '.') {
        TRY(scale, checked_multiply(scale, 10));
      }
    } else if ((c == '.' || c == '/') && separator == 0) {
      if (since_comma >= 0 && since_comma != 3) return malformed();
      since_comma = -1;
      separator = c;
      at = 1;
    } else if (c == ',' && separator == 0 && digits[0] > 0 &&
               (since_comma < 0 ? digits[0] <= 3 : since_comma == 3)) {
      since_comma = 0;
    } else {
      return malformed();
    }
  }
  if (digits[0] == 0 || (separator != 0 && digits[1] == 0)) return malformed();
  if (since_comma >= 0 && since_comma != 3) return malformed();
  if (separator == '/') return make(negative ? -parts[0] : parts[0], parts[1]);
  TRY(const Int shifted, checked_multiply(parts[0], scale));
  Int numerator = 0;
  if (__builtin_add_overflow(shifted, parts[1], &numerator)) return overflow();
  return make(negative ? -numerator : numerator, scale);
}

std::string Rational::text() const {
  auto digits = [](Int value) {
    Unsigned rest = magnitude(value);
    std::string out;
    do {
      out += static_cast<char>('0' + static_cast<int>(rest % 10));
      rest /= 10;
    } while (rest != 0);
    if (value < 0) out += '-';
    std::ranges::reverse(out);
    return out;
  };
  std::string out = digits(numerator_);
  if (denominator_ != 1) out += "/" + digits(denominator_);
  return out;
}

base::Result<Rational> add(const Rational& a, const Rational& b) {
  TRY(const Int left, checked_multiply(a.numerator(), b.denominator()));
  TRY(const Int right, checked_multiply(b.numerator(), a.denominator()));
  TRY(const Int denominator, checked_multiply(a.denominator(), b.denominator()));
  Int numerator = 0;
  if (__builtin_add_overflow(left, right, &numerator)) return overflow();
  return Rational::make(numerator, denominator);
}

base::Result<Rational> subtract(const Rational& a, const Rational& b) {
  TRY(const Rational negated, Rational::make(-b.numerator(), b.denominator()));
  return add(a, negated);
}

base::Result<Rational> multiply(const Rational& a, const Rational& b) {
  // Cross-cancel first: a product that fits in lowest terms then never overflows on the way.
  TRY(const Rational left, Rational::make(a.numerator(), b.denominator()));
  TRY(const Rational right, Rational::make(b.numerator(), a.denominator()));
  TRY(const Int numerator, checked_multiply(left.numerator(), right.numerator()));
  TRY(const Int denominator, checked_multiply(left.denominator(), right.denominator()));
  return Rational::make(numerator, denominator);
}

base::Result<Rational> divide(const Rational& a, const Rational& b) {
  TRY(const Rational inverse, Rational::make(b.denominator(), b.numerator()));
  return multiply(a, inverse);
}

base::Result<bool> less(const Rational& a, const Rational& b) {
  TRY(const Int left, checked_multiply(a.numerator(), b.denominator()));
  TRY(const Int right, checked_multiply(b.numerator(), a.denominator()));
  return left < right;
}

}  // namespace reason
