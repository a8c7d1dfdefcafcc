// Who was told, who has a conflict of interest, who objects, who asks for a vote.
#include <algorithm>

#include "govern/decisions.h"
#include "govern/refusal.h"
#include "govern/signers.h"
#include "govern/steps.h"

namespace govern {

using base::Status;

// A person with a right to notice is told by a receipt of their own, or by a delivery that somebody
// with a seat, or a program, logged. An economic person's own signature changes nothing here
// either.
Status apply_notice(State* state, const LoggedStatement& s) {
  TRY(const Notice notice, parse_notice(s.envelope.payload));
  TRY_VOID(check_context(*state, notice.context));
  TRY_VOID(check_created(s.leaf, notice.created));
  TRY(ProposalState * proposal, find_open(state, notice.proposal, Stage::Voting));
  TRY(const auto signers, signers_of(*state->charter, s.envelope));
  if (!signers.contains(notice.person) || signers.size() != 1)
    return refuse("SIGNER_MISSING", "a notice is signed by the one who gives it", notice.person);
  const bool seated = state->charter->sits_in(notice.person, BodyClass::Control) ||
                      state->charter->sits_in(notice.person, BodyClass::Consult) ||
                      state->charter->find_service(notice.person) != nullptr;
  if (notice.delivery && !seated)
    return refuse("NOT_SEATED", "a delivery is logged by somebody with a seat, or by a service",
                  notice.person);
  if (!notice.delivery && notice.persons != std::vector<std::string>{notice.person})
    return refuse("SIGNER_MISSING", "a receipt speaks for the one who signs it", notice.person);
  const auto asked = to_be_told(*proposal);
  for (const std::string& person : notice.persons) {
    if (!asked.contains(person))
      return refuse("SUBJECT_MISMATCH", "the charter does not ask for notice to this person",
                    person);
    if (proposal->told.contains(person))
      return refuse("REPLAY", "this person was told already", person);
  }
  if (notice.persons.empty())
    return refuse("SUBJECT_MISMATCH", "the notice names nobody", notice.person);
  for (const std::string& person : notice.persons)
    proposal->told.emplace(person, Mark{s.leaf.seq, s.leaf.time});
  state->nonces.insert(notice.context.nonce);
  return {};
}

Status apply_recusal(State* state, const LoggedStatement& s) {
  TRY(const Recusal recusal, parse_recusal(s.envelope.payload));
  TRY_VOID(check_context(*state, recusal.context));
  TRY_VOID(check_created(s.leaf, recusal.created));
  TRY(ProposalState * proposal, find_open(state, recusal.proposal, Stage::Voting));
  TRY_VOID(check_say(*state, *proposal, recusal.body, recusal.person, s.leaf.time));
  TRY_VOID(require_signer(*state->charter, s.envelope, recusal.person));
  const Body* body = proposal->opened->find_body(recusal.body);
  if (std::ranges::find(body->members, recusal.recused) == body->members.end())
    return refuse("NOT_SEATED", "this person has no seat in the body '" + body->id + "'",
                  recusal.recused);
  if (proposal->recused.contains(recusal.recused) || proposal->recused.contains(recusal.person))
    return refuse("RECUSED", "this person is recused by the charter already", recusal.recused);
  auto& says = proposal->conflicts[{recusal.body, recusal.recused}];
  if (!says.insert(recusal.person).second)
    return refuse("REPLAY", "this person has said so already", recusal.person);
  state->nonces.insert(recusal.context.nonce);
  return {};
}

// From the opening of the vote until its window after the tally is over.
Status apply_veto(State* state, const LoggedStatement& s) {
  TRY(const Veto veto, parse_veto(s.envelope.payload));
  TRY_VOID(check_context(*state, veto.context));
  TRY_VOID(check_created(s.leaf, veto.created));
  const auto found = state->proposals.find(veto.proposal);
  if (found == state->proposals.end())
    return refuse("SUBJECT_MISMATCH", "no proposal with this digest is in the log",
                  crypto::hex(veto.proposal));
  ProposalState& p = found->second;
  if (p.stage != Stage::Voting && p.stage != Stage::Passed)
    return refuse("STAGE", "this proposal has taken effect, or was vetoed",
                  crypto::hex(veto.proposal));
  const Body* body = p.opened->find_body(veto.body);
  if (body != nullptr && body->body_class == BodyClass::Economic)
    return refuse("CLASS_FORBIDDEN", "an economic body vetoes nothing", veto.body);
  const Rule rule = terms_of_proposal(*p.opened, p);
  if (!rule.veto || rule.veto->body != veto.body)
    return refuse("NO_POWER", "the rule gives this body no veto", veto.body);
  const Body* seats = state->charter->find_body(veto.body);
  if (seats == nullptr || std::ranges::find(seats->members, veto.person) == seats->members.end())
    return refuse("NOT_SEATED", "this person has no seat in the body '" + veto.body + "'",
                  veto.person);
  if (is_suspended(*state, veto.body, veto.person, s.leaf.time))
    return refuse("SUSPENDED", "this person's seat is suspended", veto.person);
  TRY_VOID(require_signer(*state->charter, s.envelope, veto.person));
  if (p.stage == Stage::Passed &&
      elapsed(*state, state->charter->elapsed_witnesses, {p.tally.leaf, p.tallied},
              rule.veto->window, s.leaf.time))
    return refuse("EXPIRED", "the time for a veto is over", veto.person);
  if (!p.vetoes.insert(veto.person).second)
    return refuse("REPLAY", "this person has vetoed already", veto.person);
  if (p.vetoes.size() >= rule.veto->needs) p.stage = Stage::Vetoed;
  state->nonces.insert(veto.context.nonce);
  return {};
}

Status apply_petition(State* state, const LoggedStatement& s) {
  TRY(Petition petition, parse_petition(s.envelope.payload));
  TRY_VOID(check_context(*state, petition.context));
  TRY_VOID(check_created(s.leaf, petition.created));
  const auto& right = state->charter->petition;
  if (!right || right->body != petition.body)
    return refuse("NO_POWER", "the charter gives this body no right of petition", petition.body);
  TRY_VOID(require_signer(*state->charter, s.envelope, petition.person));
  const crypto::Digest digest = petition_digest(petition);
  const auto found = state->petitions.find(digest);
  PetitionState fresh;
  if (found == state->petitions.end()) {
    const Body* body = state->charter->find_body(petition.body);
    fresh.enrolled.insert(body->members.begin(), body->members.end());
    fresh.petition = petition;
  }
  PetitionState& p = found == state->petitions.end() ? fresh : found->second;
  if (expired(*state, p.petition.expires, s.leaf.time))
    return refuse("EXPIRED", "the petition has expired", petition.person);
  if (!p.enrolled.contains(petition.person))
    return refuse("NOT_SEATED", "this person was not enrolled when the petition began",
                  petition.person);
  if (!p.signers.insert(petition.person).second)
    return refuse("REPLAY", "this person has signed already", petition.person);
  if (!p.forced && p.signers.size() >= right->share.of(p.enrolled.size()))
    p.forced = Mark{s.leaf.seq, s.leaf.time};
  if (found == state->petitions.end()) state->petitions.emplace(digest, std::move(fresh));
  state->nonces.insert(petition.context.nonce);
  return {};
}

}  // namespace govern
