#include <algorithm>

#include "govern/decisions.h"
#include "govern/refusal.h"
#include "govern/signers.h"
#include "govern/steps.h"

namespace govern {

using base::Result;
using base::Status;

namespace {

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

}  // namespace

Status apply_release(State* state, const LoggedStatement& s) {
  TRY(Certificate certificate, parse_certificate(s.envelope.payload));
  if (certificate.epoch <= channel_epoch(*state, certificate.channel) ||
      certificate.stop_epoch_min < state->life.stop_epoch)
    return refuse("ROLLBACK", "the certificate is older than what the channel has seen",
                  certificate.channel);
  if (state->nonces.contains(certificate.nonce))
    return refuse("REPLAY", "the same release was logged before", certificate.channel);
  TRY(ProposalState * proposal, find_open(state, certificate.proposal, Stage::Passed));
  TRY_VOID(check_ready(*state, *proposal, s.leaf.time));
  const Power* power = state->charter->find_power(proposal->proposal->action);
  TRY_VOID(check_created(s.leaf, certificate.not_before));
  Certificate expected = expected_certificate(*state, *proposal, certificate.not_before);
  // A bundle does not hold the stops before it; the loader compares them with the log.
  if (!state->whole) expected.stop_epoch_min = certificate.stop_epoch_min;
  TRY_VOID(check_certificate(certificate, expected));
  TRY_VOID(check_epoch(*state, certificate.channel, certificate.epoch));
  TRY_VOID(check_not_revoked(*state, certificate.manifest_digest, certificate.oms_root));
  TRY_VOID(check_gates(*state->charter, *power, certificate.channel, certificate.manifest_digest,
                       evidence_of(*state, *proposal->proposal), s.leaf.time));
  TRY(const auto signers, signers_of(*state->charter, s.envelope));
  const Body* body = state->charter->find_body(power->body);
  if (std::ranges::none_of(body->members,
                           [&](const std::string& person) { return signers.contains(person); }))
    return refuse("SIGNER_MISSING",
                  "the certificate is signed by nobody of the body '" + body->id + "'",
                  certificate.channel);
  state->nonces.insert(certificate.nonce);
  proposal->stage = Stage::Released;
  proposal->release = reference_of(s);
  note_release(state, reference_of(s), certificate, proposal->proposal->person, s.leaf.time);
  const std::string channel = certificate.channel;
  state->channels[channel] =
      Release{std::move(certificate), proposal->proposal->manifest, reference_of(s)};
  return {};
}

}  // namespace govern
