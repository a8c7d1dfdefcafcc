#include "reason/program.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/check.h"

namespace reason {
namespace {

constexpr size_t kLineBytesMax = 96;
constexpr size_t kUnitBytesMax = 32;

Rational fraction(int64_t numerator, int64_t denominator) {
  auto value = Rational::make(numerator, denominator);
  CHECK(value.has_value());
  return *value;
}

std::unexpected<base::Error> malformed(int line, std::string_view what) {
  return base::fail(base::Code::Malformed,
                    "line " + std::to_string(line) + " of the program: " + std::string(what), {},
                    "PARSE_PROGRAM");
}

// Splits a line at blanks; the grammar has at most seven words a line ("t1 = n0 - n2 : count").
std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> out;
  size_t at = 0;
  while (at < line.size()) {
    if (line[at] == ' ') {
      ++at;
      continue;
    }
    const size_t end = std::min(line.find(' ', at), line.size());
    out.push_back(line.substr(at, end - at));
    at = end;
  }
  return out;
}

bool is_unit(std::string_view word) {
  return !word.empty() && word.size() <= kUnitBytesMax && std::ranges::all_of(word, [](char c) {
    return (c >= 'a' && c <= 'z') || c == '_' || c == '<' || c == '>' || c == ',';
  });
}

std::optional<Op> op_of(std::string_view word) {
  if (word == "+") return Op::Add;
  if (word == "-") return Op::Subtract;
  if (word == "*") return Op::Multiply;
  if (word == "/") return Op::Divide;
  return std::nullopt;
}

// An operand of line number `line`; `steps` lines stand above it.
base::Result<Operand> operand_of(std::string_view word, int line, int steps) {
  const bool indexed = word.size() == 2 && word[1] >= '0' && word[1] <= '9';
  if (indexed && word[0] == 'n') return Operand{Operand::Kind::Number, word[1] - '0'};
  if (indexed && word[0] == 't') {
    const int index = word[1] - '1';
    if (index < 0 || index >= steps) {
      return malformed(line, "uses " + std::string(word) + ", which no line above it defines");
    }
    return Operand{Operand::Kind::Step, index};
  }
  if (!word.empty() && word[0] >= '0' && word[0] <= '9') {
    if (const auto value = Rational::parse(word); value) {
      if (auto found = find_constant(*value);
          found && constants()[static_cast<size_t>(found->index)].text() == word) {
        return *found;
      }
    }
  }
  return malformed(
      line, "'" + std::string(word.substr(0, 16)) + "' is neither n0..n9, t1..t8 nor a constant");
}

std::string operand_text(const Operand& operand) {
  switch (operand.kind) {
    case Operand::Kind::Number:
      return "n" + std::to_string(operand.index);
    case Operand::Kind::Step:
      return "t" + std::to_string(operand.index + 1);
    case Operand::Kind::Constant:
      return constants()[static_cast<size_t>(operand.index)].text();
  }
  CHECK(false);
}

base::Result<Step> step_of(std::span<const std::string_view> words, int line, int steps) {
  if (words.size() != 5 && words.size() != 7)
    return malformed(line, "write 'tK = A op B' or 'tK = A op B : unit'");
  if (words[0] != "t" + std::to_string(steps + 1) || words[1] != "=") {
    return malformed(line, "must begin with 't" + std::to_string(steps + 1) + " ='");
  }
  const auto op = op_of(words[3]);
  if (!op) return malformed(line, "the operation must be one of + - * /");
  Step step{*op, {}, {}, {}};
  TRY(step.left, operand_of(words[2], line, steps));
  TRY(step.right, operand_of(words[4], line, steps));
  if (words.size() == 7) {
    if (words[5] != ":" || !is_unit(words[6]))
      return malformed(line, "the unit after ':' must be a lower-case word");
    step.unit = words[6];
  }
  return step;
}

base::Result<Rational> value_of(const Operand& operand, std::span<const Rational> numbers,
                                std::span<const Rational> values) {
  const auto index = static_cast<size_t>(operand.index);
  switch (operand.kind) {
    case Operand::Kind::Number:
      if (index >= numbers.size()) {
        return base::fail(base::Code::InvalidArgument,
                          "the text has no number n" + std::to_string(operand.index), {},
                          "NO_SUCH_NUMBER");
      }
      return numbers[index];
    case Operand::Kind::Step:
      CHECK(index < values.size());
      return values[index];
    case Operand::Kind::Constant:
      CHECK(index < constants().size());
      return constants()[index];
  }
  CHECK(false);
}

}  // namespace

char op_sign(Op op) {
  constexpr std::array kSigns = {'+', '-', '*', '/'};
  return kSigns[static_cast<size_t>(op)];
}

std::span<const Rational> constants() {
  static const std::array kConstants = {
      Rational(1),    Rational(2),    Rational(3),     Rational(4),   Rational(5),
      Rational(7),    Rational(10),   Rational(12),    Rational(24),  Rational(30),
      Rational(52),   Rational(60),   Rational(100),   Rational(365), Rational(1000),
      fraction(1, 2), fraction(1, 4), fraction(1, 100)};
  return kConstants;
}

base::Result<Operand> find_constant(const Rational& value) {
  const auto all = constants();
  const auto found = std::ranges::find(all, value);
  if (found == all.end())
    return base::fail(base::Code::NotFound, "not one of the language's constants", value.text());
  return Operand{Operand::Kind::Constant, static_cast<int>(found - all.begin())};
}

base::Result<Program> parse_program(std::string_view text) {
  Program program;
  int line = 0;
  while (!text.empty()) {
    ++line;
    const size_t end = text.find('\n');
    if (end == std::string_view::npos) return malformed(line, "is not ended by a newline");
    const std::string_view content = text.substr(0, end);
    text.remove_prefix(end + 1);
    if (content.size() > kLineBytesMax)
      return malformed(line, "is longer than any line of the language");
    const auto words = words_of(content);
    if (words.empty()) return malformed(line, "is empty");
    const int steps = static_cast<int>(program.steps.size());
    if (words[0] == "ans") {
      if (words.size() != 2) return malformed(line, "write 'ans X'");
      TRY(program.answer, operand_of(words[1], line, steps));
      if (!text.empty())
        return malformed(line + 1, "follows the answer, which must be the last line");
      return program;
    }
    if (steps == kStepsMax) return malformed(line, "is one step too many: a program has at most 8");
    TRY(Step step, step_of(words, line, steps));
    program.steps.push_back(std::move(step));
  }
  return malformed(line, "the program ends without an 'ans' line");
}

std::string print(const Program& program) {
  std::string out;
  for (size_t i = 0; i < program.steps.size(); ++i) {
    const Step& step = program.steps[i];
    out += "t" + std::to_string(i + 1) + " = " + operand_text(step.left) + ' ' + op_sign(step.op) +
           ' ' + operand_text(step.right);
    if (!step.unit.empty()) out += " : " + step.unit;
    out += '\n';
  }
  return out + "ans " + operand_text(program.answer) + "\n";
}

base::Result<Rational> apply(Op op, const Rational& left, const Rational& right) {
  switch (op) {
    case Op::Add:
      return add(left, right);
    case Op::Subtract:
      return subtract(left, right);
    case Op::Multiply:
      return multiply(left, right);
    case Op::Divide:
      return divide(left, right);
  }
  CHECK(false);
}

base::Result<std::vector<Rational>> execute_all(const Program& program,
                                                std::span<const Rational> numbers) {
  std::vector<Rational> values;
  values.reserve(program.steps.size() + 1);
  for (const Step& step : program.steps) {
    TRY(const Rational left, value_of(step.left, numbers, values));
    TRY(const Rational right, value_of(step.right, numbers, values));
    TRY(const Rational value, apply(step.op, left, right));
    values.push_back(value);
  }
  TRY(const Rational answer, value_of(program.answer, numbers, values));
  values.push_back(answer);
  return values;
}

base::Result<Rational> execute(const Program& program, std::span<const Rational> numbers) {
  TRY(const auto values, execute_all(program, numbers));
  return values.back();
}

Program canonical(const Program& program) {
  // Rewrite every line in terms of canonical lines, reusing an equal one, then keep what the answer
  // needs.
  std::vector<Step> steps;
  std::vector<Operand> renamed;  // line of `program` -> line of `steps`
  auto rename = [&](const Operand& operand) {
    return operand.kind == Operand::Kind::Step ? renamed[static_cast<size_t>(operand.index)]
                                               : operand;
  };
  std::vector<bool> needed(program.steps.size(), false);
  auto need = [&](const Operand& operand) {
    if (operand.kind == Operand::Kind::Step) needed[static_cast<size_t>(operand.index)] = true;
  };
  need(program.answer);
  for (size_t i = program.steps.size(); i-- > 0;) {
    if (!needed[i]) continue;
    need(program.steps[i].left);
    need(program.steps[i].right);
  }
  for (size_t i = 0; i < program.steps.size(); ++i) {
    renamed.emplace_back();
    if (!needed[i]) continue;
    Step step{
        program.steps[i].op, rename(program.steps[i].left), rename(program.steps[i].right), {}};
    const bool commutes = step.op == Op::Add || step.op == Op::Multiply;
    if (commutes && step.right < step.left) std::swap(step.left, step.right);
    const auto same = std::ranges::find(steps, step);
    renamed[i] = {Operand::Kind::Step, static_cast<int>(same - steps.begin())};
    if (same == steps.end()) steps.push_back(std::move(step));
  }
  return {std::move(steps), rename(program.answer)};
}

}  // namespace reason
