// The state as canonical JSON, and its hash: two replays of one log give the same bytes.
#include "base/bytes.h"
#include "govern/state.h"

namespace govern {
namespace {

using json::Object;
using json::Value;

Value reference_to_json(const LeafReference& reference) {
  return Object{{"leaf", std::to_string(reference.leaf)},
                {"sha256", crypto::hex(reference.sha256)}};
}

Value mark_to_json(const Mark& mark) {
  return Object{{"leaf", std::to_string(mark.leaf)}, {"time", base::rfc3339(mark.time)}};
}

Value names_to_json(const std::set<std::string>& names) {
  json::Array out;
  for (const std::string& name : names) out.emplace_back(name);
  return out;
}

Value ballots_to_json(const ProposalState& p) {
  json::Array ballots;
  for (const BallotRecord& record : p.ballots) {
    ballots.emplace_back(Object{{"at", reference_to_json(record.at)},
                                {"body", record.body},
                                {"person", record.person},
                                {"vote", vote_name(record.vote)}});
  }
  return ballots;
}

// What a promotion and what a subject say, each under its own names.
void add_subject(const Proposal& p, Object* out) {
  if (has_subject(p.action)) {
    out->emplace_back("subject", subject_to_json(p.action, p.subject));
    return;
  }
  out->emplace_back("channel", p.channel);
  out->emplace_back("epoch", std::to_string(p.epoch));
  out->emplace_back("model", p.model);
  out->emplace_back("manifest", crypto::hex(manifest_digest(p.manifest)));
}

Value proposal_to_json(const crypto::Digest& digest, const ProposalState& p) {
  json::Array told, conflicts;
  for (const auto& [person, mark] : p.told)
    told.emplace_back(Object{{"person", person}, {"at", mark_to_json(mark)}});
  for (const auto& [seat, says] : p.conflicts)
    conflicts.emplace_back(
        Object{{"body", seat.first}, {"person", seat.second}, {"says", names_to_json(says)}});
  Object out = {{"proposal", crypto::hex(digest)},
                {"at", reference_to_json(p.at)},
                {"action", p.proposal->action},
                {"person", p.proposal->person},
                {"expires", base::rfc3339(p.proposal->expires)},
                {"stage", stage_name(p.stage)},
                {"charter_version", std::to_string(p.opened->version)},
                {"deciding", p.deciding},
                {"recused", names_to_json(p.recused)},
                {"entrenched", p.entrenched},
                {"restricts", p.restricts},
                {"two_man", p.two_man},
                {"told", std::move(told)},
                {"conflicts", std::move(conflicts)},
                {"vetoes", names_to_json(p.vetoes)},
                {"carried", p.carried ? mark_to_json(*p.carried) : Value()},
                {"tally", reference_to_json(p.tally)},
                {"effect", reference_to_json(p.release)},
                {"ballots", ballots_to_json(p)}};
  add_subject(*p.proposal, &out);
  return out;
}

// Who sits where with which keys: what decisions changed of the charter's text.
Value standing_to_json(const Charter& charter) {
  json::Array bodies, persons;
  for (const Body& body : charter.bodies)
    bodies.emplace_back(Object{
        {"body", body.id}, {"members", names_to_json({body.members.begin(), body.members.end()})}});
  for (const Person& person : charter.persons) {
    std::set<std::string> keys;
    for (const VerifierKey& key : person.keys) keys.insert(format_vkey(key));
    persons.emplace_back(Object{{"person", person.id}, {"keys", names_to_json(keys)}});
  }
  return Object{{"bodies", std::move(bodies)}, {"persons", std::move(persons)}};
}

std::string key_hex(const crypto::PublicKey& key) { return base::hex(key.bytes); }

Value witnesses_to_json(const State& state) {
  json::Array out;
  for (const auto& [key, clock] : state.witnesses) {
    json::Array sightings;
    for (const auto& sighting : clock.sightings)
      sightings.emplace_back(
          Object{{"size", std::to_string(sighting.size)}, {"time", base::rfc3339(sighting.time)}});
    out.emplace_back(Object{{"key", key_hex(key)},
                            {"latest", base::rfc3339(clock.latest)},
                            {"sightings", std::move(sightings)}});
  }
  return out;
}

Value keys_to_json(const State& state) {
  json::Array keyrings, revoked;
  for (const auto& [person, keyring] : state.keyrings)
    keyrings.emplace_back(
        Object{{"person", person},
               {"version", std::to_string(keyring.version)},
               {"claimed", keyring.claimed ? Value(format_vkey(*keyring.claimed)) : Value()},
               {"claimed_at", mark_to_json(keyring.claimed_at)}});
  for (const auto& [key, from] : state.revoked_keys)
    revoked.emplace_back(Object{{"key", key_hex(key)}, {"from", std::to_string(from)}});
  return Object{{"keyrings", std::move(keyrings)}, {"revoked", std::move(revoked)}};
}

Value seats_to_json(const State& state) {
  json::Array suspensions, interims;
  for (const auto& [seat, suspension] : state.suspensions)
    suspensions.emplace_back(Object{{"body", seat.first},
                                    {"person", seat.second},
                                    {"since", mark_to_json(suspension.since)},
                                    {"seconds", std::to_string(suspension.max.ns / 1'000'000'000)},
                                    {"opened", suspension.opened}});
  for (const Interim& interim : state.interims)
    interims.emplace_back(Object{{"body", interim.body},
                                 {"person", interim.person},
                                 {"since", mark_to_json(interim.since)}});
  return Object{{"suspensions", std::move(suspensions)},
                {"interims", std::move(interims)},
                {"changed", state.seats_changed}};
}

Value petitions_to_json(const State& state) {
  json::Array out;
  for (const auto& [digest, p] : state.petitions)
    out.emplace_back(Object{{"petition", crypto::hex(digest)},
                            {"action", p.petition.action},
                            {"subject", subject_to_json(p.petition.action, p.petition.subject)},
                            {"expires", base::rfc3339(p.petition.expires)},
                            {"enrolled", names_to_json(p.enrolled)},
                            {"signers", names_to_json(p.signers)},
                            {"forced", p.forced ? mark_to_json(*p.forced) : Value()}});
  return out;
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
                {"genesis", crypto::hex(state.genesis)},
                {"standing", state.charter ? standing_to_json(*state.charter) : Value()},
                {"witnesses", witnesses_to_json(state)},
                {"keys", keys_to_json(state)},
                {"seats", seats_to_json(state)},
                {"petitions", petitions_to_json(state)},
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
