// The state as canonical JSON, and its hash: two replays of one log give the same bytes.
#include "govern/state.h"

namespace govern {
namespace {

using json::Object;
using json::Value;

Value reference_to_json(const LeafReference& reference) {
  return Object{{"leaf", std::to_string(reference.leaf)},
                {"sha256", crypto::hex(reference.sha256)}};
}

Value proposal_to_json(const crypto::Digest& digest, const ProposalState& p) {
  json::Array ballots;
  for (const BallotRecord& record : p.ballots) {
    ballots.emplace_back(Object{{"at", reference_to_json(record.at)},
                                {"body", record.body},
                                {"person", record.person},
                                {"vote", vote_name(record.vote)}});
  }
  return Object{{"proposal", crypto::hex(digest)},
                {"at", reference_to_json(p.at)},
                {"action", p.proposal->action},
                {"channel", p.proposal->channel},
                {"epoch", std::to_string(p.proposal->epoch)},
                {"model", p.proposal->model},
                {"manifest", crypto::hex(manifest_digest(p.proposal->manifest))},
                {"person", p.proposal->person},
                {"expires", base::rfc3339(p.proposal->expires)},
                {"stage", stage_name(p.stage)},
                {"ballots", std::move(ballots)}};
}

Value release_to_json(const std::string& channel, const Release& release) {
  return Object{{"channel", channel},
                {"epoch", std::to_string(release.certificate.epoch)},
                {"model", release.certificate.model},
                {"manifest", crypto::hex(release.certificate.manifest_digest)},
                {"not_after", base::rfc3339(release.certificate.not_after)},
                {"at", reference_to_json(release.at)}};
}

}  // namespace

std::string_view stage_name(Stage stage) {
  switch (stage) {
    case Stage::Voting:
      return "voting";
    case Stage::Passed:
      return "passed";
    case Stage::Released:
      return "released";
    case Stage::Vetoed:
      return "vetoed";
  }
  return "";
}

json::Value state_to_json(const State& state) {
  json::Array evidence, gates, proposals, channels;
  for (const auto& [digest, logged] : state.evidence)
    evidence.push_back(reference_to_json(logged.at));
  for (const auto& [digest, reference] : state.gates) gates.push_back(reference_to_json(reference));
  for (const auto& [digest, proposal] : state.proposals)
    proposals.push_back(proposal_to_json(digest, proposal));
  for (const auto& [channel, release] : state.channels)
    channels.push_back(release_to_json(channel, release));
  return Object{{"charter", Object{{"id", state.place.charter_id},
                                   {"version", std::to_string(state.place.charter_version)},
                                   {"sha256", crypto::hex(state.place.charter_sha256)}}},
                {"origin", state.place.origin},
                {"log_vkey", state.started() ? format_vkey(state.log_key) : ""},
                {"size", std::to_string(state.next)},
                {"latest", base::rfc3339(state.latest)},
                {"evidence", std::move(evidence)},
                {"gates", std::move(gates)},
                {"proposals", std::move(proposals)},
                {"channels", std::move(channels)},
                {"nonces", Object{{"count", std::to_string(state.nonces.size())},
                                  {"chain", crypto::hex(state.nonces.chain())}}},
                {"life", lifecycle_to_json(state.life)}};
}

crypto::Digest state_hash(const State& state) {
  return crypto::sha256(json::canonical(state_to_json(state)));
}

}  // namespace govern
