#include "lab/synth/worked.h"

#include "base/check.h"

namespace lab::synth {
namespace {

using reason::Op;
using reason::Rational;

// Beyond the multiplication table of school, and within what int64 arithmetic below holds.
constexpr int64_t kTableMax = 12;
constexpr int64_t kWorkedMax = 1'000'000;

std::string number(int64_t value) { return std::to_string(value); }

bool is_worked(const Rational& value) {
  return value.is_integer() && value.numerator() >= 0 && value.numerator() <= kWorkedMax;
}

// "+ 120" for each part that is not zero.
std::string sum_of(std::initializer_list<int64_t> parts) {
  std::string out;
  for (const int64_t part : parts) {
    if (part == 0) continue;
    if (!out.empty()) out += " + ";
    out += number(part);
  }
  return out;
}

std::string middle_of_sum(int64_t a, int64_t b) {
  if (a < 100 || b < 100 || a >= 1000 || b >= 1000 || (a % 100 == 0 && b % 100 == 0)) return {};
  return sum_of({(a / 100 + b / 100) * 100, (a / 10 % 10 + b / 10 % 10) * 10, a % 10 + b % 10});
}

std::string middle_of_difference(int64_t a, int64_t b) {
  if (b < 100 || b >= 1000 || a < b || b % 100 == 0) return {};
  return number(a - b / 100 * 100) + " - " + number(b % 100);
}

std::string middle_of_product(int64_t a, int64_t b) {
  const bool swap = a < b;
  const int64_t large = swap ? b : a;
  const int64_t small = swap ? a : b;
  if (large <= kTableMax || small < 2 || large % 10 == 0 || small == 10 || large >= 1000) return {};
  if (small <= kTableMax)
    return sum_of({large / 100 * 100 * small, large / 10 % 10 * 10 * small, large % 10 * small});
  if (small % 10 == 0 || small >= 100) return {};
  return number(large) + " * " + number(small / 10 * 10) + " + " + number(large) + " * " +
         number(small % 10) + " = " + sum_of({large * (small / 10 * 10), large * (small % 10)});
}

std::string middle_of_quotient(int64_t a, int64_t b) {
  if (b < 2 || a % b != 0 || a / b <= kTableMax || a / b >= 100 || b > kTableMax || a / b % 10 == 0)
    return {};
  const int64_t tens = a / b / 10 * 10;
  return number(tens * b) + " / " + number(b) + " + " + number(a - tens * b) + " / " + number(b) +
         " = " + sum_of({tens, a / b - tens});
}

std::string middle_of(Op op, int64_t a, int64_t b) {
  switch (op) {
    case Op::Add:
      return middle_of_sum(a, b);
    case Op::Subtract:
      return middle_of_difference(a, b);
    case Op::Multiply:
      return middle_of_product(a, b);
    case Op::Divide:
      return middle_of_quotient(a, b);
  }
  CHECK(false);
}

}  // namespace

std::string worked_equation(Op op, const Rational& left, const Rational& right) {
  const auto value = reason::apply(op, left, right);
  CHECK(value.has_value());
  if (op == Op::Multiply && right.numerator() == 1 && right.denominator() > 1) {
    const auto divisor = reason::divide(1, right);
    CHECK(divisor.has_value());
    return worked_equation(Op::Divide, left, *divisor);
  }
  std::string out = left.text() + ' ' + reason::op_sign(op) + ' ' + right.text() + " = ";
  if (is_worked(left) && is_worked(right)) {
    const auto middle = middle_of(op, static_cast<int64_t>(left.numerator()),
                                  static_cast<int64_t>(right.numerator()));
    if (!middle.empty()) out += middle + " = ";
  }
  return out + value->text();
}

}  // namespace lab::synth
