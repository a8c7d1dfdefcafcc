#include "govern/steps.h"

#include <algorithm>

#include "govern/refusal.h"
#include "govern/signers.h"

namespace govern {

using base::Result;
using base::Status;

LeafReference reference_of(const LoggedStatement& statement) {
  return {statement.leaf.seq, statement.leaf.envelope};
}

Status check_context(const State& state, const Context& context) {
  if (!same_place(state.place, context))
    return refuse("CONTEXT_MISMATCH", "the statement was made for another charter or another log",
                  context.origin);
  if (state.nonces.contains(context.nonce))
    return refuse("REPLAY", "the same statement was logged before", context.nonce);
  return {};
}

Status check_created(const Leaf& leaf, base::Time created) {
  if (created > leaf.time)
    return refuse("TIME_ORDER", "the statement is dated after its entry in the log",
                  base::rfc3339(created));
  return {};
}

namespace {

Status apply_charter(State* state, const LoggedStatement& s) {
  if (state->started() || s.leaf.seq != 0)
    return refuse("CHARTER_CHAIN", "a charter starts a log; this house has one");
  TRY(const CharterStatement statement, parse_charter_statement(s.envelope.payload));
  TRY(Charter charter, parse_charter(statement.text));
  const crypto::Digest digest = crypto::sha256(statement.text);
  TRY(VerifierKey log_key, parse_vkey(statement.log_vkey));
  const Context place{charter.id, charter.version, digest, charter.origin(),
                      statement.context.nonce};
  if (!(place == statement.context) || log_key.name != charter.origin())
    return refuse("CONTEXT_MISMATCH",
                  "the charter's statement does not name this charter and its log", charter.id);
  TRY(const auto signers, signers_of(charter, s.envelope));
  const auto members = charter.control_persons();
  if (std::ranges::none_of(members,
                           [&](const std::string& person) { return signers.contains(person); }))
    return refuse("SIGNER_MISSING",
                  "the charter is signed by nobody with a seat in a body of class control",
                  charter.id);
  state->charter = std::move(charter);
  state->place = place;
  state->place.nonce.clear();
  state->log_key = std::move(log_key);
  state->nonces.emplace(statement.context.nonce, s.leaf.time);
  return {};
}

Status apply_evidence(State* state, const LoggedStatement& s) {
  TRY(Evidence evidence, parse_evidence(s.envelope.payload));
  TRY_VOID(check_created(s.leaf, evidence.finished));
  TRY(const auto signers, signers_of(state->charter, s.envelope));
  for (const std::string& signer : signers) {
    const bool is_judge = state->charter.find_service(signer) != nullptr;
    if (!is_judge && !state->charter.services.empty())
      return refuse("DUTY_CONFLICT",
                    "evidence is attested by a service with the role judge, not by a person",
                    signer);
    if (!is_judge) TRY_VOID(require_control(state->charter, signer));
  }
  if (state->evidence.contains(s.leaf.envelope))
    return refuse("REPLAY", "this evidence is in the log already");
  TRY_VOID(check_duty(*state, evidence.manifest_digest, Duty::Evaluator, signers));
  note_evidence(state, evidence.manifest_digest, evidence.model, signers);
  state->evidence.emplace(s.leaf.envelope, LoggedEvidence{reference_of(s), std::move(evidence)});
  return {};
}

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

Status apply_gate(State* state, const LoggedStatement& s) {
  TRY(GateVerdict verdict, parse_gate_verdict(s.envelope.payload));
  TRY_VOID(check_created(s.leaf, verdict.verified));
  TRY(const auto signers, signers_of(state->charter, s.envelope));
  TRY_VOID(check_duty(*state, verdict.manifest, Duty::GateOperator, signers));
  const Power* power = state->charter.find_power("model.promote");
  if (power == nullptr || verdict.standard != standard_digest(state->charter))
    return refuse("CONTEXT_MISMATCH",
                  "the verdict was given by another standard than the charter's");
  TRY(const auto evidence, find_evidence(*state, verdict.evidence));
  TRY_VOID(check_runs(*state, verdict.manifest, verdict.evidence));
  const Status gates =
      check_gates(state->charter, *power, verdict.channel, verdict.manifest, evidence, s.leaf.time);
  if (verdict.passed && !gates) return gates;
  if (!verdict.passed && gates)
    return refuse("GATE_BOUND", "the verdict says failed, and the evidence passes the gates",
                  verdict.channel);
  if (state->gates.contains(s.leaf.envelope))
    return refuse("REPLAY", "this verdict is in the log already");
  state->gates.emplace(s.leaf.envelope, reference_of(s));
  const bool halts = !verdict.passed && breach_halts(state->charter, *power, verdict.channel,
                                                     verdict.manifest, evidence, s.leaf.time);
  note_verdict(state, reference_of(s), verdict.channel, verdict.manifest, verdict.passed, halts,
               signers, s.leaf.time);
  state->verdicts.emplace(s.leaf.envelope, std::move(verdict));
  return {};
}

Status check_verdict(const State& state, const Proposal& proposal) {
  const auto gate = state.gates.find(proposal.gate.sha256);
  if (gate == state.gates.end() || gate->second != proposal.gate)
    return refuse("EVIDENCE_MISSING", "the gate's verdict is not in the log at this leaf",
                  std::to_string(proposal.gate.leaf));
  const GateVerdict& verdict = state.verdicts.at(proposal.gate.sha256);
  if (!verdict.passed)
    return refuse("GATE_BOUND", "the gate's verdict is that the model failed", verdict.channel);
  if (verdict.manifest != manifest_digest(proposal.manifest) || verdict.channel != proposal.channel)
    return refuse("SUBJECT_MISMATCH", "the gate's verdict is about another model or channel",
                  verdict.channel);
  if (verdict.evidence != proposal.evidence)
    return refuse("EVIDENCE_INCOMPLETE",
                  "the proposal does not name the evidence that the gate judged", proposal.channel);
  return {};
}

Status check_epoch(const State& state, const std::string& channel, uint64_t epoch) {
  const uint64_t served = channel_epoch(state, channel);
  const bool follows = state.whole ? epoch == served + 1 : epoch > served;
  if (!follows)
    return refuse("ROLLBACK",
                  "the channel serves epoch " + std::to_string(served) +
                      "; the next release is epoch " + std::to_string(served + 1) + ", not " +
                      std::to_string(epoch),
                  channel);
  return {};
}

Status apply_proposal(State* state, const LoggedStatement& s) {
  TRY(Proposal proposal, parse_proposal(s.envelope.payload));
  TRY_VOID(check_context(*state, proposal.context));
  TRY_VOID(check_created(s.leaf, proposal.created));
  TRY_VOID(require_signer(state->charter, s.envelope, proposal.person));
  TRY_VOID(require_control(state->charter, proposal.person));
  if (!is_channel_name(proposal.channel))
    return malformed("this cannot be the name of a channel", proposal.channel);
  const Power* power = state->charter.find_power(proposal.action);
  if (power == nullptr)
    return refuse("NO_POWER", "the charter gives nobody this power", proposal.action);
  const Rule* rule = state->charter.find_rule(power->rule);
  if (proposal.expires > s.leaf.time + rule->expires || proposal.expires <= s.leaf.time)
    return refuse("EXPIRED", "a proposal is open for at most the time that its rule gives",
                  base::rfc3339(proposal.expires));
  TRY_VOID(check_verdict(*state, proposal));
  TRY_VOID(
      check_not_revoked(*state, manifest_digest(proposal.manifest), oms_root(proposal.manifest)));
  TRY_VOID(check_epoch(*state, proposal.channel, proposal.epoch));
  const crypto::Digest digest = crypto::sha256(s.envelope.payload);
  state->nonces.emplace(proposal.context.nonce, s.leaf.time);
  ProposalState fresh;
  fresh.proposal = std::move(proposal);
  fresh.at = reference_of(s);
  fresh.logged = s.leaf.time;
  state->proposals.emplace(digest, std::move(fresh));
  return {};
}

Result<ProposalState*> find_open(State* state, const crypto::Digest& digest, Stage stage) {
  const auto found = state->proposals.find(digest);
  if (found == state->proposals.end())
    return refuse("SUBJECT_MISMATCH", "no proposal with this digest is in the log",
                  crypto::hex(digest));
  if (found->second.stage != stage)
    return refuse("STAGE",
                  stage == Stage::Voting ? "the vote on this proposal is closed"
                                         : "this proposal has not passed, or is released already",
                  crypto::hex(digest));
  return &found->second;
}

Status check_seat(const Charter& charter, const Power& power, const Ballot& ballot) {
  const Body* body = charter.find_body(ballot.body);
  if (body == nullptr) return refuse("NOT_SEATED", "the charter has no such body", ballot.body);
  if (body->body_class == BodyClass::Economic)
    return refuse("CLASS_FORBIDDEN", "an economic body decides nothing; its ballots never count",
                  ballot.body);
  const Rule* rule = charter.find_rule(power.rule);
  const bool asked = ballot.body == power.body ||
                     std::ranges::find(rule->consent, ballot.body) != rule->consent.end();
  if (!asked) return refuse("NOT_SEATED", "this body has no say in the proposal", ballot.body);
  if (std::ranges::find(body->members, ballot.person) == body->members.end())
    return refuse("NOT_SEATED", "this person has no seat in the body '" + ballot.body + "'",
                  ballot.person);
  return {};
}

Status apply_ballot(State* state, const LoggedStatement& s) {
  TRY(Ballot ballot, parse_ballot(s.envelope.payload));
  TRY_VOID(check_context(*state, ballot.context));
  TRY_VOID(check_created(s.leaf, ballot.created));
  TRY(ProposalState * proposal, find_open(state, ballot.proposal, Stage::Voting));
  TRY_VOID(
      check_seat(state->charter, *state->charter.find_power(proposal->proposal.action), ballot));
  TRY_VOID(require_signer(state->charter, s.envelope, ballot.person));
  if (ballot.checkpoint_size <= proposal->at.leaf || ballot.checkpoint_size > s.leaf.seq)
    return refuse(
        "BALLOT_CHECKPOINT",
        "a ballot names a checkpoint of the log that holds the proposal and not yet the ballot",
        ballot.person);
  if (s.leaf.time > ballot.expires || s.leaf.time > proposal->proposal.expires)
    return refuse("EXPIRED", "the ballot or its proposal has expired", ballot.person);
  for (const BallotRecord& earlier : proposal->ballots) {
    if (earlier.ballot.person == ballot.person && earlier.ballot.body == ballot.body)
      return refuse("BALLOT_EXISTS", "this person has voted; a ballot is final", ballot.person);
  }
  const crypto::Digest manifest = manifest_digest(proposal->proposal.manifest);
  if (ballot.vote == Vote::For) {
    TRY_VOID(check_duty(*state, manifest, Duty::Approver, {ballot.person}));
    note_approval(state, manifest, ballot.person);
  }
  state->nonces.emplace(ballot.context.nonce, s.leaf.time);
  proposal->ballots.push_back({reference_of(s), std::move(ballot)});
  return {};
}

Status apply_tally(State* state, const LoggedStatement& s) {
  TRY(const TallyStatement tally, parse_tally(s.envelope.payload));
  TRY_VOID(check_context(*state, tally.context));
  TRY_VOID(check_created(s.leaf, tally.created));
  TRY(ProposalState * proposal, find_open(state, tally.proposal, Stage::Voting));
  TRY_VOID(require_signer(state->charter, s.envelope, tally.person));
  TRY_VOID(require_control(state->charter, tally.person));
  TRY(const Outcome outcome, outcome_of(*state, *proposal, s.leaf.time));
  std::vector<LeafReference> ballots;
  for (const BallotRecord& record : proposal->ballots) ballots.push_back(record.at);
  if (ballots != tally.ballots)
    return refuse("BALLOT_MISSING",
                  "the tally does not list exactly the ballots that are there: " +
                      std::to_string(tally.ballots.size()) + " listed, " +
                      std::to_string(ballots.size()) + " there",
                  crypto::hex(tally.proposal));
  if (json::canonical(outcome_to_json(outcome)) != json::canonical(tally.results))
    return refuse("TALLY_MISMATCH",
                  "the tally's numbers are not those that the ballots give: " + describe(outcome),
                  crypto::hex(tally.proposal));
  state->nonces.emplace(tally.context.nonce, s.leaf.time);
  proposal->stage = Stage::Passed;
  proposal->tally = reference_of(s);
  proposal->tallied = s.leaf.time;
  return {};
}

// Compared field by field before the whole, so that a refusal says what is wrong.
Status check_certificate(const Certificate& got, const Certificate& expected) {
  if (got.manifest_digest != expected.manifest_digest || got.oms_root != expected.oms_root ||
      got.release_unit != expected.release_unit || got.model != expected.model)
    return refuse("SUBJECT_MISMATCH", "the certificate is about another model than the proposal",
                  got.model);
  if (got.channel != expected.channel || got.charter_sha256 != expected.charter_sha256 ||
      got.charter_version != expected.charter_version || got.standard != expected.standard)
    return refuse("CONTEXT_MISMATCH",
                  "the certificate names another channel or charter than the proposal",
                  got.channel);
  if (got.tally != expected.tally)
    return refuse("TALLY_MISMATCH", "the certificate names another tally", got.model);
  if (json::canonical(got.evidence) != json::canonical(expected.evidence) ||
      got.gate != expected.gate)
    return refuse("EVIDENCE_INCOMPLETE",
                  "the certificate does not list the evidence that the proposal binds", got.model);
  if (got.epoch != expected.epoch)
    return refuse("ROLLBACK", "the certificate names another epoch than the proposal", got.channel);
  if (got.stages != expected.stages || got.stop_epoch_min != expected.stop_epoch_min)
    return refuse("CONTEXT_MISMATCH", "the certificate's stages are not those of the charter",
                  got.channel);
  if (got.not_before != expected.not_before || got.not_after != expected.not_after ||
      got.not_after <= got.not_before)
    return refuse("EXPIRED", "the certificate's validity is not the one that the charter gives",
                  got.channel);
  return {};
}

Status apply_release(State* state, const LoggedStatement& s) {
  TRY(Certificate certificate, parse_certificate(s.envelope.payload));
  if (certificate.epoch <= channel_epoch(*state, certificate.channel) ||
      certificate.stop_epoch_min < state->life.stop_epoch)
    return refuse("ROLLBACK", "the certificate is older than what the channel has seen",
                  certificate.channel);
  if (state->nonces.contains(certificate.nonce))
    return refuse("REPLAY", "the same release was logged before", certificate.channel);
  TRY(ProposalState * proposal, find_open(state, certificate.proposal, Stage::Passed));
  const Power* power = state->charter.find_power(proposal->proposal.action);
  const Rule* rule = state->charter.find_rule(power->rule);
  if (s.leaf.time < proposal->tallied + rule->timelock)
    return refuse("TIMELOCK_PENDING",
                  "the timelock of rule '" + rule->id + "' is over at " +
                      base::rfc3339(proposal->tallied + rule->timelock),
                  certificate.channel);
  if (s.leaf.time > proposal->proposal.expires)
    return refuse("EXPIRED", "the proposal has expired", certificate.channel);
  TRY_VOID(check_created(s.leaf, certificate.not_before));
  Certificate expected = expected_certificate(*state, *proposal, certificate.not_before);
  // A bundle does not hold the stops before it; the loader compares them with the log.
  if (!state->whole) expected.stop_epoch_min = certificate.stop_epoch_min;
  TRY_VOID(check_certificate(certificate, expected));
  TRY_VOID(check_epoch(*state, certificate.channel, certificate.epoch));
  TRY_VOID(check_not_revoked(*state, certificate.manifest_digest, certificate.oms_root));
  TRY_VOID(check_gates(state->charter, *power, certificate.channel, certificate.manifest_digest,
                       evidence_of(*state, proposal->proposal), s.leaf.time));
  TRY(const auto signers, signers_of(state->charter, s.envelope));
  const Body* body = state->charter.find_body(power->body);
  if (std::ranges::none_of(body->members,
                           [&](const std::string& person) { return signers.contains(person); }))
    return refuse("SIGNER_MISSING",
                  "the certificate is signed by nobody of the body '" + body->id + "'",
                  certificate.channel);
  state->nonces.emplace(certificate.nonce, s.leaf.time);
  proposal->stage = Stage::Released;
  proposal->release = reference_of(s);
  note_release(state, reference_of(s), certificate, proposal->proposal.person, s.leaf.time);
  const std::string channel = certificate.channel;
  state->channels[channel] =
      Release{std::move(certificate), proposal->proposal.manifest, reference_of(s)};
  return {};
}

}  // namespace

base::Status apply_step(State* state, const LoggedStatement& s) {
  switch (s.leaf.kind) {
    case Kind::Charter:
      return apply_charter(state, s);
    case Kind::Evidence:
      return apply_evidence(state, s);
    case Kind::Gate:
      return apply_gate(state, s);
    case Kind::Proposal:
      return apply_proposal(state, s);
    case Kind::Ballot:
      return apply_ballot(state, s);
    case Kind::Tally:
      return apply_tally(state, s);
    case Kind::Release:
      return apply_release(state, s);
    default:
      return apply_lifecycle(state, s);
  }
}

}  // namespace govern
