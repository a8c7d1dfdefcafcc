#include "reason/program.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace reason {
namespace {

Rational value(int64_t numerator, int64_t denominator = 1) {
  return *Rational::make(numerator, denominator);
}

TEST(Rational, KeepsLowestTermsAndAPositiveDenominator) {
  EXPECT_EQ(value(6, -8).text(), "-3/4");
  EXPECT_EQ(value(0, -5).text(), "0");
  EXPECT_EQ(value(-9, -3).text(), "3");
  EXPECT_EQ(Rational::make(1, 0).error().reason, "DIVISION_BY_ZERO");
}

TEST(Rational, ParsesWhatPeopleWrite) {
  EXPECT_EQ(Rational::parse("12")->text(), "12");
  EXPECT_EQ(Rational::parse("-3/4")->text(), "-3/4");
  EXPECT_EQ(Rational::parse("2.50")->text(), "5/2");
  EXPECT_EQ(Rational::parse("1,250")->text(), "1250");
  EXPECT_EQ(Rational::parse("12,345,678.25")->text(), "49382713/4");
  for (const char* bad : {"", "-", "1.", ".5", "1/", "/2", "1,25", "1,2345", "1,", ",1", "1.2.3",
                          "1/2/3", "1e5", "x", "1 ", "--1", "1/0", "12,34.5"}) {
    EXPECT_FALSE(Rational::parse(bad).has_value()) << bad;
  }
}

TEST(Rational, LeavingOneHundredTwentyEightBitsIsAnError) {
  const std::string big(39, '9');  // > 2^127
  EXPECT_EQ(Rational::parse(big).error().reason, "OVERFLOW");
  const auto most = *Rational::parse("170141183460469231731687303715884105727");  // 2^127 - 1
  EXPECT_EQ(add(most, 1).error().reason, "OVERFLOW");
  EXPECT_EQ(multiply(most, 2).error().reason, "OVERFLOW");
  EXPECT_EQ(subtract(*subtract(0, most), 1).error().reason, "OVERFLOW");
  EXPECT_EQ(*subtract(most, most), Rational(0));
  EXPECT_EQ(*multiply(most, *divide(1, most)), Rational(1));
  EXPECT_EQ(most.text(), "170141183460469231731687303715884105727");
}

TEST(Rational, ArithmeticObeysTheFieldLaws) {
  base::Rng rng(1);
  auto draw = [&] {
    return value(static_cast<int64_t>(rng.below(2001)) - 1000,
                 static_cast<int64_t>(rng.below(60)) + 1);
  };
  for (int i = 0; i < 20'000; ++i) {
    const Rational a = draw(), b = draw(), c = draw();
    EXPECT_EQ(*add(a, b), *add(b, a));
    EXPECT_EQ(*add(*add(a, b), c), *add(a, *add(b, c)));
    EXPECT_EQ(*multiply(a, *add(b, c)), *add(*multiply(a, b), *multiply(a, c)));
    EXPECT_EQ(*subtract(*add(a, b), b), a);
    if (b != Rational(0)) {
      EXPECT_EQ(*multiply(*divide(a, b), b), a);
    }
    EXPECT_EQ(*Rational::parse(a.text()), a);
  }
}

TEST(Program, RunsTheExampleOfTheLanguage) {
  const auto program = parse_program("t1 = n0 - n2 : count\nt2 = t1 * n1 : cents\nans t2\n");
  ASSERT_TRUE(program.has_value()) << program.error().text();
  const std::vector<Rational> numbers = {12, 25, 5};
  EXPECT_EQ(execute(*program, numbers)->text(), "175");
  EXPECT_EQ(execute_all(*program, numbers)->size(), 3u);
  EXPECT_EQ(execute(*program, std::span(numbers).first(2)).error().reason, "NO_SUCH_NUMBER");
}

TEST(Program, RefusesWhatIsNotTheLanguage) {
  for (const char* bad :
       {"", "ans t1\n", "ans n0", "t1 = n0 + t1\nans t1\n", "t2 = n0 + n1\nans t2\n",
        "t1 = n0 % n1\nans t1\n", "t1 = n0 + 11\nans t1\n", "t1 = n0 + n10\nans t1\n",
        "t1 = n0 + n1 : Count\nans t1\n", "t1 = n0 + n1 :\nans t1\n", "ans n0\nans n0\n",
        "t1 = n0 + n1\n", "\nans n0\n", "t1 = n0 + 2/4\nans t1\n", "t1 = n0 + 07\nans t1\n"}) {
    EXPECT_FALSE(parse_program(bad).has_value()) << bad;
  }
  std::string nine;
  for (int i = 1; i <= 9; ++i) nine += "t" + std::to_string(i) + " = n0 + n1\n";
  EXPECT_FALSE(parse_program(nine + "ans t1\n").has_value());
}

TEST(Program, DivisionByZeroAndOverflowAreErrors) {
  const auto zero = parse_program("t1 = n0 - n0\nt2 = n0 / t1\nans t2\n");
  EXPECT_EQ(execute(*zero, std::vector<Rational>{5}).error().reason, "DIVISION_BY_ZERO");
  std::string squares = "t1 = n0 * n0\n";
  for (int i = 2; i <= 8; ++i) {
    const std::string before = "t" + std::to_string(i - 1);
    squares += "t" + std::to_string(i) + " = " + before + " * " + before + "\n";
  }
  EXPECT_EQ(execute(*parse_program(squares + "ans t8\n"), std::vector<Rational>{9}).error().reason,
            "OVERFLOW");
}

Program random_program(base::Rng& rng) {
  Program program;
  auto operand = [&]() -> Operand {
    const uint64_t kind = rng.below(program.steps.empty() ? 2 : 3);
    if (kind == 0) return {Operand::Kind::Number, static_cast<int>(rng.below(kNumbersMax))};
    if (kind == 1)
      return {Operand::Kind::Constant, static_cast<int>(rng.below(constants().size()))};
    return {Operand::Kind::Step, static_cast<int>(rng.below(program.steps.size()))};
  };
  for (uint64_t steps = rng.below(kStepsMax + 1); steps > 0; --steps) {
    const Step step{static_cast<Op>(rng.below(4)), operand(), operand(),
                    rng.below(2) == 0 ? "count<apple>" : ""};
    program.steps.push_back(step);
  }
  program.answer = operand();
  return program;
}

TEST(Program, PrintAndParseAreInverses) {
  base::Rng rng(2);
  for (int i = 0; i < 5000; ++i) {
    const Program program = random_program(rng);
    const auto again = parse_program(print(program));
    ASSERT_TRUE(again.has_value()) << again.error().text() << "\n" << print(program);
    EXPECT_EQ(*again, program);
  }
}

TEST(Program, CanonicalFormKeepsTheValueAndIsStable) {
  base::Rng rng(3);
  int compared = 0;
  for (int i = 0; i < 5000; ++i) {
    const Program program = random_program(rng);
    const Program form = canonical(program);
    EXPECT_EQ(canonical(form), form);
    std::vector<Rational> numbers;
    for (int k = 0; k < kNumbersMax; ++k)
      numbers.emplace_back(static_cast<int64_t>(rng.below(50)) + 1);
    const auto value_before = execute(program, numbers);
    if (!value_before) continue;
    ASSERT_TRUE(execute(form, numbers).has_value());
    EXPECT_EQ(*execute(form, numbers), *value_before);
    ++compared;
  }
  EXPECT_GT(compared, 2000);
}

TEST(Program, CanonicalFormJoinsProgramsThatSayTheSame) {
  const auto a = parse_program("t1 = n1 + n0 : count\nt2 = n3 * n3\nt3 = 2 * t1\nans t3\n");
  const auto b = parse_program("t1 = n0 + n1\nt2 = n1 + n0\nt3 = t2 * 2 : money\nans t3\n");
  EXPECT_EQ(canonical(*a), canonical(*b));
  EXPECT_EQ(print(canonical(*a)), "t1 = n0 + n1\nt2 = t1 * 2\nans t2\n");
  const auto minus = parse_program("t1 = n1 - n0\nans t1\n");
  EXPECT_EQ(canonical(*minus), *minus);
}

}  // namespace
}  // namespace reason
