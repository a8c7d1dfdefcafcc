// Instructions that a program can verify ("no commas", "at least 300 words"), in the names and
// arguments of IFEval (Zhou et al. 2023), so that its data set loads as it is.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "judge/case.h"

namespace judge {

// {"instructions":[{"id":"length_constraints:number_words","args":{"relation":"at least",
// "num_words":300}}]}: the score is 1 when all of them are followed.
base::Status check_instructions(const json::Value& expect);
std::optional<double> grade_instructions(const Case& one, std::string_view output);

// An error for an instruction that is not known or lacks an argument.
base::Status check_instruction(std::string_view id, const json::Value& args);
// The instruction has been checked.
bool follows(std::string_view id, const json::Value& args, std::string_view answer);

}  // namespace judge
