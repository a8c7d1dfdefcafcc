// A model version's life (GOVERNANCE 3.12) and a channel's: which releases it has, what share of
// the traffic each may have, what halted it. A fold over the log like the rest of the state; the
// loader and the serving path ask serving_plan() and nothing else.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "govern/lifecycle_statements.h"
#include "govern/rollout.h"

namespace govern {

struct State;
struct LoggedStatement;
struct Charter;

enum class Phase : unsigned char {
  Registered,
  Sealed,
  Evaluating,
  Complete,
  Passed,
  Blocked,
  Voting,
  Approved,
  Releasable,
  Canary,
  Production,
  Halted,
  RolledBack,
  Deprecated,
  Retired,
  Revoked,
};
std::string_view phase_name(Phase phase);  // "REGISTERED"
bool is_terminal(Phase phase);             // RETIRED, REVOKED
bool may_follow(Phase from, Phase to);     // the table of 3.12

// Who did what for a model. No person and no service has two of these duties where the model was
// registered with a trainer (3.7).
enum class Duty : unsigned char { Trainer, Evaluator, GateOperator, Approver };
std::string_view duty_name(Duty duty);

struct ModelVersion {
  std::string model, trainer;  // no trainer: it was not registered here
  std::optional<ModelStatement::Seal> seal;
  Phase phase = Phase::Sealed;  // up to PASSED or BLOCKED, and REVOKED
  std::map<Duty, std::set<std::string>> duties;
};

struct DeclaredRun {
  LeafReference at;
  RunIntent intent;
  bool ended = false;
  bool complete = false;
  std::string reason;
  std::vector<LeafReference> evidence;
};

// A certified release of a channel.
struct Arm {
  LeafReference certificate;
  crypto::Digest proposal{}, manifest{}, oms_root{}, release_unit{};
  std::string model, proposer;
  base::Time not_after;
  uint64_t max_share = 100;
  Phase phase = Phase::Releasable;
  uint64_t share = 0;         // percent that its stage allows; serving_plan() says what it gets
  base::Time since;           // when the stage began
  uint64_t halted_share = 0;  // the stage that was halted
  LeafReference halt;         // by which statement
};

struct ChannelLife {
  uint64_t epoch = 0;     // rises with every release, halt, resume and rollback
  std::vector<Arm> arms;  // in the order of their certificates
  base::Time lease_until;
  std::optional<LeafReference> lease;
};

struct AlarmRecord {
  LeafReference at;
  std::string channel;
  crypto::Digest manifest{};
  AlarmCause cause = AlarmCause::Bound;
  bool closed = false;
};

struct StopRecord {
  LeafReference at;
  std::string channel, holder;
  bool closed = false;
};

struct Lifecycle {
  uint64_t stop_epoch = 0;
  std::map<std::string, std::string> registered;  // model → trainer
  std::map<crypto::Digest, ModelVersion> models;  // by manifest
  std::map<crypto::Digest, DeclaredRun> runs;     // by envelope of the intent
  std::map<std::string, ChannelLife> channels;
  std::map<crypto::Digest, AlarmRecord> alarms;  // by envelope
  std::map<crypto::Digest, StopRecord> stops;    // by envelope
  std::map<crypto::Digest, Incident> incidents;  // by envelope
  std::map<crypto::Digest, base::Time> incident_times;
  std::set<crypto::Digest> revoked;  // manifests, OMS roots and release units
};

// One step of the fold for the kinds of lifecycle_statements.h. Changes nothing when it refuses.
base::Status apply_lifecycle(State* state, const LoggedStatement& statement);

// What the other steps ask before they change anything, and tell once they have.
base::Status check_duty(const State& state, const crypto::Digest& manifest, Duty duty,
                        const std::set<std::string>& who);  // DUTY_CONFLICT
base::Status check_not_revoked(const State& state, const crypto::Digest& manifest,
                               const crypto::Digest& oms_root);  // REVOKED
// INTENT_OPEN: a run that was declared for the model has no end, or evidence belongs to none.
// EVIDENCE_INCOMPLETE: a declared run's evidence is left out.
base::Status check_runs(const State& state, const crypto::Digest& manifest,
                        const std::vector<LeafReference>& evidence);
uint64_t channel_epoch(const State& state, const std::string& channel);  // 0 before the first

void note_evidence(State* state, const crypto::Digest& manifest, const std::string& model,
                   const std::set<std::string>& who);
// A failed verdict on a release that serves halts it when the gate says so.
void note_verdict(State* state, const LeafReference& at, const std::string& channel,
                  const crypto::Digest& manifest, bool passed, bool halts,
                  const std::set<std::string>& who, base::Time when);
void note_approval(State* state, const crypto::Digest& manifest, const std::string& person);
struct Certificate;
void note_release(State* state, const LeafReference& at, const Certificate& certificate,
                  const std::string& proposer, base::Time when);

// Who may stop: the holders of the power "stop"; without that power whoever sits in a body of class
// control.
bool may_stop(const Charter& charter, std::string_view id);

struct ServedArm {
  crypto::Digest manifest{}, proposal{};
  LeafReference certificate;
  uint64_t percent = 0;
  bool is_canary = false;
};
struct ServingPlan {
  std::vector<ServedArm> arms;  // the canary first; none: nothing is served
  uint64_t epoch = 0, stop_epoch = 0;
  // Why less than all of the traffic is served: NOT_RELEASED, LEASE_EXPIRED, HALTED, EXPIRED,
  // REVOKED.
  std::string reason, message;
  std::optional<base::Time> until;  // when time alone will change this plan
};
// Pure: what the channel may serve at `now`. Time only ever takes away.
ServingPlan serving_plan(const State& state, const std::string& channel, base::Time now);

// Where the model stands on this channel; REVOKED and what precedes the vote without one.
std::optional<Phase> phase_of(const State& state, const std::string& channel,
                              const crypto::Digest& manifest, base::Time now);

json::Value lifecycle_to_json(const Lifecycle& life);

}  // namespace govern
