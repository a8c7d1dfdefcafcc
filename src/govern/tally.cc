#include "govern/tally.h"

#include <algorithm>
#include <map>

#include "base/check.h"

namespace govern {
namespace {

// Seats are counted once even if a charter's body named someone twice; recused persons are not
// eligible.
std::set<std::string> eligible_of(const Body& body, const std::set<std::string>& recused) {
  std::set<std::string> eligible(body.members.begin(), body.members.end());
  for (const std::string& person : recused) eligible.erase(person);
  return eligible;
}

BodyResult count_body(const Body& body, const Rule& rule, uint64_t floor_for,
                      const std::vector<CountedVote>& votes, const Poll& poll) {
  const std::set<std::string> eligible = eligible_of(body, poll.recused);
  const auto found = poll.against.find(body.id);
  const std::set<std::string>* against = found == poll.against.end() ? nullptr : &found->second;
  std::map<std::string, const CountedVote*> first;
  for (const CountedVote& vote : votes) {
    if (vote.body != body.id || !eligible.contains(vote.person)) continue;
    const CountedVote*& kept = first[vote.person];
    if (kept == nullptr || vote.leaf < kept->leaf) kept = &vote;
  }
  BodyResult result;
  result.body = body.id;
  result.seats = body.seats;
  result.eligible = eligible.size();
  for (const std::string& person : eligible) {
    if (against != nullptr && against->contains(person)) ++result.votes_against;
  }
  for (const auto& [person, vote] : first) {
    if (against != nullptr && against->contains(person)) continue;
    if (vote->vote == Vote::For) result.persons_for.insert(person);
    if (vote->vote == Vote::Against) ++result.votes_against;
    if (vote->vote == Vote::Abstain) ++result.abstained;
  }
  result.votes_for = result.persons_for.size();
  CHECK(result.votes_for + result.votes_against + result.abstained <= result.eligible);
  result.needed = std::max(rule.threshold.of(eligible.size()), floor_for);
  const bool filled = eligible.size() + 1 >= body.min_filled && !eligible.empty();
  result.passed = filled && body.body_class != BodyClass::Economic &&
                  result.votes_for > result.votes_against && result.votes_for >= result.needed;
  return result;
}

// Two persons for, each in another of the bodies, neither the proposer.
bool two_men(const Outcome& outcome, const std::string& proposer) {
  for (const BodyResult& one : outcome.bodies) {
    for (const BodyResult& other : outcome.bodies) {
      if (one.body == other.body) continue;
      for (const std::string& a : one.persons_for) {
        for (const std::string& b : other.persons_for) {
          if (a != b && a != proposer && b != proposer) return true;
        }
      }
    }
  }
  return false;
}

}  // namespace

Outcome count(const Poll& poll, const std::vector<CountedVote>& votes) {
  const Body* deciding = poll.charter->find_body(poll.deciding);
  CHECK(deciding != nullptr);  // parse_charter refuses a power without it
  Outcome outcome;
  outcome.bodies.push_back(count_body(*deciding, poll.rule, poll.floor_for, votes, poll));
  for (const std::string& consent : poll.rule.consent) {
    const Body* body = poll.charter->find_body(consent);
    CHECK(body != nullptr);
    // The floor is set for the deciding body; a smaller body consents by the same share of its own
    // seats.
    outcome.bodies.push_back(count_body(*body, poll.rule, 1, votes, poll));
  }
  outcome.passed = std::ranges::all_of(outcome.bodies, &BodyResult::passed);
  if (poll.two_persons) {
    std::set<std::string> persons;  // one person in two bodies is two tallies but one person
    for (const BodyResult& result : outcome.bodies)
      persons.insert(result.persons_for.begin(), result.persons_for.end());
    outcome.passed = outcome.passed && persons.size() >= 2;
  }
  if (!poll.two_man_proposer.empty())
    outcome.passed = outcome.passed && two_men(outcome, poll.two_man_proposer);
  return outcome;
}

Outcome count(const Charter& charter, const Power& power, const std::vector<CountedVote>& votes,
              const std::set<std::string>& recused) {
  Poll poll;
  poll.charter = &charter;
  poll.rule = terms_of(charter, power);
  poll.deciding = power.body;
  poll.floor_for = poll.rule.floor_for;
  poll.recused = recused;
  poll.two_persons = std::ranges::find(power.needs, Need::TwoBodies) != power.needs.end();
  return count(poll, votes);
}

json::Value outcome_to_json(const Outcome& outcome) {
  json::Array bodies;
  for (const BodyResult& r : outcome.bodies) {
    bodies.emplace_back(json::Object{{"body", r.body},
                                     {"seats", std::to_string(r.seats)},
                                     {"eligible", std::to_string(r.eligible)},
                                     {"for", std::to_string(r.votes_for)},
                                     {"against", std::to_string(r.votes_against)},
                                     {"abstain", std::to_string(r.abstained)},
                                     {"needed", std::to_string(r.needed)},
                                     {"passed", r.passed}});
  }
  return bodies;
}

std::string describe(const Outcome& outcome) {
  std::string out;
  for (const BodyResult& r : outcome.bodies) {
    if (!out.empty()) out += "; ";
    out += r.body + ": " + std::to_string(r.votes_for) + " for, " +
           std::to_string(r.votes_against) + " against of " + std::to_string(r.eligible) +
           " eligible, " + std::to_string(r.needed) + " needed";
  }
  return out;
}

}  // namespace govern
