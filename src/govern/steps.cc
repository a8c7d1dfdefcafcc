#include "govern/steps.h"

#include "govern/refusal.h"

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
    case Kind::Notice:
      return apply_notice(state, s);
    case Kind::Recusal:
      return apply_recusal(state, s);
    case Kind::Veto:
      return apply_veto(state, s);
    case Kind::Petition:
      return apply_petition(state, s);
    case Kind::Enactment:
      return apply_enactment(state, s);
    case Kind::Keyring:
      return apply_keyring(state, s);
    case Kind::Cosigned:
      return apply_cosigned(state, s);
    case Kind::Release:
      return apply_release(state, s);
    default:
      return apply_lifecycle(state, s);
  }
}

}  // namespace govern
