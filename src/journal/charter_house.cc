#include "journal/charter_house.h"

#include <algorithm>
#include <chrono>
#include <set>
#include <thread>

#include "base/check.h"
#include "crypto/random.h"
#include "govern/refusal.h"

namespace journal {
namespace {

using base::Result;
using base::Status;

constexpr size_t kCharterBytesMax = 4u << 20;

std::string charter_folder(const std::string& data) { return files::join(data, "charter"); }
std::string log_folder(const std::string& data) { return files::join(data, "log"); }
std::string key_file(const std::string& folder, const std::string& name) {
  return files::join(folder, "keys/" + name + ".key");
}

base::Time whole_seconds(base::Time time) { return {time.seconds() * 1'000'000'000}; }

Status write_key(const std::string& path, const govern::SignerKey& key) {
  TRY_VOID(files::make_directories(files::parent(path), 0700));
  const base::Secret text = govern::format_signer_key(key);
  return files::write_unsynced(path, std::string(text.reveal()) + '\n', 0600);
}

// charters/one-person.toml as it was when the program was built.
constexpr std::string_view kOnePersonCharter =
#include "journal/one_person_charter.inc"
    ;

std::string fill_in(std::string text, std::string_view blank, std::string_view value) {
  for (size_t at = text.find(blank); at != text.npos; at = text.find(blank, at + value.size()))
    text.replace(at, blank.size(), value);
  return text;
}

std::string random_lower_hex(size_t bytes) { return base::hex(crypto::random_bytes(bytes)); }

// What init writes before it is a house: everything under one new folder, renamed into place at the
// end.
struct Foundation {
  std::string text;
  govern::Charter charter;
  govern::SignerKey person_key;
  bool fresh_key = false;
  std::string witness_policy = {};
};

Result<Foundation> lay_foundation(const InitOptions& options) {
  if (!options.charter_text.empty()) {
    if (!options.key)
      return base::fail(
          base::Code::InvalidArgument,
          "a charter is signed by one of its persons: say who (--as) and with which key (--key)");
    TRY(govern::Charter charter, govern::parse_charter(options.charter_text));
    return Foundation{options.charter_text, std::move(charter), *options.key, false,
                      options.witness_policy};
  }
  govern::SignerKey key = options.key
                              ? *options.key
                              : govern::SignerKey{options.person, crypto::PrivateKey::generate()};
  std::string text(kOnePersonCharter);
  text = fill_in(std::move(text), "<HOUSE>", "house-" + random_lower_hex(8));
  text = fill_in(std::move(text), "<PERSON>", options.person);
  text = fill_in(std::move(text), "<VKEY>", govern::format_vkey(key.verifier()));
  TRY(govern::Charter charter, govern::parse_charter(text));
  return Foundation{std::move(text), std::move(charter), std::move(key), !options.key};
}

Status write_foundation(const std::string& folder, const std::string& log, const Foundation& f,
                        const govern::SignerKey& log_key, base::Time now) {
  const crypto::Digest digest = crypto::sha256(f.text);
  const govern::CharterStatement statement{
      {f.charter.id, f.charter.version, digest, f.charter.origin(), random_lower_hex(32)},
      f.text,
      govern::format_vkey(log_key.verifier()),
      f.witness_policy,
      {}};
  const govern::Envelope envelope =
      govern::make_envelope(govern::payload_type(govern::Kind::Charter),
                            govern::format_charter_statement(statement), {&f.person_key, 1});
  const govern::LoggedStatement first{
      {govern::Kind::Charter, 0, govern::envelope_digest(envelope), digest, whole_seconds(now)},
      envelope};
  govern::State state;
  TRY_VOID(govern::apply(&state, first));
  {
    TRY(Log created, Log::create(log, log_key));
    TRY_VOID(created.append({&first, 1}));
  }
  TRY_VOID(files::make_directories(folder));
  std::vector<std::string> written = {key_file(folder, "log"), files::join(folder, "charter.toml"),
                                      files::join(folder, "pin.json")};
  TRY_VOID(write_key(written[0], log_key));
  TRY_VOID(files::write_unsynced(written[1], f.text));
  TRY_VOID(files::write_unsynced(
      written[2], govern::format_pin({f.charter.origin(), log_key.verifier(), digest})));
  if (f.fresh_key) {
    written.push_back(key_file(folder, f.person_key.name));
    TRY_VOID(write_key(written.back(), f.person_key));
  }
  return files::sync_files(written);
}

std::vector<crypto::PublicKey> keys_of(const govern::State& state) {
  std::vector<crypto::PublicKey> keys;
  if (!state.started()) return keys;
  for (const govern::Person& person : state.charter->persons) {
    for (const govern::VerifierKey& key : person.keys) keys.push_back(key.key);
  }
  for (const govern::Service& service : state.charter->services) {
    for (const govern::VerifierKey& key : service.keys) keys.push_back(key.key);
  }
  keys.push_back(state.log_key.key);
  return keys;
}

// Replays the log while it is read.
LogReader folding(govern::State* state, const std::string& folder) {
  return {[state, folder](const govern::LoggedStatement& statement) -> Status {
            if (const Status applied = govern::apply(state, statement); !applied)
              return base::wrap(applied.error(),
                                "entry " + std::to_string(statement.leaf.seq) +
                                    " of the log is not a step that the charter allows",
                                folder);
            return {};
          },
          [state] { return keys_of(*state); }};
}

}  // namespace

Result<govern::SignerKey> read_signer_key(const std::string& path) {
  TRY(std::string text, files::read_file(path, 64u << 10));
  while (text.ends_with('\n')) text.pop_back();
  auto key = govern::parse_signer_key(text);
  if (!key) return base::wrap(key.error(), "the file holds no private key", path);
  return key;
}

bool House::exists(const std::string& data) {
  return files::exists(files::join(charter_folder(data), "pin.json"));
}

Result<govern::CharterPin> House::read_pin(const std::string& data) {
  const std::string path = files::join(charter_folder(data), "pin.json");
  if (!files::exists(path))
    return base::fail(
        base::Code::NotFound,
        "there is no house in this data folder; make one with `charter init --data DIR`", data,
        "NO_HOUSE");
  TRY(const std::string text, files::read_file(path, 64u << 10));
  auto pin = govern::parse_pin(text);
  if (!pin) return base::wrap(pin.error(), "the pin cannot be used", path);
  return pin;
}

// Whoever appends holds the lock for milliseconds.
static Result<Log> open_log(const std::string& folder, const govern::SignerKey& key,
                            base::Duration wait, const LogReader& reader) {
  const int64_t deadline_ns = base::monotonic_ns() + wait.ns;
  for (;;) {
    auto log = Log::open(folder, key, reader);
    if (log || log.error().reason != "LOCKED" || base::monotonic_ns() >= deadline_ns) return log;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

Result<House> House::open(const std::string& data, const House* known, base::Duration wait) {
  TRY(auto pin, read_pin(data));
  TRY(const auto log_key, read_signer_key(key_file(charter_folder(data), "log")));
  if (!(log_key.verifier() == pin.log_key))
    return govern::corrupt("BAD_KEY", "the log's private key is not the one that the pin names",
                           key_file(charter_folder(data), "log"));
  govern::State state;
  TRY(Log log, open_log(log_folder(data), log_key, wait,
                        known ? LogReader() : folding(&state, log_folder(data))));
  House house(data, std::move(pin), std::move(log), std::move(state));
  TRY_VOID(house.replay(known));
  for (const auto& [channel, release] : house.state_.channels)
    TRY_VOID(house.install(release.certificate.proposal));
  return house;
}

Result<House> House::open_to_read(const std::string& data, const House* known) {
  TRY(auto pin, read_pin(data));
  govern::State state;
  TRY(Log log, Log::open_to_read(log_folder(data), pin.log_key,
                                 known ? LogReader() : folding(&state, log_folder(data))));
  House house(data, std::move(pin), std::move(log), std::move(state));
  TRY_VOID(house.replay(known));
  return house;
}

// What was not folded while the log was read.
Status House::replay(const House* known) {
  if (known != nullptr && log_.continues(known->log_)) state_ = known->state_;
  for (uint64_t i = state_.next; i < log_.size(); ++i) {
    TRY(const auto statement, log_.statement(i));
    TRY_VOID(folding(&state_, log_folder(data_)).visit(statement));
  }
  if (!state_.started() || state_.genesis != pin_.charter_sha256 ||
      !(state_.log_key == pin_.log_key))
    return govern::corrupt("CONTEXT_MISMATCH", "the log is of another charter than the pin",
                           log_folder(data_));
  const std::string path = files::join(charter_folder(data_), "charter.toml");
  TRY(const std::string text, files::read_file(path, kCharterBytesMax));
  if (crypto::sha256(text) != pin_.charter_sha256)
    return govern::corrupt("DIGEST_MISMATCH",
                           "the charter was changed after it was signed; entry 0 of the log holds "
                           "the signed text (`charter log show 0`)",
                           path);
  return {};
}

Result<std::string> House::charter_text() const {
  uint64_t index = log_.size();
  while (index > 0 && log_.leaf(index - 1).kind != govern::Kind::Charter) --index;
  CHECK(index > 0);  // the first entry is one
  TRY(const auto statement, log_.statement(index - 1));
  TRY(govern::CharterStatement charter,
      govern::parse_charter_statement(statement.envelope.payload));
  return std::move(charter.text);
}

Result<std::string> House::only_person() const {
  const auto persons = charter().control_persons();
  if (persons.size() == 1) return persons.front();
  return base::fail(base::Code::InvalidArgument,
                    "the charter has several persons who decide; say who you are with --as NAME");
}

Result<govern::SignerKey> House::load_key(const std::string& name, const std::string& path) const {
  const std::string file = path.empty() ? key_file(charter_folder(data_), name) : path;
  if (!files::exists(file))
    return base::fail(
        base::Code::NotFound,
        "there is no private key of " + name + " here; pass --key FILE on the machine that has it",
        file);
  TRY(auto key, read_signer_key(file));
  const auto holds = [&](const std::vector<govern::VerifierKey>& keys) {
    return std::ranges::any_of(keys, [&](const auto& k) { return k.key == key.key.public_key(); });
  };
  const govern::Person* person = charter().find_person(name);
  const govern::Service* service = charter().find_service(name);
  if (person == nullptr && service == nullptr)
    return govern::refuse("SIGNER_MISSING", "the charter names no such person or service", name);
  if (!holds(person != nullptr ? person->keys : service->keys))
    return govern::refuse("BAD_KEY", "the charter does not give this key to " + name, file);
  return key;
}

Result<std::vector<govern::LeafReference>> House::append(std::vector<Draft> drafts,
                                                         base::Time now) {
  govern::State trial = state_;
  std::vector<govern::LoggedStatement> statements;
  std::vector<govern::LeafReference> references;
  const base::Time time = std::max(whole_seconds(now), state_.latest);
  for (Draft& draft : drafts) {
    TRY(const crypto::Digest subject, govern::subject_of(draft.kind, draft.envelope.payload));
    const govern::Leaf leaf{draft.kind, trial.next, govern::envelope_digest(draft.envelope),
                            subject, time};
    statements.push_back({leaf, std::move(draft.envelope)});
    TRY_VOID(govern::apply(&trial, statements.back()));
    references.push_back({leaf.seq, leaf.envelope});
  }
  TRY_VOID(log_.append(statements));
  state_ = std::move(trial);
  return references;
}

// Of a model that was registered: its seal, and every run that was declared for it before the
// release, whatever came of it.
std::vector<uint64_t> House::declared_leaves(const govern::ProposalState& p) const {
  const crypto::Digest manifest = govern::manifest_digest(p.proposal->manifest);
  std::vector<uint64_t> out;
  for (uint64_t i = 0; i < p.release.leaf; ++i) {
    const govern::Leaf& leaf = log_.leaf(i);
    const bool of_model = leaf.kind == govern::Kind::Model || leaf.kind == govern::Kind::RunIntent;
    const bool registers =
        leaf.kind == govern::Kind::Model && leaf.subject == crypto::sha256(p.proposal->model);
    const auto run = state_.life.runs.find(leaf.subject);
    const bool ends = leaf.kind == govern::Kind::EvalRun && run != state_.life.runs.end() &&
                      run->second.intent.manifest == manifest;
    if ((of_model && leaf.subject == manifest) || registers || ends) out.push_back(i);
  }
  return out;
}

Result<govern::ReleaseBundle> House::make_bundle(const govern::ProposalState& p) const {
  CHECK(p.stage == govern::Stage::Released);
  std::set<uint64_t> about = {0, p.proposal->gate.leaf, p.at.leaf, p.tally.leaf, p.release.leaf};
  for (const auto& reference : p.proposal->evidence) about.insert(reference.leaf);
  for (const auto& record : p.ballots) about.insert(record.at.leaf);
  for (const uint64_t leaf : declared_leaves(p)) about.insert(leaf);
  // Where decisions changed who may decide, or witnesses measured the time, nothing can be left
  // out.
  if (!state_.is_as_founded()) {
    for (uint64_t i = 0; i <= p.release.leaf; ++i) about.insert(i);
  }
  std::set<uint64_t> indexes;
  const crypto::Digest digest = govern::proposal_digest(*p.proposal);
  for (uint64_t i = p.at.leaf; i <= p.release.leaf; ++i) {
    indexes.insert(i);
    if (log_.leaf(i).subject == digest) about.insert(i);  // notices, conflicts, vetoes too
  }
  indexes.insert(about.begin(), about.end());
  govern::ReleaseBundle bundle;
  bundle.checkpoint = log_.checkpoint_note();
  for (const uint64_t index : indexes) {
    bundle.leaves.push_back({log_.leaf(index), log_.inclusion_proof(index)});
    if (!about.contains(index)) continue;
    TRY(auto statement, log_.statement(index));
    const bool is_ballot = statement.leaf.kind == govern::Kind::Ballot;
    (is_ballot ? bundle.ballots : bundle.statements).push_back(std::move(statement.envelope));
  }
  return bundle;
}

std::string House::staged_folder(const crypto::Digest& proposal) const {
  return files::join(charter_folder(data_), "staged/" + crypto::hex(proposal));
}

Status House::install(const crypto::Digest& digest) const {
  const std::string staged = staged_folder(digest);
  if (!files::is_directory(staged)) return {};
  const govern::ProposalState& proposal = state_.proposals.at(digest);
  TRY(const govern::ReleaseBundle bundle, make_bundle(proposal));
  TRY_VOID(files::make_directories(files::join(staged, "release")));
  TRY_VOID(
      files::write_atomic(files::join(staged, govern::kBundleFile), govern::format_bundle(bundle)));
  const std::string place = files::join(models_folder(), proposal.proposal->channel);
  TRY_VOID(files::make_directories(models_folder()));
  if (files::is_directory(place)) {
    const std::string previous = files::join(charter_folder(data_), "previous");
    TRY_VOID(files::make_directories(previous));
    TRY_VOID(
        files::rename(place, files::join(previous, proposal.proposal->channel + "-before-" +
                                                       std::to_string(proposal.proposal->epoch))));
  }
  return files::rename(staged, place);
}

Result<House> init_house(const std::string& data, const InitOptions& options, base::Time now) {
  if (House::exists(data))
    return base::fail(base::Code::AlreadyExists, "there is a house in this data folder already",
                      data);
  TRY(const Foundation foundation, lay_foundation(options));
  const govern::SignerKey log_key{foundation.charter.origin(), crypto::PrivateKey::generate()};
  const std::string building = files::join(data, ".init-" + random_lower_hex(4));
  const std::string charter = files::join(building, "charter"), log = files::join(building, "log");
  TRY_VOID(write_foundation(charter, log, foundation, log_key, now));
  for (const std::string& name : {log_folder(data), charter_folder(data)}) {
    // A folder without a house around it is not ours to delete.
    if (files::exists(name)) TRY_VOID(files::rename(name, name + ".left-" + random_lower_hex(4)));
  }
  TRY_VOID(files::rename(log, log_folder(data)));
  TRY_VOID(files::rename(charter, charter_folder(data)));  // from here on it exists
  TRY_VOID(files::remove_directory(building));
  return House::open(data);
}

}  // namespace journal
