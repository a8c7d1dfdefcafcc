// The state of a house as a fold over its log: apply() takes one logged statement and either
// changes the state or refuses by name and changes nothing. The offline verifier folds the
// statements of a bundle with the same function.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "govern/charter.h"
#include "govern/gate.h"
#include "govern/lifecycle.h"
#include "govern/statements.h"
#include "govern/tally.h"

namespace govern {

struct LoggedStatement {
  Leaf leaf;
  Envelope envelope;
};

enum class Stage : unsigned char { Voting, Passed, Released };

struct BallotRecord {
  LeafReference at;
  Ballot ballot;
};

struct ProposalState {
  Proposal proposal;
  LeafReference at;
  base::Time logged;
  std::vector<BallotRecord> ballots;  // in the order of the log
  Stage stage = Stage::Voting;
  LeafReference tally;  // once passed
  base::Time tallied;
  LeafReference release;  // once released
};

struct Release {
  Certificate certificate;
  Manifest manifest;
  LeafReference at;
};

struct State {
  bool whole = true;  // folded from the first leaf on without gaps; a bundle's state is not
  uint64_t next = 0;  // the index after the last statement
  base::Time latest;
  Charter charter;
  Context place;  // of this charter and log; no nonce
  VerifierKey log_key;
  std::map<crypto::Digest, LoggedEvidence> evidence;  // by envelope
  std::map<crypto::Digest, LeafReference> gates;      // by envelope
  std::map<crypto::Digest, GateVerdict> verdicts;     // by envelope
  std::map<crypto::Digest, ProposalState> proposals;  // by digest of the payload
  std::map<std::string, Release> channels;            // what each serves
  std::map<std::string, base::Time> nonces;           // seen; a statement cannot be logged twice
  Lifecycle life;

  bool started() const { return next > 0; }
};

base::Status apply(State* state, const LoggedStatement& statement);

// What a leaf about this payload must name as its subject; checked by apply().
base::Result<crypto::Digest> subject_of(Kind kind, std::string_view payload);
crypto::Digest proposal_digest(const Proposal& proposal);

Outcome count_ballots(const State& state, const ProposalState& proposal);
// Whether the proposal passes if it were counted at `now`: THRESHOLD_UNMET, NOTICE_PENDING,
// EXPIRED, or its outcome.
base::Result<Outcome> outcome_of(const State& state, const ProposalState& proposal, base::Time now);
std::vector<LoggedEvidence> evidence_of(const State& state, const Proposal& proposal);

// The certificate that this proposal leads to; apply() accepts no other. The nonce is the caller's.
Certificate expected_certificate(const State& state, const ProposalState& proposal,
                                 base::Time not_before);

json::Value state_to_json(const State& state);
crypto::Digest state_hash(const State& state);

}  // namespace govern
