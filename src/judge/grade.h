// Graders of one answer's text, and the entry point for all of them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "judge/suite.h"
#include "reason/rational.h"

namespace judge {

// The score of a raw answer; the worst there is when it cannot be read.
double grade(const Suite& suite, const Case& one, std::string_view output);

// The number after the last "Answer:" or "答案" of a text: "Answer: $1,250." is 1250. Empty when
// there is none.
std::optional<reason::Rational> final_number(std::string_view output);

// Whether a text declines to answer, by its wording in English or Chinese: "I can't help", "抱歉".
bool is_refusal(std::string_view output);

std::string lower_ascii(std::string_view text);
std::string_view trim(std::string_view text);  // of blanks, tabs and ends of line

// A list of 1 or more texts of 1 to 4096 bytes.
base::Result<std::vector<std::string>> words_of(const json::Value& object, std::string_view key);

base::Status check_number(const json::Value& expect);
base::Status check_keywords(const json::Value& expect);
base::Status check_exact(const json::Value& expect);
base::Status check_program(const json::Value& expect);
base::Status check_refusal(const json::Value& expect);

std::optional<double> grade_number(const Case& one, std::string_view output);
std::optional<double> grade_keywords(const Case& one, std::string_view output);
std::optional<double> grade_exact(const Case& one, std::string_view output);
std::optional<double> grade_program(const Case& one, std::string_view output);
std::optional<double> grade_refusal(const Case& one, std::string_view output);

}  // namespace judge
