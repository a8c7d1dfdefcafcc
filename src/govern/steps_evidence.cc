#include <algorithm>

#include "govern/refusal.h"
#include "govern/signers.h"
#include "govern/steps.h"

namespace govern {

using base::Result;
using base::Status;

Status apply_evidence(State* state, const LoggedStatement& s) {
  TRY(Evidence evidence, parse_evidence(s.envelope.payload));
  TRY_VOID(check_created(s.leaf, evidence.finished));
  TRY(const auto signers, signers_of(*state->charter, s.envelope));
  const bool has_judge = std::ranges::any_of(
      state->charter->services, [](const Service& held) { return held.role == "judge"; });
  for (const std::string& signer : signers) {
    const Service* service = state->charter->find_service(signer);
    const bool is_judge = service != nullptr && service->role == "judge";
    if (!is_judge && (service != nullptr || has_judge))
      return refuse("DUTY_CONFLICT",
                    "evidence is attested by a service with the role judge, not by a person",
                    signer);
    if (!is_judge) TRY_VOID(require_control(*state->charter, signer));
  }
  if (state->evidence.contains(s.leaf.envelope))
    return refuse("REPLAY", "this evidence is in the log already");
  TRY_VOID(check_duty(*state, evidence.manifest_digest, Duty::Evaluator, signers));
  note_evidence(state, evidence.manifest_digest, evidence.model, signers);
  state->evidence.emplace(s.leaf.envelope, LoggedEvidence{reference_of(s), std::move(evidence)});
  return {};
}

namespace {

Result<std::vector<LoggedEvidence>> find_evidence(const State& state,
                                                  const std::vector<LeafReference>& references) {
  std::vector<LoggedEvidence> out;
  for (const LeafReference& reference : references) {
    const auto found = state.evidence.find(reference.sha256);
    if (found == state.evidence.end() || found->second.at != reference)
      return refuse("EVIDENCE_MISSING", "the evidence named is not in the log at this leaf",
                    std::to_string(reference.leaf));
    out.push_back(found->second);
  }
  return out;
}

}  // namespace

Status apply_gate(State* state, const LoggedStatement& s) {
  TRY(GateVerdict verdict, parse_gate_verdict(s.envelope.payload));
  TRY_VOID(check_created(s.leaf, verdict.verified));
  TRY(const auto signers, signers_of(*state->charter, s.envelope));
  TRY_VOID(check_duty(*state, verdict.manifest, Duty::GateOperator, signers));
  const Power* power = state->charter->find_power("model.promote");
  if (power == nullptr || verdict.standard != standard_digest(*state->charter))
    return refuse("CONTEXT_MISMATCH",
                  "the verdict was given by another standard than the charter's");
  TRY(const auto evidence, find_evidence(*state, verdict.evidence));
  TRY_VOID(check_runs(*state, verdict.manifest, verdict.evidence));
  const Status gates = check_gates(*state->charter, *power, verdict.channel, verdict.manifest,
                                   evidence, s.leaf.time);
  if (verdict.passed && !gates) return gates;
  if (!verdict.passed && gates)
    return refuse("GATE_BOUND", "the verdict says failed, and the evidence passes the gates",
                  verdict.channel);
  if (state->gates.contains(s.leaf.envelope))
    return refuse("REPLAY", "this verdict is in the log already");
  state->gates.emplace(s.leaf.envelope, reference_of(s));
  const bool halts = !verdict.passed && breach_halts(*state->charter, *power, verdict.channel,
                                                     verdict.manifest, evidence, s.leaf.time);
  note_verdict(state, reference_of(s), verdict.channel, verdict.manifest, verdict.passed, halts,
               signers, s.leaf.time);
  state->verdicts.emplace(s.leaf.envelope, std::move(verdict));
  return {};
}

}  // namespace govern
