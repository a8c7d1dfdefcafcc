#include "govern/decisions.h"

#include <algorithm>

#include "govern/refusal.h"

namespace govern {
namespace {

using base::Status;

constexpr base::Duration kDay = base::seconds(86'400);

std::optional<base::Time> first_seen(const WitnessClock& clock, uint64_t leaf) {
  const auto seen =
      std::ranges::upper_bound(clock.sightings, leaf, {}, &WitnessClock::Sighting::size);
  if (seen == clock.sightings.end()) return std::nullopt;
  return seen->time;
}

std::vector<CountedVote> votes_of(const ProposalState& p) {
  std::vector<CountedVote> votes;
  for (const BallotRecord& record : p.ballots)
    votes.push_back({record.body, record.person, record.vote, record.at.leaf});
  return votes;
}

// The count of the same ballots under a charter: that of the opening, or the one that stands.
Outcome count_under(const Charter& charter, const ProposalState& p,
                    const std::set<std::string>& recused, const std::string& deciding) {
  const Power* power = charter.find_power(p.proposal->action);
  Poll poll;
  poll.charter = &charter;
  poll.rule = terms_of_proposal(charter, p);
  poll.deciding = deciding;
  poll.recused = recused;
  const Body* body = charter.find_body(deciding);
  poll.floor_for =
      deciding == power->body ? poll.rule.floor_for : poll.rule.threshold.of(body->seats);
  poll.two_persons = std::ranges::find(power->needs, Need::TwoBodies) != power->needs.end();
  if (p.two_man) poll.two_man_proposer = p.proposal->person;
  std::vector<std::string> asked = poll.rule.consent;
  asked.push_back(deciding);
  for (const std::string& id : asked) {
    auto against = found_conflicted(p, id);
    if (!against.empty()) poll.against[id] = std::move(against);
  }
  return count(poll, votes_of(p));
}

uint64_t witnesses_needed(const State& state, const ProposalState& p) {
  return std::max(state.charter->elapsed_witnesses, p.opened->elapsed_witnesses);
}

bool charter_changed(const State& state, const ProposalState& p) {
  return state.charter->version != p.opened->version;
}

// Under the charter that stands now, with the seats that are filled now.
Status check_intersection(const State& state, const ProposalState& p) {
  if (state.charter == p.opened) return {};
  const auto no = [&](const std::string& why) {
    return refuse(
        "CHARTER_INTERSECTION",
        "the charter changed since this was proposed, and under the one that stands " + why,
        crypto::hex(proposal_digest(*p.proposal)));
  };
  const Power* power = state.charter->find_power(p.proposal->action);
  if (power == nullptr || power->any_one()) return no("nobody can decide it");
  if (p.entrenched && state.charter->find_rule("entrenched") == nullptr)
    return no("no rule covers entrenched paths");
  const auto recused = recused_of(*state.charter, *power, *p.proposal);
  const Outcome outcome =
      count_under(*state.charter, p, recused, deciding_body(*state.charter, *power, recused));
  if (!outcome.passed) return no("it does not pass: " + describe(outcome));
  return {};
}

// Both charters must say that a wait is over.
Status check_wait(const State& state, const ProposalState& p, const Mark& from, base::Duration old,
                  base::Duration current, std::string_view reason, const std::string& what,
                  base::Time now) {
  const uint64_t k = witnesses_needed(state, p);
  const bool then_over = elapsed(state, k, from, old, now);
  const bool now_over = elapsed(state, k, from, current, now);
  if (then_over && now_over) return {};
  if (then_over != now_over)
    return refuse(
        "CHARTER_INTERSECTION",
        "the charter changed since this was proposed, and only one of the two says that " + what +
            " is over",
        crypto::hex(proposal_digest(*p.proposal)));
  const base::Time over = from.time + std::max(old, current);
  return refuse(reason, what + " is over at " + base::rfc3339(over) +
                            (k > 0 ? ", when " + std::to_string(k) + " witnesses say so" : ""));
}

Mark notice_mark(const ProposalState& p) {
  Mark mark{p.at.leaf, p.logged};
  for (const auto& [person, told] : p.told) {
    if (told.leaf > mark.leaf) mark = told;
  }
  return mark;
}

Rule current_terms(const State& state, const ProposalState& p) {
  const bool still = charter_changed(state, p) &&
                     state.charter->find_power(p.proposal->action) != nullptr &&
                     !state.charter->find_power(p.proposal->action)->any_one() &&
                     (!p.entrenched || state.charter->find_rule("entrenched") != nullptr);
  return terms_of_proposal(still ? *state.charter : *p.opened, p);
}

base::Duration wait_after_tally(const Rule& rule) {
  return rule.veto ? std::max(rule.timelock, rule.veto->window) : rule.timelock;
}

}  // namespace

bool elapsed(const State& state, uint64_t k, const Mark& from, base::Duration wait,
             base::Time now) {
  if (wait.ns <= 0) return true;
  if (k == 0) return now >= from.time + wait;
  std::vector<base::Time> first;
  for (const auto& [key, clock] : state.witnesses) {
    if (const auto seen = first_seen(clock, from.leaf)) first.push_back(*seen);
  }
  if (first.size() < k) return false;
  std::ranges::sort(first);
  const base::Time over = first[k - 1] + wait;
  const auto agree = std::ranges::count_if(
      state.witnesses, [&](const auto& entry) { return entry.second.latest >= over; });
  return static_cast<uint64_t>(agree) >= k;
}

bool expired(const State& state, base::Time deadline, base::Time now) {
  return now > deadline || std::ranges::any_of(state.witnesses, [&](const auto& entry) {
           return entry.second.latest > deadline;
         });
}

bool is_suspended(const State& state, const std::string& body, const std::string& person,
                  base::Time now) {
  const auto found = state.suspensions.find({body, person});
  if (found == state.suspensions.end()) return false;
  const Suspension& s = found->second;
  if (expired(state, s.since.time + s.max, now)) return false;
  return s.opened || !expired(state, s.since.time + kDay, now);
}

std::set<std::string> to_be_told(const ProposalState& p) {
  std::set<std::string> persons;
  for (const std::string& party : p.opened->find_power(p.proposal->action)->notify) {
    if (party == "subject") {
      if (!p.proposal->subject.person.empty()) persons.insert(p.proposal->subject.person);
    } else if (const Body* body = p.opened->find_body(party)) {
      persons.insert(body->members.begin(), body->members.end());
    }
  }
  return persons;
}

std::vector<std::string> not_yet_told(const ProposalState& p) {
  std::vector<std::string> missing;
  for (const std::string& person : to_be_told(p)) {
    if (!p.told.contains(person)) missing.push_back(person);
  }
  return missing;
}

std::set<std::string> found_conflicted(const ProposalState& p, const std::string& body_id) {
  std::set<std::string> out;
  const Body* body = p.opened->find_body(body_id);
  if (body == nullptr) return out;
  for (auto at = p.conflicts.lower_bound({body_id, ""});
       at != p.conflicts.end() && at->first.first == body_id; ++at) {
    const std::string& person = at->first.second;
    const std::set<std::string>& says = at->second;
    const size_t others = body->members.empty() ? 0 : body->members.size() - 1;
    const size_t from_others = says.size() - (says.contains(person) ? 1 : 0);
    if (says.contains(person) || (others > 0 && from_others >= Fraction{2, 3}.of(others)))
      out.insert(person);
  }
  return out;
}

std::set<std::string> recused_of(const Charter& charter, const Power& power,
                                 const Proposal& proposal) {
  std::set<std::string> out;
  const std::string& subject = proposal.subject.person;
  for (const std::string& who : power.recuse) {
    if (who == "subject") {
      if (!subject.empty()) out.insert(subject);
      continue;
    }
    for (const Person& person : charter.persons) {
      const bool concerned = std::ranges::any_of(person.interests, [&](const std::string& held) {
        return who == "interests" ? !subject.empty() && held.ends_with(":" + subject) : held == who;
      });
      if (concerned) out.insert(person.id);
    }
  }
  return out;
}

std::string deciding_body(const Charter& charter, const Power& power,
                          const std::set<std::string>& recused) {
  const Body* body = charter.find_body(power.body);
  const auto eligible = std::ranges::count_if(
      body->members, [&](const std::string& member) { return !recused.contains(member); });
  if (static_cast<uint64_t>(eligible) + 1 >= body->min_filled && eligible > 0) return power.body;
  const Body* trust = charter.find_body("trust");
  return trust != nullptr && trust->body_class != BodyClass::Economic ? trust->id : power.body;
}

Rule terms_of_proposal(const Charter& charter, const ProposalState& p) {
  const Power* power = charter.find_power(p.proposal->action);
  return p.entrenched ? *charter.find_rule("entrenched") : terms_of(charter, *power);
}

base::Time deadline_of(const ProposalState& p) {
  const Rule rule = terms_of_proposal(*p.opened, p);
  const bool late = p.carried && p.carried->time + rule.late_extension > p.proposal->expires;
  return late ? p.proposal->expires + rule.late_extension : p.proposal->expires;
}

Outcome count_ballots(const State&, const ProposalState& p) {
  return count_under(*p.opened, p, p.recused, p.deciding);
}

base::Result<Outcome> outcome_of(const State& state, const ProposalState& p, base::Time now) {
  const Outcome outcome = count_ballots(state, p);
  if (expired(state, deadline_of(p), now))
    return refuse("EXPIRED", "the proposal expired at " + base::rfc3339(deadline_of(p)));
  if (const auto missing = not_yet_told(p); !missing.empty())
    return refuse("NOTICE_INCOMPLETE",
                  "not everyone who must be told has a receipt or a logged delivery",
                  missing.front());
  const Rule then = terms_of_proposal(*p.opened, p), current = current_terms(state, p);
  TRY_VOID(check_wait(state, p, notice_mark(p), then.notice, current.notice, "NOTICE_PENDING",
                      "the notice of rule '" + then.id + "'", now));
  if (!outcome.passed && p.entrenched)
    return refuse("ENTRENCHED",
                  "an entrenched path is changed by rule 'entrenched' only: " + describe(outcome));
  if (!outcome.passed)
    return refuse("THRESHOLD_UNMET", "the proposal has not passed: " + describe(outcome));
  if (p.carried)
    TRY_VOID(check_wait(state, p, *p.carried, then.late_extension, current.late_extension,
                        "NOTICE_PENDING", "the time after the ballot that carried it", now));
  TRY_VOID(check_intersection(state, p));
  return outcome;
}

Status check_ready(const State& state, const ProposalState& p, base::Time now) {
  if (p.stage != Stage::Passed)
    return refuse("STAGE", "this proposal has not passed, or has taken effect already",
                  crypto::hex(proposal_digest(*p.proposal)));
  const Rule then = terms_of_proposal(*p.opened, p), current = current_terms(state, p);
  TRY_VOID(check_wait(state, p, {p.tally.leaf, p.tallied}, wait_after_tally(then),
                      wait_after_tally(current), "TIMELOCK_PENDING",
                      (then.veto && then.veto->window > then.timelock ? "the time for a veto under"
                                                                      : "the timelock of") +
                          std::string(" rule '") + then.id + "'",
                      now));
  if (expired(state, deadline_of(p), now))
    return refuse("EXPIRED", "the proposal has expired", crypto::hex(proposal_digest(*p.proposal)));
  return check_intersection(state, p);
}

}  // namespace govern
