// One step of the fold: what each kind of statement asks for, and what it changes. Called by
// state.cc alone, which has checked the entry itself. A step changes nothing when it refuses; each
// group of kinds has its file steps_*.cc.
#pragma once

#include "govern/state.h"

namespace govern {

base::Status apply_step(State* state, const LoggedStatement& statement);

// steps_charter.cc
base::Status apply_charter(State* state, const LoggedStatement& s);
// steps_evidence.cc
base::Status apply_evidence(State* state, const LoggedStatement& s);
base::Status apply_gate(State* state, const LoggedStatement& s);
// steps_vote.cc
base::Status apply_proposal(State* state, const LoggedStatement& s);
base::Status apply_ballot(State* state, const LoggedStatement& s);
base::Status apply_tally(State* state, const LoggedStatement& s);
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
base::Status check_epoch(const State& state, const std::string& channel, uint64_t epoch);

}  // namespace govern
