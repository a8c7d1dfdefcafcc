#include "govern/certificate.h"

#include <algorithm>
#include <set>

#include "base/bytes.h"
#include "crypto/merkle.h"
#include "govern/refusal.h"

namespace govern {
namespace {

using base::Result;
using json::Object;
using json::Value;

constexpr base::Duration kClockSlack =
    base::seconds(300);  // a verifier's clock may be a little behind the log's

Result<ProvenLeaf> read_leaf(const Value& value) {
  TRY_VOID(json::only_fields(value, {"leaf", "proof"}));
  TRY(const std::string text, json::get_string(value, "leaf"));
  ProvenLeaf out;
  TRY(out.leaf, parse_leaf(text));
  TRY(const json::Array* proof, json::get_array(value, "proof"));
  if (proof->size() > 63) return malformed("a proof has at most 63 hashes", "proof");
  for (const Value& hash : *proof) {
    if (!hash.is_string()) return malformed("a proof is a list of base64 hashes", "proof");
    const auto bytes = base::from_base64(hash.as_string());
    if (!bytes) return malformed("a proof is a list of base64 hashes", "proof");
    TRY(const crypto::Digest digest, crypto::digest_from_bytes(*bytes));
    out.proof.push_back(digest);
  }
  return out;
}

Result<std::vector<Envelope>> read_envelopes(const Value& value, std::string_view key) {
  TRY(const json::Array* items, json::get_array(value, key));
  std::vector<Envelope> out;
  for (const Value& item : *items) {
    TRY(Envelope envelope, envelope_from_json(item));
    out.push_back(std::move(envelope));
  }
  return out;
}

// The statement of each leaf, or null for a leaf that is about something else.
using Statements = std::vector<const Envelope*>;

Result<Statements> match_statements(const ReleaseBundle& bundle) {
  std::vector<crypto::Digest> statements, ballots;
  for (const Envelope& envelope : bundle.statements)
    statements.push_back(envelope_digest(envelope));
  for (const Envelope& envelope : bundle.ballots) ballots.push_back(envelope_digest(envelope));
  Statements out;
  size_t statement = 0, ballot = 0;
  for (const ProvenLeaf& proven : bundle.leaves) {
    const bool is_ballot = proven.leaf.kind == Kind::Ballot;
    const std::vector<crypto::Digest>& digests = is_ballot ? ballots : statements;
    size_t& next = is_ballot ? ballot : statement;
    const bool found = next < digests.size() && digests[next] == proven.leaf.envelope;
    out.push_back(!found ? nullptr : is_ballot ? &bundle.ballots[next] : &bundle.statements[next]);
    next += found;
  }
  if (statement < statements.size() || ballot < ballots.size())
    return refuse("DIGEST_MISMATCH", std::string("the bundle holds a ") +
                                         (ballot < ballots.size() ? "ballot" : "statement") +
                                         " that its log entries do not name, or not in this place");
  return out;
}

// Every leaf is in the tree that the log signed.
base::Status check_inclusion(const ReleaseBundle& bundle, const Checkpoint& checkpoint) {
  for (const ProvenLeaf& proven : bundle.leaves) {
    const crypto::Digest hash = crypto::merkle_leaf(base::as_bytes(format_leaf(proven.leaf)));
    if (!crypto::merkle_verify_inclusion(hash, proven.leaf.seq, checkpoint.size, proven.proof,
                                         checkpoint.root))
      return corrupt("INCONSISTENT",
                     "entry " + std::to_string(proven.leaf.seq) +
                         " is not in the log that the checkpoint signs",
                     checkpoint.origin);
  }
  return {};
}

// Without gaps from the proposal to the release, so that no ballot between them can be left out.
base::Status check_window(const ReleaseBundle& bundle) {
  const auto proposal = std::ranges::find(bundle.leaves, Kind::Proposal,
                                          [](const ProvenLeaf& p) { return p.leaf.kind; });
  for (auto at = proposal; at != bundle.leaves.end() && at + 1 != bundle.leaves.end(); ++at) {
    if ((at + 1)->leaf.seq != at->leaf.seq + 1)
      return refuse("BALLOT_MISSING",
                    "the bundle leaves out entries of the log between the proposal and the release",
                    std::to_string(at->leaf.seq + 1));
  }
  return {};
}

struct Fold {
  State state;
  crypto::Digest proposal{};
  std::string channel;
};

// From the first entry on, without a gap and with every statement: such a bundle is the log itself.
bool is_whole(const ReleaseBundle& bundle, const Statements& statements) {
  for (size_t i = 0; i < bundle.leaves.size(); ++i) {
    if (bundle.leaves[i].leaf.seq != i || statements[i] == nullptr) return false;
  }
  return !bundle.leaves.empty();
}

Result<Fold> fold_whole(const ReleaseBundle& bundle, const Statements& statements) {
  Fold out;
  for (size_t i = 0; i < bundle.leaves.size(); ++i)
    TRY_VOID(apply(&out.state, {bundle.leaves[i].leaf, *statements[i]}));
  TRY(const Certificate certificate, parse_certificate(statements.back()->payload));
  out.proposal = certificate.proposal;
  out.channel = certificate.channel;
  return out;
}

// Folds the leaves that have an envelope; the others must not be about this release.
Result<Fold> fold(const ReleaseBundle& bundle, const Statements& statements) {
  Fold out;
  out.state.whole = false;
  bool proposed = false;
  for (size_t i = 0; i < bundle.leaves.size(); ++i) {
    const ProvenLeaf& proven = bundle.leaves[i];
    const Envelope* envelope = statements[i];
    if (envelope == nullptr) {
      if (!proposed)
        return refuse("DIGEST_MISMATCH", "the bundle lacks the statement of an entry",
                      std::to_string(proven.leaf.seq));
      if (proven.leaf.subject == out.proposal)
        return refuse("BALLOT_MISSING",
                      "the bundle lacks a statement (" + std::string(kind_name(proven.leaf.kind)) +
                          ") that the log holds about this proposal",
                      std::to_string(proven.leaf.seq));
      continue;
    }
    if (proven.leaf.kind == Kind::Proposal) {
      if (proposed)
        return refuse("CONTEXT_MISMATCH", "a bundle is about one proposal",
                      std::to_string(proven.leaf.seq));
      out.proposal = crypto::sha256(envelope->payload);
      proposed = true;
    }
    TRY_VOID(apply(&out.state, {proven.leaf, *envelope}));
  }
  return out;
}

std::vector<std::string> approvers(const Outcome& outcome) {
  std::set<std::string> persons;
  for (const BodyResult& result : outcome.bodies)
    persons.insert(result.persons_for.begin(), result.persons_for.end());
  return {persons.begin(), persons.end()};
}

Result<VerifiedRelease> describe_release(const Fold& fold, const Checkpoint& checkpoint) {
  const auto found = fold.state.proposals.find(fold.proposal);
  const auto channel =
      fold.channel.empty() ? fold.state.channels.begin() : fold.state.channels.find(fold.channel);
  if (found == fold.state.proposals.end() || found->second.stage != Stage::Released ||
      channel == fold.state.channels.end() ||
      (fold.channel.empty() && fold.state.channels.size() != 1))
    return refuse("NOT_RELEASED", "the bundle holds no release certificate for its proposal");
  const ProposalState& proposal = found->second;
  const Release& release = channel->second;
  VerifiedRelease out;
  out.model = release.certificate.model;
  out.channel = release.certificate.channel;
  out.epoch = release.certificate.epoch;
  out.manifest = release.manifest;
  out.manifest_digest = release.certificate.manifest_digest;
  out.charter_id = fold.state.charter->id;
  out.charter_version = fold.state.charter->version;
  out.charter_sha256 = fold.state.place.charter_sha256;
  out.proposal = fold.proposal;
  out.leaf = release.at.leaf;
  out.log_size = checkpoint.size;
  out.outcome = count_ballots(fold.state, proposal);
  out.persons_for = approvers(out.outcome);
  out.one_person_decides = fold.state.charter->one_person_decides();
  out.evidence = evidence_of(fold.state, *proposal.proposal);
  out.not_before = release.certificate.not_before;
  out.not_after = release.certificate.not_after;
  out.price = fold.state.charter->price_of(out.channel);
  out.charter = *fold.state.charter;
  return out;
}

}  // namespace

std::string format_pin(const CharterPin& pin) {
  return json::dump_pretty(Object{{"origin", pin.origin},
                                  {"log_vkey", format_vkey(pin.log_key)},
                                  {"charter_sha256", crypto::hex(pin.charter_sha256)}}) +
         '\n';
}

Result<CharterPin> parse_pin(std::string_view text) {
  TRY(const Value value, json::parse(text, {.bytes_max = 64u << 10, .depth_max = 4}));
  TRY_VOID(json::only_fields(value, {"origin", "log_vkey", "charter_sha256"}));
  CharterPin pin;
  TRY(pin.origin, json::get_string(value, "origin"));
  TRY(const std::string vkey, json::get_string(value, "log_vkey"));
  TRY(pin.log_key, parse_vkey(vkey));
  TRY(pin.charter_sha256, get_digest(value, "charter_sha256"));
  if (pin.log_key.name != pin.origin)
    return malformed("the log's key is named after its origin", pin.origin);
  return pin;
}

std::string format_bundle(const ReleaseBundle& bundle) {
  json::Array leaves, statements, ballots;
  for (const ProvenLeaf& proven : bundle.leaves) {
    json::Array proof;
    for (const crypto::Digest& hash : proven.proof) proof.emplace_back(base::base64(hash));
    leaves.emplace_back(Object{{"leaf", format_leaf(proven.leaf)}, {"proof", std::move(proof)}});
  }
  for (const Envelope& envelope : bundle.statements)
    statements.push_back(envelope_to_json(envelope));
  for (const Envelope& envelope : bundle.ballots) ballots.push_back(envelope_to_json(envelope));
  return json::canonical(Object{{"v", "charter.example/bundle/v1"},
                                {"checkpoint", bundle.checkpoint},
                                {"leaves", std::move(leaves)},
                                {"statements", std::move(statements)},
                                {"ballots", std::move(ballots)}}) +
         '\n';
}

Result<ReleaseBundle> parse_bundle_file(std::string_view text) {
  if (text.size() > kBundleBytesMax)
    return base::fail(base::Code::TooLarge, "a release bundle has at most 32 MiB");
  TRY(const Value value, json::parse(text, {.bytes_max = kBundleBytesMax, .depth_max = 12}));
  TRY_VOID(json::only_fields(value, {"v", "checkpoint", "leaves", "statements", "ballots"}));
  TRY(const std::string version, json::get_string(value, "v"));
  if (version != "charter.example/bundle/v1")
    return malformed("this is not a release bundle", version);
  ReleaseBundle bundle;
  TRY(bundle.checkpoint, json::get_string(value, "checkpoint"));
  TRY(const json::Array* leaves, json::get_array(value, "leaves"));
  for (const Value& item : *leaves) {
    TRY(ProvenLeaf leaf, read_leaf(item));
    bundle.leaves.push_back(std::move(leaf));
  }
  TRY(bundle.statements, read_envelopes(value, "statements"));
  TRY(bundle.ballots, read_envelopes(value, "ballots"));
  bundle.canonical = format_bundle(bundle) == text;
  return bundle;
}

Result<VerifiedRelease> verify_release(const ReleaseBundle& bundle, const CharterPin& pin,
                                       base::Time now) {
  TRY(const Checkpoint checkpoint, open_checkpoint(bundle.checkpoint, pin.log_key));
  TRY_VOID(check_inclusion(bundle, checkpoint));
  TRY(const Statements statements, match_statements(bundle));
  TRY_VOID(check_window(bundle));
  const bool whole = is_whole(bundle, statements);
  TRY(const Fold folded, whole ? fold_whole(bundle, statements) : fold(bundle, statements));
  if (!whole && !folded.state.is_as_founded())
    return refuse("CHARTER_CHAIN",
                  "under this charter a bundle holds the whole log up to the release",
                  folded.state.place.charter_id);
  if (folded.state.genesis != pin.charter_sha256 || folded.state.place.origin != pin.origin)
    return refuse("CONTEXT_MISMATCH",
                  "the release was made under another charter than the one that is pinned",
                  folded.state.place.charter_id);
  if (!(folded.state.log_key == pin.log_key))
    return refuse("CONTEXT_MISMATCH", "the charter names another log key than the pin", pin.origin);
  TRY(VerifiedRelease release, describe_release(folded, checkpoint));
  if (release.leaf != bundle.leaves.back().leaf.seq)
    return malformed("the bundle goes on after its release");
  if (!bundle.canonical)
    return malformed(
        "the release bundle is not in canonical form: it was changed after it was made");
  if (now + kClockSlack < release.not_before)
    return refuse("EXPIRED",
                  "the release is not valid before " + base::rfc3339(release.not_before) +
                      "; is the clock right?",
                  release.channel);
  if (now > release.not_after)
    return refuse("EXPIRED",
                  "the release was valid until " + base::rfc3339(release.not_after) +
                      "; judge the model again and release it anew",
                  release.channel);
  return release;
}

}  // namespace govern
