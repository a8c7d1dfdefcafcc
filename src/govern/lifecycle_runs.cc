// Before the vote: who trained a model, which runs were declared for it and how they ended, and
// that nobody has two duties.
#include <algorithm>

#include "govern/lifecycle_steps.h"

namespace govern {
namespace {

using base::Status;

// A model that somebody judged without having registered it keeps no duties.
ModelVersion& version_of(State* state, const crypto::Digest& manifest, const std::string& model) {
  const auto [at, is_new] = state->life.models.try_emplace(manifest);
  if (is_new) at->second.model = model;
  return at->second;
}

void move_to(ModelVersion* version, Phase to) {
  if (version->phase != to && may_follow(version->phase, to)) version->phase = to;
}

// The runs of a model are over and none is missing.
bool all_ended(const State& state, const crypto::Digest& manifest) {
  return std::ranges::none_of(state.life.runs, [&](const auto& entry) {
    return entry.second.intent.manifest == manifest && !entry.second.ended;
  });
}

Status check_suites(const State& state, const DeclaredRun& run, const EvalRun& end) {
  std::vector<std::string> judged;
  for (const LeafReference& reference : end.evidence) {
    const auto found = state.evidence.find(reference.sha256);
    if (found == state.evidence.end() || found->second.at != reference ||
        reference.leaf < run.at.leaf)
      return refuse("EVIDENCE_MISSING", "the log holds no such evidence behind the intent",
                    std::to_string(reference.leaf));
    const Evidence& e = found->second.evidence;
    if (e.manifest_digest != run.intent.manifest)
      return refuse("DIGEST_MISMATCH", "the results are of other weights than were declared",
                    e.suite);
    const auto suite = std::ranges::find(run.intent.suites, e.suite, &SuiteReference::suite);
    if (suite == run.intent.suites.end() || suite->root != e.suite_root)
      return refuse("DIGEST_MISMATCH", "the results are of another suite than was declared",
                    e.suite);
    judged.push_back(e.suite);
  }
  std::ranges::sort(judged);
  if (!std::ranges::equal(judged, run.intent.suites, {}, {}, &SuiteReference::suite))
    return refuse("EVIDENCE_INCOMPLETE",
                  "a complete run has one result of every suite that was declared: " +
                      std::to_string(judged.size()) + " of " +
                      std::to_string(run.intent.suites.size()),
                  std::to_string(run.at.leaf));
  return {};
}

// Which attempt at its suite on this model a run is, from 1: those that were aborted count too.
uint32_t attempt_of(const State& state, const DeclaredRun& run, const std::string& suite) {
  uint32_t count = 0;
  for (const auto& [digest, other] : state.life.runs) {
    if (other.intent.manifest != run.intent.manifest || other.at.leaf > run.at.leaf) continue;
    count += holds(other.intent.suites, suite, &SuiteReference::suite);
  }
  return count;
}

// Of one suite the last attempt counts; the earlier ones stay on record.
void number_attempts(State* state, const DeclaredRun& run) {
  for (const LeafReference& reference : run.evidence) {
    LoggedEvidence& logged = state->evidence.at(reference.sha256);
    logged.attempt = attempt_of(*state, run, logged.evidence.suite);
    for (auto& [digest, other] : state->evidence) {
      const bool earlier = other.attempt > 0 && other.attempt < logged.attempt &&
                           other.evidence.suite == logged.evidence.suite &&
                           other.evidence.manifest_digest == logged.evidence.manifest_digest;
      other.superseded = other.superseded || earlier;
    }
  }
}

}  // namespace

Status check_duty(const State& state, const crypto::Digest& manifest, Duty duty,
                  const std::set<std::string>& who) {
  const auto found = state.life.models.find(manifest);
  if (found == state.life.models.end() || found->second.trainer.empty() ||
      state.charter->one_person_decides())
    return {};
  for (const auto& [other, holders] : found->second.duties) {
    if (other == duty) continue;
    for (const std::string& id : who) {
      if (!holders.contains(id)) continue;
      return refuse("DUTY_CONFLICT",
                    "the " + std::string(duty_name(other)) + " of this model cannot be its " +
                        std::string(duty_name(duty)) + " too",
                    id);
    }
  }
  return {};
}

Status check_not_revoked(const State& state, const crypto::Digest& manifest,
                         const crypto::Digest& oms_root) {
  if (!state.life.revoked.contains(manifest) && !state.life.revoked.contains(oms_root)) return {};
  return refuse("REVOKED", "this model was revoked; it is served under no name",
                crypto::hex(manifest));
}

Status check_runs(const State& state, const crypto::Digest& manifest,
                  const std::vector<LeafReference>& evidence) {
  std::set<LeafReference> declared;
  bool any = false;
  for (const auto& [digest, run] : state.life.runs) {
    if (run.intent.manifest != manifest) continue;
    any = true;
    if (!run.ended)
      return refuse("INTENT_OPEN",
                    "a run that was declared for this model has not ended (`charter judge`)",
                    std::to_string(run.at.leaf));
    declared.insert(run.evidence.begin(), run.evidence.end());
  }
  const bool needed = state.charter->declared_runs;
  if (!any && !needed) return {};
  for (const LeafReference& reference : evidence) {
    if (!declared.contains(reference))
      return refuse("INTENT_OPEN", "this evidence is of a run that nobody declared beforehand",
                    std::to_string(reference.leaf));
  }
  for (const LeafReference& reference : declared) {
    if (!holds(evidence, reference))
      return refuse("EVIDENCE_INCOMPLETE",
                    "a run that was declared for this model is left out; all attempts are shown",
                    std::to_string(reference.leaf));
  }
  return {};
}

void note_evidence(State* state, const crypto::Digest& manifest, const std::string& model,
                   const std::set<std::string>& who) {
  ModelVersion& version = version_of(state, manifest, model);
  version.duties[Duty::Evaluator].insert(who.begin(), who.end());
  // Without declared runs the evidence itself is the run.
  const bool declared = std::ranges::any_of(state->life.runs, [&](const auto& entry) {
    return entry.second.intent.manifest == manifest;
  });
  if (declared) return;
  move_to(&version, Phase::Evaluating);
  move_to(&version, Phase::Complete);
}

void note_approval(State* state, const crypto::Digest& manifest, const std::string& person) {
  const auto found = state->life.models.find(manifest);
  if (found != state->life.models.end()) found->second.duties[Duty::Approver].insert(person);
}

void note_verdict(State* state, const LeafReference& at, const std::string& channel,
                  const crypto::Digest& manifest, bool passed, bool halts,
                  const std::set<std::string>& who, base::Time when) {
  ModelVersion& version = version_of(state, manifest, "");
  version.duties[Duty::GateOperator].insert(who.begin(), who.end());
  move_to(&version, passed ? Phase::Passed : Phase::Blocked);
  if (passed || !halts) return;
  const auto found = state->life.channels.find(channel);
  if (found == state->life.channels.end()) return;
  Arm* arm = find_arm(&found->second, manifest);
  if (arm != nullptr && is_serving(*arm)) halt_arm(&found->second, arm, at, when);
}

Status apply_model(State* state, const LoggedStatement& s) {
  TRY(const ModelStatement statement, parse_model(s.envelope.payload));
  TRY_VOID(check_context(*state, statement.context));
  TRY_VOID(check_created(s.leaf, statement.created));
  TRY_VOID(require_id(*state->charter, s.envelope, statement.trainer));
  const auto known = state->life.registered.find(statement.model);
  if (!statement.seal) {
    if (known != state->life.registered.end())
      return refuse("LIFECYCLE", "a model of this name is registered", statement.model);
    state->nonces.insert(statement.context.nonce);
    state->life.registered.emplace(statement.model, statement.trainer);
    return {};
  }
  if (known == state->life.registered.end() || known->second != statement.trainer)
    return refuse("LIFECYCLE", "a model is registered first, and sealed by its trainer",
                  statement.model);
  TRY_VOID(check_not_revoked(*state, statement.seal->manifest, statement.seal->oms_root));
  if (state->life.models.contains(statement.seal->manifest))
    return refuse("LIFECYCLE", "a model is sealed once, before anybody judges it", statement.model);
  ModelVersion version;
  version.model = statement.model;
  version.trainer = statement.trainer;
  version.seal = statement.seal;
  version.duties[Duty::Trainer].insert(statement.trainer);
  state->nonces.insert(statement.context.nonce);
  state->life.models.emplace(statement.seal->manifest, std::move(version));
  return {};
}

Status apply_run_intent(State* state, const LoggedStatement& s) {
  TRY(RunIntent intent, parse_run_intent(s.envelope.payload));
  TRY_VOID(check_context(*state, intent.context));
  TRY_VOID(check_created(s.leaf, intent.created));
  TRY_VOID(require_id(*state->charter, s.envelope, intent.evaluator));
  TRY_VOID(check_duty(*state, intent.manifest, Duty::Evaluator, {intent.evaluator}));
  if (state->life.revoked.contains(intent.manifest))
    return refuse("REVOKED", "this model was revoked", crypto::hex(intent.manifest));
  if (intent.standard != standard_digest(*state->charter))
    return refuse("CONTEXT_MISMATCH",
                  "the run is declared under another standard than the charter's",
                  crypto::hex(intent.standard));
  ModelVersion& version = version_of(state, intent.manifest, "");
  version.duties[Duty::Evaluator].insert(intent.evaluator);
  move_to(&version, Phase::Evaluating);
  state->nonces.insert(intent.context.nonce);
  state->life.runs.emplace(s.leaf.envelope,
                           DeclaredRun{reference_of(s), std::move(intent), false, false, {}, {}});
  return {};
}

Status apply_eval_run(State* state, const LoggedStatement& s) {
  TRY(const EvalRun end, parse_eval_run(s.envelope.payload));
  TRY_VOID(check_context(*state, end.context));
  TRY_VOID(check_created(s.leaf, end.created));
  TRY_VOID(require_id(*state->charter, s.envelope, end.evaluator));
  const auto found = state->life.runs.find(end.intent.sha256);
  if (found == state->life.runs.end() || found->second.at != end.intent)
    return refuse("INTENT_OPEN", "the log holds no such intent", std::to_string(end.intent.leaf));
  DeclaredRun& run = found->second;
  if (run.intent.evaluator != end.evaluator)
    return refuse("SIGNER_MISSING", "a run is ended by whoever declared it", end.evaluator);
  if (run.ended)
    return refuse("LIFECYCLE", "the run has ended; a run ends once",
                  std::to_string(end.intent.leaf));
  if (!end.complete && (end.reason.empty() || !end.evidence.empty()))
    return refuse("INTENT_OPEN", "a run is aborted for a reason, and gives no evidence",
                  std::to_string(end.intent.leaf));
  if (end.complete) TRY_VOID(check_suites(*state, run, end));
  run.ended = true;
  run.complete = end.complete;
  run.reason = end.reason;
  run.evidence = end.evidence;
  number_attempts(state, run);
  state->nonces.insert(end.context.nonce);
  if (all_ended(*state, run.intent.manifest) && end.complete)
    move_to(&state->life.models.at(run.intent.manifest), Phase::Complete);
  return {};
}

}  // namespace govern
