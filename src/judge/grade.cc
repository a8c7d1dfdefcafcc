#include "judge/grade.h"

#include <algorithm>
#include <array>
#include <string>

namespace judge {
namespace {

constexpr std::array<std::string_view, 2> kMarks = {"answer:", "答案"};
// What may stand between the mark and the number.
constexpr std::array<std::string_view, 6> kFillers = {" ", ":", "：", "$", "是", "为"};

std::string lower_ascii(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  });
  return out;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

double grade_keywords(const Case& one, std::string_view output) {
  const std::string text = lower_ascii(output);
  auto stands = [&](const std::string& word) {
    return text.find(lower_ascii(word)) != std::string::npos;
  };
  const bool all = std::ranges::all_of(one.all_of, stands);
  const bool any = one.any_of.empty() || std::ranges::any_of(one.any_of, stands);
  const bool none = std::ranges::none_of(one.none_of, stands);
  return all && any && none ? 1 : 0;
}

}  // namespace

std::optional<reason::Rational> final_number(std::string_view output) {
  const std::string text = lower_ascii(output);
  size_t start = std::string::npos;
  for (const std::string_view mark : kMarks) {
    const size_t at = text.rfind(mark);
    if (at != std::string::npos && (start == std::string::npos || at + mark.size() > start))
      start = at + mark.size();
  }
  if (start == std::string::npos) return std::nullopt;
  std::string_view rest = std::string_view(text).substr(start);
  for (bool skipped = true; skipped;) {
    skipped = false;
    for (const std::string_view filler : kFillers) {
      if (!rest.starts_with(filler)) continue;
      rest.remove_prefix(filler.size());
      skipped = true;
    }
  }
  size_t end = rest.starts_with("-") ? 1 : 0;
  while (end < rest.size() &&
         (is_digit(rest[end]) || std::string_view(".,/").find(rest[end]) != std::string_view::npos))
    ++end;
  while (end > 0 && !is_digit(rest[end - 1]))
    --end;  // the full stop of the sentence is not part of the number
  const auto number = reason::Rational::parse(rest.substr(0, end));
  if (!number) return std::nullopt;
  return *number;
}

double grade(const Suite& suite, const Case& one, std::string_view output) {
  if (suite.grader == Grader::Keywords) return grade_keywords(one, output);
  const auto found = final_number(output);
  const auto wanted = reason::Rational::parse(one.number);
  return found && wanted && *found == *wanted ? 1 : 0;
}

}  // namespace judge
