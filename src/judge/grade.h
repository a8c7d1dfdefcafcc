// Graders: pure functions of a case and an answer's raw text. 1 when the answer shows what the case
// looks for, else 0.
#pragma once

#include <optional>
#include <string_view>

#include "judge/suite.h"
#include "reason/rational.h"

namespace judge {

double grade(const Suite& suite, const Case& one, std::string_view output);

// The number after the last "Answer:" or "答案" of a text: "Answer: $1,250." is 1250. Empty when
// there is none.
std::optional<reason::Rational> final_number(std::string_view output);

}  // namespace judge
