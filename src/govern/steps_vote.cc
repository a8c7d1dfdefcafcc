#include <algorithm>

#include "govern/refusal.h"
#include "govern/signers.h"
#include "govern/steps.h"

namespace govern {

using base::Result;
using base::Status;

namespace {

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

}  // namespace

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
  TRY_VOID(require_signer(*state->charter, s.envelope, proposal.person));
  TRY_VOID(require_control(*state->charter, proposal.person));
  if (!is_channel_name(proposal.channel))
    return malformed("this cannot be the name of a channel", proposal.channel);
  const Power* power = state->charter->find_power(proposal.action);
  if (power == nullptr)
    return refuse("NO_POWER", "the charter gives nobody this power", proposal.action);
  const Rule* rule = state->charter->find_rule(power->rule);
  if (proposal.expires > s.leaf.time + rule->expires || proposal.expires <= s.leaf.time)
    return refuse("EXPIRED", "a proposal is open for at most the time that its rule gives",
                  base::rfc3339(proposal.expires));
  TRY_VOID(check_verdict(*state, proposal));
  TRY_VOID(
      check_not_revoked(*state, manifest_digest(proposal.manifest), oms_root(proposal.manifest)));
  TRY_VOID(check_epoch(*state, proposal.channel, proposal.epoch));
  const crypto::Digest digest = crypto::sha256(s.envelope.payload);
  state->nonces.insert(proposal.context.nonce);
  ProposalState fresh;
  fresh.proposal = std::make_shared<const Proposal>(std::move(proposal));
  fresh.opened = state->charter;
  fresh.deciding = power->body;
  fresh.at = reference_of(s);
  fresh.logged = s.leaf.time;
  state->proposals.emplace(digest, std::move(fresh));
  return {};
}

namespace {

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

}  // namespace

Status apply_ballot(State* state, const LoggedStatement& s) {
  TRY(Ballot ballot, parse_ballot(s.envelope.payload));
  TRY_VOID(check_context(*state, ballot.context));
  TRY_VOID(check_created(s.leaf, ballot.created));
  TRY(ProposalState * proposal, find_open(state, ballot.proposal, Stage::Voting));
  TRY_VOID(
      check_seat(*state->charter, *state->charter->find_power(proposal->proposal->action), ballot));
  TRY(const crypto::PublicKey key, require_signer(*state->charter, s.envelope, ballot.person));
  if (ballot.checkpoint_size <= proposal->at.leaf || ballot.checkpoint_size > s.leaf.seq)
    return refuse(
        "BALLOT_CHECKPOINT",
        "a ballot names a checkpoint of the log that holds the proposal and not yet the ballot",
        ballot.person);
  if (s.leaf.time > ballot.expires || s.leaf.time > proposal->proposal->expires)
    return refuse("EXPIRED", "the ballot or its proposal has expired", ballot.person);
  for (const BallotRecord& earlier : proposal->ballots) {
    if (earlier.person == ballot.person && earlier.body == ballot.body)
      return refuse("BALLOT_EXISTS", "this person has voted; a ballot is final", ballot.person);
  }
  const crypto::Digest manifest = manifest_digest(proposal->proposal->manifest);
  if (ballot.vote == Vote::For) {
    TRY_VOID(check_duty(*state, manifest, Duty::Approver, {ballot.person}));
    note_approval(state, manifest, ballot.person);
  }
  state->nonces.insert(ballot.context.nonce);
  proposal->ballots.push_back({reference_of(s), ballot.body, ballot.person, ballot.vote, key});
  return {};
}

Status apply_tally(State* state, const LoggedStatement& s) {
  TRY(const TallyStatement tally, parse_tally(s.envelope.payload));
  TRY_VOID(check_context(*state, tally.context));
  TRY_VOID(check_created(s.leaf, tally.created));
  TRY(ProposalState * proposal, find_open(state, tally.proposal, Stage::Voting));
  TRY_VOID(require_signer(*state->charter, s.envelope, tally.person));
  TRY_VOID(require_control(*state->charter, tally.person));
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
  state->nonces.insert(tally.context.nonce);
  proposal->stage = Stage::Passed;
  proposal->tally = reference_of(s);
  proposal->tallied = s.leaf.time;
  return {};
}

}  // namespace govern
