// The state of a house as a fold over its log: apply() takes one logged statement and either
// changes the state or refuses by name and changes nothing. The offline verifier folds the
// statements of a bundle with the same function.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "govern/charter.h"
#include "govern/decision_statements.h"
#include "govern/gate.h"
#include "govern/lifecycle.h"
#include "govern/nonces.h"
#include "govern/statements.h"
#include "govern/tally.h"
#include "govern/witness_policy.h"

namespace govern {

struct LoggedStatement {
  Leaf leaf;
  Envelope envelope;
};

enum class Stage : unsigned char {
  Voting,
  Passed,    // the tally is in; its waits may still run
  Released,  // it has taken effect: released, enacted, amended
  Vetoed,
};
std::string_view stage_name(Stage stage);

// A place in the log, from which a wait is measured.
struct Mark {
  uint64_t leaf = 0;
  base::Time time;  // the log's own
  friend bool operator==(const Mark&, const Mark&) = default;
};

using Seat = std::pair<std::string, std::string>;  // body and person

struct BallotRecord {
  LeafReference at;
  std::string body, person;
  Vote vote = Vote::Abstain;
  crypto::PublicKey key;  // that signed it: if it was stolen by then, the ballot does not count
};

struct ProposalState {
  std::shared_ptr<const Proposal> proposal;
  LeafReference at;
  base::Time logged;

  // As they were when voting opened; nothing that happens later moves them.
  std::shared_ptr<const Charter> opened;
  std::set<std::string> recused;  // out of the base, by the charter and what was disclosed
  std::string deciding;           // the body: the power's, or trust where too few are eligible
  bool entrenched = false;        // an amendment that touches an entrenched path
  bool restricts = false;         // an amendment that loosens nothing
  bool two_man = false;           // two persons of two bodies for, neither the proposer

  std::map<std::string, Mark> told;  // persons with a right to notice, by receipt or delivery
  std::map<Seat, std::set<std::string>> conflicts;  // who says that this seat has one
  std::vector<BallotRecord> ballots;                // in the order of the log
  std::optional<Mark> carried;                      // the ballot with which it first had enough
  std::set<std::string> vetoes;
  Stage stage = Stage::Voting;
  LeafReference tally;  // once passed
  base::Time tallied;
  LeafReference release;  // once it has taken effect
};

struct Release {
  Certificate certificate;
  Manifest manifest;
  LeafReference at;
};

// What one witness has said, as the log holds it.
struct WitnessClock {
  struct Sighting {
    uint64_t size = 0;  // of a checkpoint
    base::Time time;    // of the earliest cosignature on one of at least this size
  };
  std::vector<Sighting> sightings;  // both rise
  base::Time latest;
};

// Of a person in a body: the seat stays in the base, and has no say.
struct Suspension {
  Mark since;
  bool opened = false;  // what the charter asks for was proposed within a day
  base::Duration max;
};

// A seat filled from the succession list, until the charter's interim_max is over.
struct Interim {
  std::string body, person;
  Mark since;
};

struct KeyringState {
  uint64_t version = 1;
  std::optional<VerifierKey> claimed;  // for a person whose keys are lost
  Mark claimed_at;
};

struct PetitionState {
  Petition petition;               // the first signature's
  std::set<std::string> enrolled;  // of the body when it was signed
  std::set<std::string> signers;
  std::optional<Mark> forced;  // since when there are enough
};

struct State {
  bool whole = true;  // folded from the first leaf on without gaps; a bundle's state is not
  uint64_t next = 0;  // the index after the last statement
  base::Time latest;
  // The text's charter with the seats and keys that were changed since. Never null once started.
  std::shared_ptr<const Charter> charter;
  std::shared_ptr<const WitnessPolicy> policy;  // null: waits are measured by the log's times
  Context place;                                // of the charter and the log; no nonce
  crypto::Digest genesis{};                     // of the first charter
  VerifierKey log_key;
  std::map<crypto::Digest, LoggedEvidence> evidence;  // by envelope
  std::map<crypto::Digest, LeafReference> gates;      // by envelope
  std::map<crypto::Digest, GateVerdict> verdicts;     // by envelope
  std::map<crypto::Digest, ProposalState> proposals;  // by digest of the payload
  std::map<std::string, Release> channels;            // what each serves
  Lifecycle life;
  std::map<crypto::PublicKey, WitnessClock> witnesses;
  std::map<std::string, KeyringState> keyrings;        // by person; absent: as the charter says
  std::map<crypto::PublicKey, uint64_t> revoked_keys;  // not to be believed from this leaf on
  std::map<Seat, Suspension> suspensions;
  std::vector<Interim> interims;
  bool seats_changed = false;  // somebody was removed from a seat, or put into one
  std::map<crypto::Digest, PetitionState> petitions;
  NonceSet nonces;

  bool started() const { return next > 0; }
  // Nothing but releases changed it: its charter, seats and keys are those of the first entry, and
  // its waits are measured by the log's own times.
  bool is_as_founded() const {
    return place.charter_sha256 == genesis && policy == nullptr && keyrings.empty() &&
           suspensions.empty() && interims.empty() && !seats_changed;
  }
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
