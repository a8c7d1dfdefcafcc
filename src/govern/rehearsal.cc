#include "govern/rehearsal.h"

#include <algorithm>
#include <functional>

#include "base/check.h"
#include "crypto/merkle.h"
#include "govern/checkpoint.h"
#include "govern/refusal.h"

namespace govern {
namespace {

constexpr base::Duration kBallotAgeMax = base::seconds(30 * 86'400);

std::string replace_marks(std::string_view text, std::string_view mark,
                          const std::function<std::string(const std::string&)>& value) {
  std::string out;
  size_t at = 0;
  while (true) {
    const size_t open = text.find(mark, at);
    const size_t close = open == text.npos ? text.npos : text.find('>', open);
    if (close == text.npos) return out.append(text.substr(at));
    out.append(text.substr(at, open - at));
    out += value(std::string(text.substr(open + mark.size(), close - open - mark.size())));
    at = close + 1;
  }
}

base::Duration open_for(const Charter& charter, const std::string& action) {
  const Power* power = charter.find_power(action);
  if (power == nullptr || power->any_one()) return base::seconds(86'400);
  return terms_of(charter, *power).expires;
}

}  // namespace

crypto::PrivateKey RehearsalKeys::make(const std::string& name) const {
  const crypto::Digest seed = crypto::sha256("rehearsal " + std::to_string(seed_) + ' ' + name);
  auto key = crypto::PrivateKey::from_seed(seed);
  CHECK(key.has_value());
  return *std::move(key);
}

const SignerKey& RehearsalKeys::of(const std::string& name) {
  const auto found = keys_.find(name);
  if (found != keys_.end()) return found->second;
  return keys_.emplace(name, SignerKey{name, make(name)}).first->second;
}

const WitnessSigner& RehearsalKeys::witness(const std::string& name) {
  const auto found = witnesses_.find(name);
  if (found != witnesses_.end()) return found->second;
  return witnesses_.emplace(name, WitnessSigner{name, make("witness " + name)}).first->second;
}

std::string RehearsalKeys::fill_in(std::string_view text) {
  const std::string keyed = replace_marks(
      text, "<VKEY ", [&](const std::string& name) { return format_vkey(of(name).verifier()); });
  return replace_marks(keyed, "<WITNESS ", [&](const std::string& name) {
    return format_witness_vkey(witness(name).verifier());
  });
}

base::Status Rehearsal::adopt(std::string_view charter, std::string_view witness_policy,
                              base::Time at) {
  CHECK(!state_.started());
  CharterStatement statement;
  statement.text = keys_->fill_in(charter);
  statement.witness_policy = keys_->fill_in(witness_policy);
  TRY(const Charter parsed, parse_charter(statement.text));
  statement.log_vkey = format_vkey(keys_->of(parsed.origin()).verifier());
  statement.context = {parsed.id, parsed.version, crypto::sha256(statement.text), parsed.origin(),
                       nonce()};
  return submit(Kind::Charter, format_charter_statement(statement),
                {parsed.control_persons().front()}, at);
}

Envelope Rehearsal::sign(Kind kind, std::string payload,
                         const std::vector<std::string>& signers) const {
  Envelope envelope{payload_type(kind), std::move(payload), {}};
  for (const std::string& signer : signers) sign_envelope(&envelope, keys_->of(signer));
  return envelope;
}

LoggedStatement Rehearsal::log_entry(Kind kind, Envelope envelope, base::Time at) const {
  LoggedStatement entry;
  entry.leaf.kind = kind;
  entry.leaf.seq = state_.next;
  entry.leaf.envelope = envelope_digest(envelope);
  // A payload without a subject is refused by apply() for what is wrong with it.
  entry.leaf.subject = subject_of(kind, envelope.payload).value_or(crypto::Digest{});
  entry.leaf.time = at;
  entry.envelope = std::move(envelope);
  return entry;
}

base::Status Rehearsal::append(LoggedStatement statement) {
  TRY_VOID(apply(&state_, statement));
  log_.push_back(std::move(statement));
  return {};
}

base::Status Rehearsal::submit(Kind kind, std::string payload,
                               const std::vector<std::string>& signers, base::Time at) {
  return append(log_entry(kind, sign(kind, std::move(payload), signers), at));
}

Rehearsal Rehearsal::replay(uint64_t count) const {
  CHECK(count <= log_.size());
  Rehearsal out(keys_);
  out.nonces_ = nonces_;
  for (uint64_t i = 0; i < count; ++i) CHECK(out.append(log_[i]).has_value());
  return out;
}

Envelope Rehearsal::cosigned_checkpoint(const std::vector<WitnessTime>& witnesses) const {
  crypto::MerkleFrontier tree;
  for (const LoggedStatement& s : log_)
    tree.append(crypto::merkle_leaf(base::as_bytes(format_leaf(s.leaf))));
  Note note{format_checkpoint({state_.place.origin, tree.size(), tree.root()}), {}};
  sign_note(&note, keys_->of(state_.place.origin));
  for (const WitnessTime& witness : witnesses)
    note.signatures.push_back(cosign(note.text, keys_->witness(witness.name), witness.time));
  return {payload_type(Kind::Cosigned), format_note(note), {}};
}

LeafReference Rehearsal::last() const {
  CHECK(!log_.empty());
  return {log_.back().leaf.seq, log_.back().leaf.envelope};
}

std::string Rehearsal::nonce() {
  return crypto::hex(crypto::sha256("nonce " + std::to_string(nonces_++)));
}

Context Rehearsal::context() {
  Context context = state_.place;
  context.nonce = nonce();
  return context;
}

std::string Rehearsal::ballot(const crypto::Digest& proposal, const std::string& body,
                              const std::string& person, Vote vote, base::Time at) {
  Ballot b;
  b.context = context();
  b.proposal = proposal;
  b.body = body;
  b.person = person;
  b.vote = vote;
  b.checkpoint_size = state_.next;
  b.created = at;
  b.expires = at + kBallotAgeMax;
  return format_ballot(b);
}

std::string Rehearsal::tally(const crypto::Digest& proposal, const std::string& person,
                             base::Time at) {
  TallyStatement t;
  t.context = context();
  t.proposal = proposal;
  t.person = person;
  t.results = json::Array{};
  t.created = at;
  if (const auto found = state_.proposals.find(proposal); found != state_.proposals.end()) {
    for (const BallotRecord& record : found->second.ballots) t.ballots.push_back(record.at);
    t.results = outcome_to_json(count_ballots(state_, found->second));
  }
  return format_tally(t);
}

std::string Rehearsal::certificate(const crypto::Digest& proposal, base::Time at) {
  Certificate c = expected_certificate(state_, state_.proposals.at(proposal), at);
  c.nonce = nonce();
  return format_certificate(c);
}

std::string Rehearsal::proposal(const std::string& action, const Subject& subject,
                                const std::string& person, base::Time at,
                                const crypto::Digest* petition) {
  Proposal p;
  p.context = context();
  p.action = action;
  if (petition != nullptr) p.petition = *petition;
  p.person = person;
  p.subject = subject;
  p.created = at;
  p.expires = at + open_for(*state_.charter, action);
  return format_proposal(p);
}

std::string Rehearsal::promotion(const std::string& channel, const std::string& model,
                                 const Manifest& manifest, const std::string& person,
                                 base::Time at) {
  Proposal p;
  p.context = context();
  p.channel = channel;
  p.person = person;
  p.model = model;
  p.manifest = manifest;
  const crypto::Digest digest = manifest_digest(manifest);
  // The newest verdict on this model and channel, passed or not: apply() judges it.
  for (const auto& [envelope, verdict] : state_.verdicts) {
    const LeafReference at_leaf = state_.gates.at(envelope);
    if (verdict.manifest != digest || verdict.channel != channel || at_leaf < p.gate) continue;
    p.gate = at_leaf;
    p.evidence = verdict.evidence;
  }
  p.epoch = channel_epoch(state_, channel) + 1;
  p.created = at;
  p.expires = at + open_for(*state_.charter, p.action);
  return format_proposal(p);
}

}  // namespace govern
