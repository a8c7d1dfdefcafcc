#include "govern/state.h"

#include <algorithm>

#include "govern/lifecycle_statements.h"
#include "govern/refusal.h"
#include "govern/steps.h"

namespace govern {
namespace {

constexpr base::Duration kReleaseAgeMax{int64_t{3650} * 86'400 * 1'000'000'000};

base::Status check_leaf(const State& state, const LoggedStatement& s) {
  if (s.leaf.seq < state.next || (state.whole && s.leaf.seq != state.next))
    return refuse("INCONSISTENT", "entry " + std::to_string(s.leaf.seq) +
                                      " does not follow entry " + std::to_string(state.next));
  if (envelope_digest(s.envelope) != s.leaf.envelope)
    return corrupt("DIGEST_MISMATCH", "the statement is not the one that the log's entry names",
                   std::to_string(s.leaf.seq));
  if (s.envelope.payload_type != payload_type(s.leaf.kind))
    return refuse("CONTEXT_MISMATCH", "the statement is of another type than the log's entry says",
                  s.envelope.payload_type);
  if (state.started() && s.leaf.time < state.latest)
    return refuse("TIME_ORDER", "the entry is dated before the one in front of it",
                  base::rfc3339(s.leaf.time));
  TRY(const crypto::Digest subject, subject_of(s.leaf.kind, s.envelope.payload));
  if (subject != s.leaf.subject)
    return refuse("SUBJECT_MISMATCH", "the log's entry names another subject than its statement",
                  std::to_string(s.leaf.seq));
  if (!state.started() && s.leaf.kind != Kind::Charter)
    return refuse("CHARTER_CHAIN", "the first entry of a log is its charter");
  return {};
}

}  // namespace

base::Status apply(State* state, const LoggedStatement& statement) {
  TRY_VOID(check_leaf(*state, statement));
  const auto charter = state->charter;
  const bool ends = !state->interims.empty();
  const std::vector<Interim> interims = ends ? state->interims : std::vector<Interim>();
  if (ends) end_interims(state, statement.leaf.time);
  if (const base::Status applied = apply_step(state, statement); !applied) {
    state->charter = charter;
    if (ends) state->interims = interims;
    return applied;
  }
  state->next = statement.leaf.seq + 1;
  state->latest = statement.leaf.time;
  return {};
}

base::Result<crypto::Digest> subject_of(Kind kind, std::string_view payload) {
  switch (kind) {
    case Kind::Charter: {
      TRY(const CharterStatement statement, parse_charter_statement(payload));
      return statement.context.charter_sha256;
    }
    case Kind::Evidence:
    case Kind::Gate: {
      TRY(const Statement statement, parse_statement(payload));
      return statement.subject_digest;
    }
    case Kind::Proposal: {
      TRY(const Proposal proposal, parse_proposal(payload));
      if (!has_subject(proposal.action)) return manifest_digest(proposal.manifest);
      return crypto::sha256(json::canonical(subject_to_json(proposal.action, proposal.subject)));
    }
    case Kind::Notice: {
      TRY(const Notice notice, parse_notice(payload));
      return notice.proposal;
    }
    case Kind::Recusal: {
      TRY(const Recusal recusal, parse_recusal(payload));
      return recusal.proposal;
    }
    case Kind::Veto: {
      TRY(const Veto veto, parse_veto(payload));
      return veto.proposal;
    }
    case Kind::Petition: {
      TRY(const Petition petition, parse_petition(payload));
      return petition_digest(petition);
    }
    case Kind::Enactment: {
      TRY(const Enactment enactment, parse_enactment(payload));
      return enactment.proposal;
    }
    case Kind::Keyring: {
      TRY(const Keyring keyring, parse_keyring(payload));
      return crypto::sha256(keyring.person);
    }
    case Kind::Cosigned: {
      TRY(const Note note, parse_note(payload));
      return crypto::sha256(note.text);
    }
    case Kind::Ballot: {
      TRY(const Ballot ballot, parse_ballot(payload));
      return ballot.proposal;
    }
    case Kind::Tally: {
      TRY(const TallyStatement tally, parse_tally(payload));
      return tally.proposal;
    }
    case Kind::Release: {
      TRY(const Certificate certificate, parse_certificate(payload));
      return certificate.manifest_digest;
    }
    default:
      return lifecycle_subject(kind, payload);
  }
  return malformed("a statement of a kind that is not known");
}

crypto::Digest proposal_digest(const Proposal& proposal) {
  return crypto::sha256(format_proposal(proposal));
}

std::vector<LoggedEvidence> evidence_of(const State& state, const Proposal& proposal) {
  std::vector<LoggedEvidence> out;
  for (const LeafReference& reference : proposal.evidence) {
    const auto found = state.evidence.find(reference.sha256);
    if (found != state.evidence.end()) out.push_back(found->second);
  }
  return out;
}

Certificate expected_certificate(const State& state, const ProposalState& p,
                                 base::Time not_before) {
  const std::vector<LoggedEvidence> evidence = evidence_of(state, *p.proposal);
  const Power* power = state.charter->find_power(p.proposal->action);
  Certificate c;
  c.model = p.proposal->model;
  c.oms_root = oms_root(p.proposal->manifest);
  c.manifest_digest = manifest_digest(p.proposal->manifest);
  c.release_unit = release_unit(p.proposal->manifest);
  c.channel = p.proposal->channel;
  c.epoch = p.proposal->epoch;
  c.charter_version = state.place.charter_version;
  c.charter_sha256 = state.place.charter_sha256;
  c.standard = standard_digest(*state.charter);
  c.gate = p.proposal->gate;
  c.evidence = evidence_to_json(evidence);
  c.proposal = proposal_digest(*p.proposal);
  c.tally = p.tally;
  if (state.charter->rollout) {
    c.stages.clear();
    for (const uint64_t stage : state.charter->rollout->stages)
      c.stages.push_back(std::to_string(stage));
  }
  c.stop_epoch_min = state.life.stop_epoch;
  c.not_before = not_before;
  c.not_after = not_before + kReleaseAgeMax;
  for (const LoggedEvidence& logged : evidence) {
    if (power->evidence_age_max)
      c.not_after = std::min(c.not_after, logged.evidence.finished + *power->evidence_age_max);
  }
  return c;
}

}  // namespace govern
