// The solution language of word problems: lines such as "t1 = n0 - n2 : count" that end with "ans
// t1". Operands are the numbers of the text in order (n0..n9), earlier lines (t1..t8) and a few
// constants. No strings, no loops: parsing, printing, execution and the canonical form are pure
// functions, and execution is exact (reason/rational.h).
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "reason/rational.h"

namespace reason {

constexpr int kNumbersMax = 10;  // n0..n9
constexpr int kStepsMax = 8;     // t1..t8

enum class Op : unsigned char { Add, Subtract, Multiply, Divide };
char op_sign(Op op);  // '+' '-' '*' '/'

struct Operand {
  enum class Kind : unsigned char { Number, Step, Constant };
  Kind kind = Kind::Number;
  int index = 0;  // n<index>, t<index + 1>, or the place in constants()
  friend auto operator<=>(const Operand&, const Operand&) = default;
};

struct Step {
  Op op = Op::Add;
  Operand left;
  Operand right;
  std::string unit;  // the tag after the colon, may be empty
  friend bool operator==(const Step&, const Step&) = default;
};

struct Program {
  std::vector<Step> steps;  // t1 is steps[0]
  Operand answer;
  friend bool operator==(const Program&, const Program&) = default;
};

std::span<const Rational> constants();
base::Result<Operand> find_constant(const Rational& value);  // Code::NotFound

// Code::Malformed with the line's number. A line may use only lines above it.
base::Result<Program> parse_program(std::string_view text);
std::string print(const Program& program);  // lines ended by '\n'; parse_program(print(p)) == p

base::Result<Rational> apply(Op op, const Rational& left, const Rational& right);
// Code::InvalidArgument: a number that the text does not have, OVERFLOW, DIVISION_BY_ZERO.
base::Result<Rational> execute(const Program& program, std::span<const Rational> numbers);
// The values of t1, t2, ... as well; the answer is the last element.
base::Result<std::vector<Rational>> execute_all(const Program& program,
                                                std::span<const Rational> numbers);

// Programs that say the same have the same canonical form: unused lines are dropped, operands of +
// and * are ordered (numbers, lines, constants, each by index), equal lines are one, units are left
// out.
Program canonical(const Program& program);

}  // namespace reason
