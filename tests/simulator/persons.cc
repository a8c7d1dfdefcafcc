// What persons do: propose, vote, tell, object, petition, count, enact, change keys; mostly as they
// should, and now and then not.
#include <algorithm>

#include "world.h"

namespace simulator {

using base::Rng;
using govern::Kind;
using govern::ProposalState;
using govern::Vote;

namespace {

template <class T>
const T& any_of(const std::vector<T>& items, Rng* rng) {
  return items[rng->below(items.size())];
}

Vote random_vote(Rng* rng) {
  const uint64_t dice = rng->below(10);
  return dice < 7 ? Vote::For : dice < 9 ? Vote::Against : Vote::Abstain;
}

const std::string kModels[] = {"m0", "m1"};

}  // namespace

std::string World::key_of(const std::string& id) const {
  const auto usable = [&](const std::vector<govern::VerifierKey>& keys) -> std::string {
    for (const govern::VerifierKey& key : keys)
      if (!house_.state().revoked_keys.contains(key.key)) return key.name;
    return {};
  };
  if (const govern::Person* person = charter().find_person(id)) return usable(person->keys);
  if (const govern::Service* service = charter().find_service(id)) return usable(service->keys);
  return id;
}

std::vector<std::string> World::keys_of(const std::vector<std::string>& ids) const {
  std::vector<std::string> out;
  for (const std::string& id : ids) {
    const std::string key = key_of(id);
    out.push_back(key.empty() ? id : key);
  }
  return out;
}

std::string World::any_person(Rng* rng) const { return any_of(charter().persons, rng).id; }

std::string World::seated(Rng* rng, const std::string& body) const {
  const govern::Body* found = charter().find_body(body);
  if (found == nullptr || found->members.empty()) return any_person(rng);
  return any_of(found->members, rng);
}

std::string World::controller(Rng* rng) const {
  return rng->below(16) == 0 ? any_person(rng) : any_of(charter().control_persons(), rng);
}

std::string World::service_or_person(Rng* rng, const std::string& role) const {
  for (const govern::Service& service : charter().services)
    if (service.role == role && rng->below(16) != 0) return service.id;
  return controller(rng);
}

std::vector<crypto::Digest> World::proposals(govern::Stage stage) const {
  std::vector<crypto::Digest> out;
  for (const auto& [digest, proposal] : house_.state().proposals)
    if (proposal.stage == stage) out.push_back(digest);
  return out;
}

void World::promote(Rng* rng) {
  const std::string channel = rng->below(3) == 0 ? "beta" : "chat";
  const std::string model = kModels[rng->below(2)];
  govern::Manifest manifest;
  manifest.files["model.safetensors"] = crypto::sha256(model);
  const std::string person = controller(rng);
  submit(rng, Kind::Proposal, house_.promotion(channel, model, manifest, person, log_time()),
         keys_of({person}));
}

void World::propose(Rng* rng) {
  const govern::Power& power = any_of(charter().powers, rng);
  if (power.any_one() || power.action == "model.promote") return promote(rng);
  govern::Subject subject;
  const bool of_person = power.action.starts_with("person.");
  subject.person = of_person ? seated(rng, "board") : any_person(rng);
  subject.body = rng->below(8) == 0 ? "safety" : "board";
  if (power.action == "fill_seat" && rng->below(2) == 0) subject.person = "p.spare";
  if (power.action == "charter.amend" || power.action == "charter.restrict") {
    subject.text = random_amendment(charter(), rng);
    subject.witness_policy = policy_;
  }
  if (power.action == "key.recover")
    subject.vkey = format_vkey(house_.keys().of(subject.person + ".recovered").verifier());
  subject.manifest = crypto::sha256("m0");
  subject.to = "elsewhere";
  subject.micro_usd = 1'000'000;
  if (power.action == "motion") subject.text = "that tea be served";
  const std::string person = controller(rng);
  submit(rng, Kind::Proposal, house_.proposal(power.action, subject, person, log_time()),
         keys_of({person}));
}

void World::vote(Rng* rng) {
  const auto open = proposals(govern::Stage::Voting);
  if (open.empty()) return;
  const crypto::Digest digest = any_of(open, rng);
  const std::string body = any_of(charter().bodies, rng).id;
  const std::string person = rng->below(12) == 0 ? any_person(rng) : seated(rng, body);
  submit(rng, Kind::Ballot, house_.ballot(digest, body, person, random_vote(rng), log_time()),
         keys_of({person}));
}

void World::vote_all(Rng* rng) {
  const auto open = proposals(govern::Stage::Voting);
  if (open.empty()) return;
  const crypto::Digest digest = any_of(open, rng);
  for (const govern::Body& body : std::vector<govern::Body>(charter().bodies)) {
    if (body.body_class == govern::BodyClass::Economic) continue;
    for (const std::string& person : body.members) {
      if (rng->below(8) == 0) continue;
      submit(rng, Kind::Ballot,
             house_.ballot(digest, body.id, person, random_vote(rng), log_time()),
             keys_of({person}));
    }
  }
}

void World::notify(Rng* rng) {
  const auto open = proposals(govern::Stage::Voting);
  if (open.empty()) return;
  govern::Notice notice;
  notice.context = house_.context();
  notice.proposal = any_of(open, rng);
  notice.person = any_person(rng);
  notice.delivery = rng->below(3) != 0;
  notice.persons = {notice.person};
  if (notice.delivery) {
    notice.person = controller(rng);
    notice.persons.clear();
    for (const govern::Person& person : charter().persons)
      if (rng->below(6) != 0) notice.persons.push_back(person.id);
    std::ranges::sort(notice.persons);
    if (notice.persons.empty()) return;
  }
  notice.means = "registered mail";
  notice.created = log_time();
  submit(rng, Kind::Notice, format_notice(notice), keys_of({notice.person}));
}

void World::recuse(Rng* rng) {
  const auto open = proposals(govern::Stage::Voting);
  if (open.empty()) return;
  govern::Recusal recusal;
  recusal.context = house_.context();
  recusal.proposal = any_of(open, rng);
  recusal.body = rng->below(3) == 0 ? "safety" : "board";
  recusal.recused = seated(rng, recusal.body);
  recusal.person = rng->below(3) == 0 ? recusal.recused : seated(rng, recusal.body);
  recusal.reason = "family";
  recusal.created = log_time();
  submit(rng, Kind::Recusal, format_recusal(recusal), keys_of({recusal.person}));
}

void World::veto(Rng* rng) {
  const auto passed = proposals(rng->below(4) == 0 ? govern::Stage::Voting : govern::Stage::Passed);
  if (passed.empty()) return;
  govern::Veto veto;
  veto.context = house_.context();
  veto.proposal = any_of(passed, rng);
  veto.body = rng->below(6) == 0 ? "investors" : "trust";
  veto.person = seated(rng, veto.body);
  veto.reason = "not yet";
  veto.created = log_time();
  submit(rng, Kind::Veto, format_veto(veto), keys_of({veto.person}));
}

void World::petition(Rng* rng) {
  govern::Petition petition;
  petition.context = house_.context();
  petition.body = rng->below(8) == 0 ? "investors" : "safety";
  petition.person = seated(rng, petition.body);
  petition.action = "motion";
  petition.subject.text = rng->below(2) == 0 ? "that the chair come back" : "that tea be served";
  petition.created = log_time();
  petition.expires = log_time() + base::seconds(7 * 86'400);
  submit(rng, Kind::Petition, format_petition(petition), keys_of({petition.person}));
}

void World::tally(Rng* rng) {
  const auto open = proposals(govern::Stage::Voting);
  if (open.empty()) return;
  const std::string person = controller(rng);
  submit(rng, Kind::Tally, house_.tally(any_of(open, rng), person, log_time()), keys_of({person}));
}

void World::take_effect(Rng* rng) {
  const auto passed = proposals(govern::Stage::Passed);
  if (passed.empty()) return;
  const crypto::Digest digest = any_of(passed, rng);
  const ProposalState& p = house_.state().proposals.at(digest);
  const std::string person = controller(rng);
  const std::string& action = p.proposal->action;
  if (action == "model.promote") {
    submit(rng, Kind::Release, house_.certificate(digest, log_time()), keys_of({person}));
  } else if (action == "charter.amend" || action == "charter.restrict") {
    govern::CharterStatement statement;
    statement.text = p.proposal->subject.text;
    statement.witness_policy = p.proposal->subject.witness_policy;
    statement.proposal = digest;
    const auto next = govern::parse_charter(statement.text);
    if (!next) return;
    statement.context = {next->id, next->version, crypto::sha256(statement.text), next->origin(),
                         house_.nonce()};
    statement.log_vkey = format_vkey(house_.keys().of(next->origin()).verifier());
    std::vector<std::string> signers = next->control_persons();
    if (rng->below(6) == 0 && signers.size() > 1) signers.pop_back();
    submit(rng, Kind::Charter, format_charter_statement(statement), keys_of(signers));
  } else {
    govern::Enactment enactment;
    enactment.context = house_.context();
    enactment.proposal = digest;
    enactment.tally = p.tally;
    enactment.person = person;
    enactment.created = log_time();
    submit(rng, Kind::Enactment, format_enactment(enactment), keys_of({person}));
  }
}

void World::change_keys(Rng* rng) {
  govern::Keyring keyring;
  keyring.context = house_.context();
  keyring.person = any_person(rng);
  const auto known = house_.state().keyrings.find(keyring.person);
  keyring.version = known == house_.state().keyrings.end() ? 2 : known->second.version + 1;
  keyring.change = static_cast<govern::KeyChange>(rng->below(5));
  const std::string fresh = keyring.person + ".v" + std::to_string(keyring.version);
  keyring.vkey = format_vkey(house_.keys().of(fresh).verifier());
  keyring.created = log_time();
  std::vector<std::string> signers = keys_of({keyring.person});
  const govern::Person* person = charter().find_person(keyring.person);
  switch (keyring.change) {
    case govern::KeyChange::Rotate:
      keyring.retired = format_vkey(person->keys.front());
      signers.push_back(fresh);
      break;
    case govern::KeyChange::Lose:
      signers = keys_of({seated(rng, "board"), seated(rng, "board")});
      signers.push_back(fresh);
      break;
    case govern::KeyChange::Compromise:
      keyring.vkey = format_vkey(person->keys.back());
      keyring.from_leaf = rng->below(house_.state().next + 1);
      break;
    default:
      break;
  }
  submit(rng, Kind::Keyring, format_keyring(keyring), signers);
}

}  // namespace simulator
