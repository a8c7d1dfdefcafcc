// One step of the fold: what each kind of statement asks for, and what it changes. Called by
// state.cc alone, which has checked the entry itself. A step changes nothing when it refuses; each
// group of kinds has its file steps_*.cc.
#pragma once

#include "govern/charter_diff.h"
#include "govern/state.h"

namespace govern {

base::Status apply_step(State* state, const LoggedStatement& statement);

// steps_charter.cc
base::Status apply_charter(State* state, const LoggedStatement& s);
base::Status apply_cosigned(State* state, const LoggedStatement& s);
// steps_evidence.cc
base::Status apply_evidence(State* state, const LoggedStatement& s);
base::Status apply_gate(State* state, const LoggedStatement& s);
// steps_vote.cc
base::Status apply_proposal(State* state, const LoggedStatement& s);
base::Status apply_ballot(State* state, const LoggedStatement& s);
base::Status apply_tally(State* state, const LoggedStatement& s);
// steps_conflict.cc
base::Status apply_notice(State* state, const LoggedStatement& s);
base::Status apply_recusal(State* state, const LoggedStatement& s);
base::Status apply_veto(State* state, const LoggedStatement& s);
base::Status apply_petition(State* state, const LoggedStatement& s);
// steps_enact.cc
base::Status apply_enactment(State* state, const LoggedStatement& s);
// steps_keys.cc
base::Status apply_keyring(State* state, const LoggedStatement& s);
// steps_release.cc
base::Status apply_release(State* state, const LoggedStatement& s);

// What steps have in common.
LeafReference reference_of(const LoggedStatement& statement);
// CONTEXT_MISMATCH, REPLAY.
base::Status check_context(const State& state, const Context& context);
// A statement's own time is a claim; it may not lie after the log's: TIME_ORDER.
base::Status check_created(const Leaf& leaf, base::Time created);
// SUBJECT_MISMATCH, STAGE.
base::Result<ProposalState*> find_open(State* state, const crypto::Digest& digest, Stage stage);
// NOT_SEATED, CLASS_FORBIDDEN, SUSPENDED unless the person may speak for this body in the proposal.
base::Status check_say(const State& state, const ProposalState& proposal, const std::string& body,
                       const std::string& person, base::Time now);
// The text as the next version of the charter: CHARTER_CHAIN, CHARTER_LINT, BAD_KEY, ….
base::Result<CharterDiff> check_amendment(const State& state, const Subject& subject);
// SUCCESSION unless the person is the next of the list that may be seated.
base::Status check_successor(const State& state, const Subject& subject);
// BAD_KEY unless the key is new to everyone.
base::Status check_new_key(const State& state, const std::string& person, const std::string& vkey);
// What a proposal keeps from lapsing.
void note_opened(State* state, const Proposal& proposal, base::Time now);
// Takes the seats away whose interim is over; whether there were any.
bool end_interims(State* state, base::Time now);
// The charter as it stands, with changes.
template <class Change>
void change_charter(State* state, Change change) {
  Charter next = *state->charter;
  change(&next);
  state->charter = std::make_shared<const Charter>(std::move(next));
}
base::Status check_epoch(const State& state, const std::string& channel, uint64_t epoch);

}  // namespace govern
