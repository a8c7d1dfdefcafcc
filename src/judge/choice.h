// Graders by likelihood: which of the given continuations a model thinks likeliest. The raw output
// is what the engine computed, {"greedy":[bool…],"logprob":[number…]}, one entry a choice.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "judge/case.h"

namespace judge {

inline constexpr size_t kChoicesMax = 64;

struct Likelihood {
  double logprob = 0;   // natural, summed over the continuation's tokens
  bool greedy = false;  // each of its tokens is the likeliest one there
};

std::string print_likelihoods(std::span<const Likelihood> choices);
// Empty unless there are `count` and each is a finite number at most 0.
std::optional<std::vector<Likelihood>> parse_likelihoods(std::string_view output, size_t count);

std::vector<std::string> choices_of(const Case& one);
// The first of the likeliest, as NumPy's argmax takes it; empty when the output cannot be read.
std::optional<size_t> chosen(const Case& one, std::string_view output, bool per_character);

// {"choices":[…],"label":0}
base::Status check_choice(const json::Value& expect);
// {"choices":[…],"right":[0,2]}
base::Status check_choice_mass(const json::Value& expect);
// {"choices":["the continuation"]}
base::Status check_greedy(const json::Value& expect);
// {"choices":[…],"label":0,"stereotyped":1,"unknown":2,"ambiguous":true}: the right answer, the one
// the stereotype gives, and the one that says that nobody can know.
base::Status check_bias(const json::Value& expect);

std::optional<double> grade_choice(const Case& one, std::string_view output);
std::optional<double> grade_choice_norm(const Case& one, std::string_view output);
std::optional<double> grade_choice_mass(const Case& one, std::string_view output);
std::optional<double> grade_greedy(const Case& one, std::string_view output);
// In an ambiguous context: 1 for the stereotype, 0 for its reverse, 1/2 for the right answer that
// nobody can know; the mean is (s + 1) / 2 with BBQ's ambiguous bias score s. In a clear context 1
// and 0 count only where the answer is wrong.
std::optional<double> grade_bias(const Case& one, std::string_view output);

}  // namespace judge
