#include <algorithm>

#include "govern/charter_diff.h"
#include "govern/decisions.h"
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

namespace {

// A petition with enough signatures lets any of its signers open the vote.
Status check_proposer(const State& state, const Proposal& proposal, base::Time now) {
  if (proposal.petition) {
    const auto found = state.petitions.find(*proposal.petition);
    if (found == state.petitions.end() || !found->second.forced)
      return refuse("THRESHOLD_UNMET", "the petition has not enough signatures to force a vote",
                    proposal.person);
    const PetitionState& petition = found->second;
    const bool same =
        petition.petition.action == proposal.action &&
        json::canonical(subject_to_json(proposal.action, proposal.subject)) ==
            json::canonical(subject_to_json(proposal.action, petition.petition.subject));
    if (!same)
      return refuse("SUBJECT_MISMATCH", "the petition asks for something else", proposal.person);
    if (petition.signers.contains(proposal.person)) return {};
  }
  TRY_VOID(require_control(*state.charter, proposal.person));
  const bool has_say = std::ranges::any_of(state.charter->bodies, [&](const Body& body) {
    return body.body_class == BodyClass::Control &&
           std::ranges::find(body.members, proposal.person) != body.members.end() &&
           !is_suspended(state, body.id, proposal.person, now);
  });
  if (!has_say) return refuse("SUSPENDED", "a suspended person proposes nothing", proposal.person);
  return {};
}

Status check_promotion(const State& state, const Proposal& proposal) {
  if (!is_channel_name(proposal.channel))
    return malformed("this cannot be the name of a channel", proposal.channel);
  TRY_VOID(check_verdict(state, proposal));
  TRY_VOID(
      check_not_revoked(state, manifest_digest(proposal.manifest), oms_root(proposal.manifest)));
  return check_epoch(state, proposal.channel, proposal.epoch);
}

// Who sits where, and whose turn it is.
Status check_seat_subject(const State& state, const Proposal& proposal) {
  const Body* body = state.charter->find_body(proposal.subject.body);
  if (body == nullptr)
    return refuse("NOT_SEATED", "the charter has no such body", proposal.subject.body);
  const bool seated =
      std::ranges::find(body->members, proposal.subject.person) != body->members.end();
  if (proposal.action != "fill_seat") {
    if (seated) return {};
    return refuse("NOT_SEATED", "this person has no seat in the body '" + body->id + "'",
                  proposal.subject.person);
  }
  return check_successor(state, proposal.subject);
}

// Seats below min_filled: only what restricts, and filling them.
Status check_filled(const State& state, const Power& power, const Proposal& proposal) {
  const Body* body = state.charter->find_body(power.body);
  if (body->members.size() >= body->min_filled || !find_action(proposal.action)->expands) return {};
  return refuse("SEATS_UNFILLED",
                "'" + body->id +
                    "' has fewer members than min_filled: it may restrict and fill its "
                    "seats, nothing else",
                body->id);
}

Status open_amendment(const State& state, ProposalState* fresh) {
  const Proposal& proposal = *fresh->proposal;
  TRY(const CharterDiff diff, check_amendment(state, proposal.subject));
  fresh->restricts = diff.restricts();
  if (proposal.action == "charter.restrict" && !fresh->restricts)
    return refuse("NOT_RESTRICT",
                  "this amendment loosens something, so it needs the rule of charter.amend",
                  std::ranges::find(diff.changes, false, &CharterChange::restricts)->path);
  fresh->entrenched = !diff.entrenched.empty();
  if (fresh->entrenched && state.charter->find_rule("entrenched") == nullptr)
    return refuse("ENTRENCHED", "no rule covers entrenched paths", diff.entrenched.front());
  // Prices and standards are loosened by two persons of two bodies, where there are two.
  fresh->two_man = !state.charter->one_person_decides() &&
                   std::ranges::any_of(diff.changes, [](const CharterChange& change) {
                     return !change.restricts && (change.path.starts_with("gate.") ||
                                                  change.path.starts_with("monitor.") ||
                                                  change.path.starts_with("prices."));
                   });
  return {};
}

}  // namespace

Status apply_proposal(State* state, const LoggedStatement& s) {
  TRY(Proposal parsed, parse_proposal(s.envelope.payload));
  const auto proposal = std::make_shared<const Proposal>(std::move(parsed));
  TRY_VOID(check_context(*state, proposal->context));
  TRY_VOID(check_created(s.leaf, proposal->created));
  TRY_VOID(require_signer(*state->charter, s.envelope, proposal->person));
  TRY_VOID(check_proposer(*state, *proposal, s.leaf.time));
  const Power* power = state->charter->find_power(proposal->action);
  const bool decidable = proposal->action == "model.promote" || has_subject(proposal->action);
  if (power == nullptr || power->any_one() || !decidable)
    return refuse("NO_POWER", "the charter gives nobody this power", proposal->action);
  ProposalState fresh;
  fresh.proposal = proposal;
  if (!has_subject(proposal->action)) {
    TRY_VOID(check_promotion(*state, *proposal));
  } else if (!proposal->subject.body.empty()) {
    TRY_VOID(check_seat_subject(*state, *proposal));
  } else if (proposal->action.starts_with("charter.")) {
    TRY_VOID(open_amendment(*state, &fresh));
  } else if (proposal->action == "key.recover") {
    TRY_VOID(check_new_key(*state, proposal->subject.person, proposal->subject.vkey));
  }
  TRY_VOID(check_filled(*state, *power, *proposal));
  const Rule rule = terms_of_proposal(*state->charter, fresh);
  if (proposal->expires > s.leaf.time + rule.expires || proposal->expires <= s.leaf.time)
    return refuse("EXPIRED", "a proposal is open for at most the time that its rule gives",
                  base::rfc3339(proposal->expires));
  fresh.opened = state->charter;
  fresh.recused = recused_of(*state->charter, *power, *proposal);
  fresh.deciding = deciding_body(*state->charter, *power, fresh.recused);
  fresh.two_man = fresh.two_man || find_action(proposal->action)->two_man;
  fresh.at = reference_of(s);
  fresh.logged = s.leaf.time;
  state->nonces.insert(proposal->context.nonce);
  note_opened(state, *proposal, s.leaf.time);
  state->proposals.emplace(crypto::sha256(s.envelope.payload), std::move(fresh));
  return {};
}

Status check_say(const State& state, const ProposalState& p, const std::string& body_id,
                 const std::string& person, base::Time now) {
  const Body* body = p.opened->find_body(body_id);
  if (body == nullptr) return refuse("NOT_SEATED", "the charter has no such body", body_id);
  if (body->body_class == BodyClass::Economic)
    return refuse("CLASS_FORBIDDEN", "an economic body decides nothing; its ballots never count",
                  body_id);
  const Rule rule = terms_of_proposal(*p.opened, p);
  const bool asked =
      body_id == p.deciding || std::ranges::find(rule.consent, body_id) != rule.consent.end();
  if (!asked) return refuse("NOT_SEATED", "this body has no say in the proposal", body_id);
  const auto sits = [&](const Body* in) {
    return in != nullptr && std::ranges::find(in->members, person) != in->members.end();
  };
  if (!sits(body) || !sits(state.charter->find_body(body_id)))
    return refuse("NOT_SEATED", "this person has no seat in the body '" + body_id + "'", person);
  if (is_suspended(state, body_id, person, now))
    return refuse("SUSPENDED", "this person's seat in '" + body_id + "' is suspended", person);
  return {};
}

Status apply_ballot(State* state, const LoggedStatement& s) {
  TRY(Ballot ballot, parse_ballot(s.envelope.payload));
  TRY_VOID(check_context(*state, ballot.context));
  TRY_VOID(check_created(s.leaf, ballot.created));
  TRY(ProposalState * proposal, find_open(state, ballot.proposal, Stage::Voting));
  TRY_VOID(check_say(*state, *proposal, ballot.body, ballot.person, s.leaf.time));
  if (proposal->recused.contains(ballot.person) ||
      found_conflicted(*proposal, ballot.body).contains(ballot.person))
    return refuse("RECUSED", "this person has a conflict of interest and does not vote",
                  ballot.person);
  TRY(const crypto::PublicKey key, require_signer(*state->charter, s.envelope, ballot.person));
  if (ballot.checkpoint_size <= proposal->at.leaf || ballot.checkpoint_size > s.leaf.seq)
    return refuse(
        "BALLOT_CHECKPOINT",
        "a ballot names a checkpoint of the log that holds the proposal and not yet the ballot",
        ballot.person);
  if (s.leaf.time > ballot.expires || expired(*state, deadline_of(*proposal), s.leaf.time))
    return refuse("EXPIRED", "the ballot or its proposal has expired", ballot.person);
  for (const BallotRecord& earlier : proposal->ballots) {
    if (earlier.person == ballot.person && earlier.body == ballot.body)
      return refuse("BALLOT_EXISTS", "this person has voted; a ballot is final", ballot.person);
  }
  if (ballot.vote == Vote::For && proposal->proposal->action == "model.promote") {
    const crypto::Digest manifest = manifest_digest(proposal->proposal->manifest);
    TRY_VOID(check_duty(*state, manifest, Duty::Approver, {ballot.person}));
    note_approval(state, manifest, ballot.person);
  }
  state->nonces.insert(ballot.context.nonce);
  proposal->ballots.push_back({reference_of(s), ballot.body, ballot.person, ballot.vote, key});
  if (!proposal->carried && count_ballots(*state, *proposal).passed)
    proposal->carried = Mark{s.leaf.seq, s.leaf.time};
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
