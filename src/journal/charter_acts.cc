// The acts that carry a model from a folder to a release: propose, vote, release, and the adoption
// of the bundled model.
#include <algorithm>
#include <utility>

#include "base/check.h"
#include "govern/refusal.h"
#include "journal/charter_house.h"
#include "journal/drafts.h"
#include "journal/model_folder.h"

namespace journal {
namespace {

using base::Result;
using base::Status;
using govern::Kind;

constexpr size_t kEvidenceBytesMax = 8u << 20;

// charters/makers/pin.json as it was when the program was built; empty when there was none.
constexpr std::string_view kMakersPin =
#include "journal/makers_pin.inc"
    ;

govern::Envelope sign(Kind kind, std::string payload, const govern::SignerKey& key) {
  return govern::make_envelope(govern::payload_type(kind), std::move(payload), {&key, 1});
}

Result<std::string> person_or_only(const House& house, const std::string& person) {
  return person.empty() ? house.only_person() : Result<std::string>(person);
}

Result<const govern::ProposalState*> proposal_of(const House& house, const crypto::Digest& digest) {
  const auto found = house.state().proposals.find(digest);
  if (found == house.state().proposals.end())
    return base::fail(base::Code::NotFound, "the log holds no such proposal", crypto::hex(digest),
                      "SUBJECT_MISMATCH");
  return &found->second;
}

// Files as they are given; of a folder, every *.json that is an in-toto statement.
Result<std::vector<std::string>> evidence_payloads(const std::vector<std::string>& paths) {
  std::vector<std::string> payloads;
  for (const std::string& path : paths) {
    if (!files::is_directory(path)) {
      TRY(auto payload, files::read_file(path, kEvidenceBytesMax));
      payloads.push_back(std::move(payload));
      continue;
    }
    TRY(const auto names, files::list_files_recursive(path));
    for (const std::string& name : names) {
      if (!name.ends_with(".json")) continue;
      TRY(auto payload, files::read_file(files::join(path, name), kEvidenceBytesMax));
      if (govern::parse_statement(payload)) payloads.push_back(std::move(payload));
    }
  }
  return payloads;
}

// The evidence as envelopes: those that the log holds already keep their place there.
struct EvidenceSet {
  std::vector<House::Draft> drafts;
  std::vector<govern::LeafReference> references;  // in the order of the log
};

Result<EvidenceSet> sign_evidence(const House& house, const ProposeOptions& options,
                                  const govern::SignerKey& key) {
  TRY(auto payloads, evidence_payloads(options.evidence));
  EvidenceSet set;
  uint64_t next = house.state().next;
  for (std::string& payload : payloads) {
    while (payload.ends_with('\n')) payload.pop_back();
    govern::Envelope envelope = sign(Kind::Evidence, std::move(payload), key);
    const crypto::Digest digest = govern::envelope_digest(envelope);
    const auto logged = house.state().evidence.find(digest);
    const bool is_new = logged == house.state().evidence.end();
    const govern::LeafReference reference =
        is_new ? govern::LeafReference{next, digest} : logged->second.at;
    const bool repeated =
        std::ranges::any_of(set.references, [&](const auto& r) { return r.sha256 == digest; });
    if (repeated) continue;
    set.references.push_back(reference);
    if (!is_new) continue;
    set.drafts.push_back({Kind::Evidence, std::move(envelope)});
    ++next;
  }
  std::ranges::sort(set.references);
  return set;
}

uint64_t next_epoch(const House& house, const std::string& channel) {
  const auto current = house.state().channels.find(channel);
  return current == house.state().channels.end() ? 1 : current->second.certificate.epoch + 1;
}

std::string name_of(const ProposeOptions& options) {
  if (!options.model_name.empty()) return options.model_name;
  std::string path = options.model_directory;
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return files::base_name(path);
}

// manifest.json when it is there and right; else the folder as it is.
Result<govern::Manifest> manifest_of(const std::string& directory) {
  if (files::exists(files::join(directory, govern::kManifestFile))) return check_model(directory);
  TRY(auto digests, hash_model_files(directory));
  return govern::Manifest{std::move(digests)};
}

House::Draft release_draft(const House& house, const govern::ProposalState& proposal,
                           const govern::SignerKey& key, base::Time now) {
  return {Kind::Release, sign(Kind::Release, release_payload(house, proposal, now), key)};
}

base::Duration timelock_of(const House& house, const govern::ProposalState& proposal) {
  const govern::Power* power = house.charter().find_power(proposal.proposal->action);
  return house.charter().find_rule(power->rule)->timelock;
}

House::Draft tally_draft(const House& house, const crypto::Digest& digest,
                         const govern::ProposalState& proposal, const govern::Outcome& outcome,
                         const govern::SignerKey& key, const std::string& person, base::Time now) {
  return {Kind::Tally,
          sign(Kind::Tally, tally_payload(house, digest, proposal, outcome, person, now), key)};
}

// Models of proposals that came to nothing: expired, or never logged because the disk or the
// program gave up.
void remove_stale_models(const House& house, base::Time now) {
  const std::string folder = files::parent(house.staged_folder({}));
  const auto names = files::list_directories(folder);
  if (!names) return;
  for (const std::string& name : *names) {
    const auto digest = crypto::digest_from_hex(name);
    const auto proposal =
        digest ? house.state().proposals.find(*digest) : house.state().proposals.end();
    if (proposal == house.state().proposals.end() || now > proposal->second.proposal->expires)
      static_cast<void>(files::remove_directory(files::join(folder, name)));
  }
}

}  // namespace

Result<Proposed> propose(House* house, const ProposeOptions& options, base::Time now) {
  now = statement_time(*house, now);
  TRY(const std::string person, person_or_only(*house, options.person));
  TRY(const govern::SignerKey key, house->load_key(person, options.key_path));
  const std::string attester = options.attester.empty() ? person : options.attester;
  TRY(const govern::SignerKey attester_key,
      house->load_key(attester,
                      options.attester.empty() ? options.key_path : options.attester_key_path));
  TRY(const govern::Manifest manifest, manifest_of(options.model_directory));
  const govern::Power* power = house->charter().find_power("model.promote");
  CHECK(power != nullptr);  // a charter without it does not parse
  TRY(EvidenceSet evidence, sign_evidence(*house, options, attester_key));

  const uint64_t gate_leaf = house->state().next + evidence.drafts.size();
  const govern::GateVerdict verdict{name_of(options),
                                    options.channel,
                                    govern::manifest_digest(manifest),
                                    govern::standard_digest(house->charter()),
                                    evidence.references,
                                    now};
  govern::Envelope gate = sign(Kind::Gate, govern::format_gate_verdict(verdict), attester_key);

  govern::Proposal proposal;
  proposal.context = fresh_context(*house);
  proposal.channel = options.channel;
  proposal.person = person;
  proposal.model = name_of(options);
  proposal.manifest = manifest;
  proposal.evidence = evidence.references;
  const auto logged_gate = house->state().gates.find(govern::envelope_digest(gate));
  const bool gate_is_new = logged_gate == house->state().gates.end();
  proposal.gate = gate_is_new ? govern::LeafReference{gate_leaf, govern::envelope_digest(gate)}
                              : logged_gate->second;
  proposal.epoch = next_epoch(*house, options.channel);
  proposal.created = now;
  proposal.expires = now + house->charter().find_rule(power->rule)->expires;
  const crypto::Digest digest = govern::proposal_digest(proposal);

  remove_stale_models(*house, now);
  const std::string staged = house->staged_folder(digest);
  if (const Status copied = copy_model(options.model_directory, staged, manifest); !copied) {
    static_cast<void>(files::remove_directory(staged));
    return std::unexpected(copied.error());
  }
  std::vector<House::Draft> drafts = std::move(evidence.drafts);
  if (gate_is_new) drafts.push_back({Kind::Gate, std::move(gate)});
  drafts.push_back({Kind::Proposal, sign(Kind::Proposal, govern::format_proposal(proposal), key)});
  const auto logged = house->append(std::move(drafts), now);
  if (!logged) {
    static_cast<void>(files::remove_directory(staged));
    return std::unexpected(logged.error());
  }
  return Proposed{digest, verdict.manifest, proposal.channel, proposal.epoch, logged->back().leaf};
}

Result<Voted> vote(House* house, const VoteOptions& options, base::Time now) {
  now = statement_time(*house, now);
  TRY(const std::string person, person_or_only(*house, options.person));
  TRY(const govern::SignerKey key, house->load_key(person, options.key_path));
  TRY(const govern::ProposalState* proposal, proposal_of(*house, options.proposal));
  Voted voted;
  if (!options.body.empty()) voted.bodies = {options.body};
  if (options.body.empty()) {
    TRY(voted.bodies, bodies_asked(*house, *proposal, person));
  }
  std::vector<House::Draft> drafts;
  for (const std::string& body : voted.bodies) {
    std::string payload = ballot_payload(*house, options.proposal, body, person, options.vote, now);
    drafts.push_back({Kind::Ballot, sign(Kind::Ballot, std::move(payload), key)});
  }
  TRY_VOID(house->append(std::move(drafts), now));
  voted.outcome =
      govern::count_ballots(house->state(), house->state().proposals.at(options.proposal));
  return voted;
}

Result<Released> release(House* house, const ReleaseOptions& options, base::Time now) {
  now = statement_time(*house, now);
  TRY(const std::string person, person_or_only(*house, options.person));
  TRY(const govern::SignerKey key, house->load_key(person, options.key_path));
  TRY(const govern::ProposalState* logged, proposal_of(*house, options.proposal));
  govern::ProposalState next = *logged;
  std::vector<House::Draft> drafts;
  if (next.stage == govern::Stage::Voting) {
    TRY(const govern::Outcome outcome, govern::outcome_of(house->state(), next, now));
    drafts.push_back(tally_draft(*house, options.proposal, next, outcome, key, person, now));
    next.stage = govern::Stage::Passed;
    next.tally = {house->state().next, govern::envelope_digest(drafts.back().envelope)};
    // The certificate goes into the same step, unless it has to wait for the timelock.
    if (timelock_of(*house, next).ns > 0) TRY_VOID(house->append(std::exchange(drafts, {}), now));
  }
  if (next.stage == govern::Stage::Passed) {
    drafts.push_back(release_draft(*house, next, key, now));
    TRY_VOID(house->append(std::move(drafts), now));
  }
  TRY_VOID(house->install(options.proposal));
  const govern::ProposalState& done = house->state().proposals.at(options.proposal);
  const govern::Outcome outcome = govern::count_ballots(house->state(), done);
  const std::string& channel = done.proposal->channel;
  return Released{channel,
                  done.proposal->model,
                  files::join(house->models_folder(), channel),
                  done.proposal->epoch,
                  done.release.leaf,
                  outcome};
}

Result<crypto::Digest> find_proposal(const House& house, std::string_view text) {
  std::vector<crypto::Digest> found;
  for (const auto& [digest, proposal] : house.state().proposals) {
    const bool named = text.empty() ? proposal.stage != govern::Stage::Released
                                    : crypto::hex(digest).starts_with(text);
    if (named) found.push_back(digest);
  }
  const std::string which =
      text.empty() ? "open" : "whose digest starts with '" + std::string(text) + "'";
  if (found.empty())
    return base::fail(base::Code::NotFound,
                      "the log holds no proposal " + which + "; see `charter log show`");
  if (found.size() > 1)
    return base::fail(base::Code::InvalidArgument,
                      "several proposals are " + which + "; give more of the digest");
  return found.front();
}

Result<govern::CharterPin> makers_pin() {
  if (kMakersPin.empty())
    return base::fail(base::Code::NotFound,
                      "this program was built without the pin of its makers' charter");
  return govern::parse_pin(kMakersPin);
}

Result<Released> adopt_model(House* house, const std::string& directory, const std::string& channel,
                             const govern::CharterPin& pin, base::Time now) {
  const std::string path = files::join(directory, govern::kBundleFile);
  TRY(const std::string text, files::read_file(path, govern::kBundleBytesMax));
  TRY(const govern::ReleaseBundle bundle, govern::parse_bundle_file(text));
  const auto makers = govern::verify_release(bundle, pin, now);
  if (!makers)
    return base::wrap(makers.error(), "the makers' release of the model does not verify", path);
  TRY(const auto found, hash_model_files(directory));
  TRY_VOID(govern::check_files(makers->manifest, found));
  ProposeOptions proposing;
  proposing.model_directory = directory;
  proposing.channel = channel;
  proposing.model_name = makers->model;
  proposing.evidence = {files::join(directory, "evidence")};
  TRY(const Proposed proposed, propose(house, proposing, now));
  TRY_VOID(vote(house, {proposed.proposal, "", "", "", govern::Vote::For}, now));
  return release(house, {proposed.proposal, "", ""}, now);
}

Result<Released> adopt_bundled_model(House* house, const std::string& directory,
                                     const std::string& channel, base::Time now) {
  TRY(const govern::CharterPin pin, makers_pin());
  return adopt_model(house, directory, channel, pin, now);
}

}  // namespace journal
