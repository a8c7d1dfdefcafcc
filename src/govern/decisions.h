// Questions about a proposal that the state answers: whether its waits are over, who must still be
// told, whether it would pass, whether it may take effect (GOVERNANCE 3.3, 3.5, 3.8). Pure.
#pragma once

#include "govern/state.h"

namespace govern {

// Whether `wait` is over since a place in the log. With a policy of witnesses: k of them have
// cosigned, at times of theirs that lie the wait after the k-th earliest cosignature over that
// place. Without one: by the log's own times.
bool elapsed(const State& state, uint64_t k, const Mark& from, base::Duration wait, base::Time now);
// Whether any one witness, or the log's time, is past the deadline.
bool expired(const State& state, base::Time deadline, base::Time now);

// The seat has no say at `now`: the suspension has neither run out nor lapsed for want of the
// proposal that it prepares.
bool is_suspended(const State& state, const std::string& body, const std::string& person,
                  base::Time now);

// Who must be told before the vote closes, as the charter of its opening says.
std::set<std::string> to_be_told(const ProposalState& proposal);
std::vector<std::string> not_yet_told(const ProposalState& proposal);

// Persons of the body in whom two thirds of the others find a conflict, and who themselves do.
std::set<std::string> found_conflicted(const ProposalState& proposal, const std::string& body);

// Who leaves the base of a proposal by what the charter says and persons disclosed.
std::set<std::string> recused_of(const Charter& charter, const Power& power,
                                 const Proposal& proposal);
// The deciding body, or trust where too few are eligible.
std::string deciding_body(const Charter& charter, const Power& power,
                          const std::set<std::string>& recused);
// What its action asks for under this charter: rule.entrenched for a touched entrenched path.
Rule terms_of_proposal(const Charter& charter, const ProposalState& proposal);

base::Time deadline_of(const ProposalState& proposal);

// Whether what passed may take effect at `now`: STAGE, EXPIRED, TIMELOCK_PENDING,
// CHARTER_INTERSECTION.
base::Status check_ready(const State& state, const ProposalState& proposal, base::Time now);

}  // namespace govern
