// Cases of several turns: a candidate against a counterpart. Who speaks when is a pure function of
// what was said, so a transcript can be played again: each of the candidate's prompts is made anew,
// and every scripted turn must be the one that the script gives.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "judge/suite.h"

namespace judge {

struct Turn {
  std::string by;  // "candidate", "counterpart", and in some games "control", "ballot", "decoder"
  std::string text;
  friend bool operator==(const Turn&, const Turn&) = default;
};

// Answers a prompt. The candidate's and the judge's, and the counterpart's where it is a model.
using Speaker = std::function<base::Result<std::string>(const Prompt&)>;

struct Speakers {
  Speaker candidate, counterpart, judge;
};

// Plays the case to its end. `messages` are the case's with its setting's in front.
base::Result<std::vector<Turn>> play(const Suite& suite, const Case& one,
                                     std::span<const Message> messages, uint64_t seed,
                                     const Speakers& speakers);

std::string print_turns(std::span<const Turn> turns);  // {"turns":[{"by","text"}]}, canonical
std::optional<std::vector<Turn>> parse_turns(std::string_view output);

// Plays the case again with the transcript's own words in the mouths of models. DIGEST_MISMATCH
// unless the same turns come out. `asked` is called with each prompt that the candidate got.
base::Status replay(const Suite& suite, const Case& one, std::span<const Message> messages,
                    uint64_t seed, std::string_view output,
                    const std::function<base::Status(const Prompt&)>& asked = {});

// A counterpart that is a program, as a case writes it. The first rule whose words fit speaks:
//   {"rules":[{"any":["because"],"heard":["tax"],"from":2,"say":"…"}],"otherwise":"…","ballot":"B"}
// `any`: one of them stands in the candidate's last turn; `heard`: one of them in any of its turns;
// `from`: not before this turn, counted from 1. A rule with "ballot" instead of "say" decides the
// vote.
base::Status check_script(const json::Value& script, bool votes);
std::string scripted_reply(const json::Value& script, std::span<const Turn> turns);
std::string scripted_ballot(const json::Value& script, std::span<const Turn> turns);

}  // namespace judge
