// Counting (GOVERNANCE 3.3). Persons in seats are counted, each once in a body; a motion passes
// when more are for than against, when enough of the eligible are for, when the floor is reached,
// and when every body whose consent the rule asks for passes its own tally. Absence and abstention
// are "not for"; a tie fails.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "govern/charter.h"
#include "govern/statements.h"

namespace govern {

struct CountedVote {
  std::string body, person;
  Vote vote = Vote::Abstain;
  uint64_t leaf = 0;  // of two ballots of one person in one body, the one logged first stands
};

struct BodyResult {
  std::string body;
  uint64_t seats = 0, eligible = 0, votes_for = 0, votes_against = 0, abstained = 0;
  uint64_t needed = 0;  // votes for
  bool passed = false;
  std::set<std::string> persons_for;
};

struct Outcome {
  std::vector<BodyResult> bodies;  // the deciding one first
  bool passed = false;
};

// What is counted, and by which terms: all of it fixed when voting opened, but for conflicts found
// since.
struct Poll {
  const Charter* charter = nullptr;
  Rule rule;
  std::string deciding;                                  // the body
  uint64_t floor_for = 1;                                // of the deciding body
  std::set<std::string> recused;                         // out of the base of every body
  std::map<std::string, std::set<std::string>> against;  // by body: in the base, and against
  bool two_persons = false;                              // for, over all bodies
  // Two persons of two bodies for, neither of them this one; empty: not asked.
  std::string two_man_proposer;
};
Outcome count(const Poll& poll, const std::vector<CountedVote>& votes);

// `recused` persons leave the base of every body. Votes in other bodies, of persons without a seat,
// or in a body of class economic have no influence on anything.
Outcome count(const Charter& charter, const Power& power, const std::vector<CountedVote>& votes,
              const std::set<std::string>& recused = {});

json::Value outcome_to_json(const Outcome& outcome);  // the `results` of a tally statement
std::string describe(const Outcome& outcome);  // "board: 1 for, 0 against of 1 eligible, 1 needed"

}  // namespace govern
