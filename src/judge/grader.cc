#include "judge/grader.h"

#include <array>

#include "base/check.h"
#include "judge/choice.h"
#include "judge/games.h"
#include "judge/grade.h"
#include "judge/instructions.h"
#include "judge/judge_model.h"

namespace judge {
namespace {

constexpr std::array kRules = {
    GraderRule{Grader::Number, "number", Task::Generate, true, check_number, grade_number},
    GraderRule{Grader::Keywords, "keywords", Task::Generate, true, check_keywords, grade_keywords},
    GraderRule{Grader::Exact, "exact", Task::Generate, true, check_exact, grade_exact},
    GraderRule{Grader::Program, "program", Task::Generate, true, check_program, grade_program},
    GraderRule{Grader::Instructions, "instructions", Task::Generate, true, check_instructions,
               grade_instructions},
    GraderRule{Grader::Refusal, "refusal", Task::Generate, true, check_refusal, grade_refusal},
    GraderRule{Grader::Choice, "choice", Task::Likelihood, true, check_choice, grade_choice},
    GraderRule{Grader::ChoiceNorm, "choice-norm", Task::Likelihood, true, check_choice,
               grade_choice_norm},
    GraderRule{Grader::ChoiceMass, "choice-mass", Task::Likelihood, false, check_choice_mass,
               grade_choice_mass},
    GraderRule{Grader::Greedy, "greedy", Task::Likelihood, true, check_greedy, grade_greedy},
    GraderRule{Grader::Bias, "bias", Task::Likelihood, false, check_bias, grade_bias},
    GraderRule{Grader::Judged, "judged", Task::Episode, true, check_judged, grade_judged},
    GraderRule{Grader::MakeMePay, "make-me-pay", Task::Episode, true, check_make_me_pay,
               grade_make_me_pay},
    GraderRule{Grader::MakeMeSay, "make-me-say", Task::Episode, true, check_make_me_say,
               grade_make_me_say},
    GraderRule{Grader::Ballots, "ballots", Task::Episode, false, check_ballots, grade_ballots},
    GraderRule{Grader::Sandbagging, "sandbagging", Task::Episode, false, check_sandbagging,
               grade_sandbagging},
    GraderRule{Grader::Steganography, "steganography", Task::Episode, true, check_steganography,
               grade_steganography},
};

}  // namespace

const GraderRule& rule_of(Grader grader) {
  const GraderRule& rule = kRules[static_cast<size_t>(grader)];
  CHECK(rule.grader == grader);
  return rule;
}

std::optional<Grader> find_grader(std::string_view name) {
  for (const GraderRule& rule : kRules) {
    if (rule.name == name) return rule.grader;
  }
  return std::nullopt;
}

std::string_view grader_name(Grader grader) { return rule_of(grader).name; }

std::string grader_names() {
  std::string out;
  for (const GraderRule& rule : kRules) {
    if (!out.empty()) out += ", ";
    out += rule.name;
  }
  return out;
}

crypto::Digest grader_digest(Grader grader) {
  return crypto::sha256("charter-grader/" + std::string(grader_name(grader)) + "/1");
}

}  // namespace judge
