#include "govern/statements.h"

#include <algorithm>
#include <array>

#include "govern/refusal.h"
#include "govern/statement_fields.h"

namespace govern {
namespace {

using base::Result;
using json::Object;
using json::Value;

using fields::digest;
using fields::get_context;
using fields::get_nonce;
using fields::get_reference;
using fields::get_references;
using fields::moment;
using fields::number;
using fields::only_canonical;
using fields::parse_payload;
using fields::to_json;

struct KindNames {
  Kind kind;
  std::string_view name;  // "ballot/v1"
  bool in_toto = false;
};
constexpr auto kKinds = std::to_array<KindNames>({{Kind::Charter, "charter/v1"},
                                                  {Kind::Evidence, "evidence/v1", true},
                                                  {Kind::Gate, "gate/v1", true},
                                                  {Kind::Proposal, "proposal/v1"},
                                                  {Kind::Ballot, "ballot/v1"},
                                                  {Kind::Tally, "tally/v1"},
                                                  {Kind::Release, "release/v1", true},
                                                  {Kind::Model, "model/v1"},
                                                  {Kind::RunIntent, "runintent/v1"},
                                                  {Kind::EvalRun, "evalrun/v1"},
                                                  {Kind::Stage, "stage/v1"},
                                                  {Kind::Lease, "lease/v1"},
                                                  {Kind::Stop, "stop/v1"},
                                                  {Kind::Resume, "resume/v1"},
                                                  {Kind::Revoke, "revoke/v1"},
                                                  {Kind::Alarm, "alarm/v1"},
                                                  {Kind::Incident, "incident/v1"},
                                                  {Kind::Notice, "notice/v1"},
                                                  {Kind::Recusal, "recusal/v1"},
                                                  {Kind::Veto, "veto/v1"},
                                                  {Kind::Petition, "petition/v1"},
                                                  {Kind::Enactment, "enactment/v1"},
                                                  {Kind::Keyring, "keyring/v1"},
                                                  {Kind::Cosigned, "cosigned/v1"}});

const KindNames& names_of(Kind kind) { return *std::ranges::find(kKinds, kind, &KindNames::kind); }

}  // namespace

std::string_view kind_name(Kind kind) { return names_of(kind).name; }

std::string payload_type(Kind kind) {
  if (names_of(kind).in_toto) return std::string(kInTotoPayloadType);
  const std::string_view name = kind_name(kind);
  return "application/vnd.charter." + std::string(name.substr(0, name.find('/'))) + ".v1+json";
}

std::string format_leaf(const Leaf& leaf) {
  return json::canonical(Object{{"v", "1"},
                                {"type", kind_name(leaf.kind)},
                                {"seq", number(leaf.seq)},
                                {"sha256", digest(leaf.envelope)},
                                {"subject", digest(leaf.subject)},
                                {"time", moment(leaf.time)}});
}

Result<Leaf> parse_leaf(std::string_view text) {
  TRY(const Value value, json::parse(text, {.bytes_max = 65'535, .depth_max = 4}));
  TRY_VOID(json::only_fields(value, {"v", "type", "seq", "sha256", "subject", "time"}));
  TRY(const std::string version, json::get_string(value, "v"));
  TRY(const std::string type, json::get_string(value, "type"));
  const auto kind = std::ranges::find(kKinds, type, &KindNames::name);
  if (version != "1" || kind == kKinds.end())
    return malformed("a leaf of a kind that is not known", type);
  Leaf leaf;
  leaf.kind = kind->kind;
  TRY(leaf.seq, get_decimal(value, "seq"));
  TRY(leaf.envelope, get_digest(value, "sha256"));
  TRY(leaf.subject, get_digest(value, "subject"));
  TRY(leaf.time, get_time(value, "time"));
  return only_canonical(leaf, format_leaf(leaf), text);
}

bool same_place(const Context& a, const Context& b) {
  return a.charter_id == b.charter_id && a.charter_version == b.charter_version &&
         a.charter_sha256 == b.charter_sha256 && a.origin == b.origin;
}

std::string_view vote_name(Vote vote) {
  switch (vote) {
    case Vote::For:
      return "for";
    case Vote::Against:
      return "against";
    case Vote::Abstain:
      return "abstain";
  }
  return "";
}

Result<Vote> parse_vote(std::string_view text) {
  for (const Vote vote : {Vote::For, Vote::Against, Vote::Abstain}) {
    if (text == vote_name(vote)) return vote;
  }
  return malformed("a vote is for, against or abstain", std::string(text));
}

std::string format_charter_statement(const CharterStatement& statement) {
  Object object = {{"type", kind_name(Kind::Charter)},
                   {"context", to_json(statement.context)},
                   {"log_vkey", statement.log_vkey},
                   {"text", statement.text}};
  if (!statement.witness_policy.empty())
    object.emplace_back("witness_policy", statement.witness_policy);
  if (statement.proposal) object.emplace_back("proposal", digest(*statement.proposal));
  return json::canonical(std::move(object));
}

Result<CharterStatement> parse_charter_statement(std::string_view payload) {
  TRY(const Value value, parse_payload(payload, Kind::Charter));
  TRY_VOID(json::only_fields(
      value, {"type", "context", "log_vkey", "text", "witness_policy", "proposal"}));
  CharterStatement statement;
  TRY(statement.context, get_context(value));
  TRY(statement.log_vkey, json::get_string(value, "log_vkey"));
  TRY(statement.text, json::get_string(value, "text"));
  if (value.find("witness_policy") != nullptr) {
    TRY(statement.witness_policy, json::get_string(value, "witness_policy"));
  }
  if (value.find("proposal") != nullptr) {
    TRY(statement.proposal, get_digest(value, "proposal"));
  }
  return only_canonical(statement, format_charter_statement(statement), payload);
}

namespace {

std::string format_motion(const Proposal& p) {
  Object object = {{"type", kind_name(Kind::Proposal)},
                   {"context", to_json(p.context)},
                   {"action", p.action},
                   {"subject", subject_to_json(p.action, p.subject)},
                   {"person", p.person},
                   {"created", moment(p.created)},
                   {"expires", moment(p.expires)}};
  if (p.petition) object.emplace_back("petition", digest(*p.petition));
  return json::canonical(std::move(object));
}

Result<Proposal> parse_motion(const Value& value, std::string_view payload) {
  TRY_VOID(json::only_fields(
      value, {"type", "context", "action", "subject", "person", "petition", "created", "expires"}));
  Proposal p;
  TRY(p.context, get_context(value));
  TRY(p.action, json::get_string(value, "action"));
  TRY(const Value* subject, json::get_object(value, "subject"));
  TRY(p.subject, subject_from_json(p.action, *subject));
  TRY(p.person, json::get_string(value, "person"));
  if (value.find("petition") != nullptr) {
    TRY(p.petition, get_digest(value, "petition"));
  }
  TRY(p.created, get_time(value, "created"));
  TRY(p.expires, get_time(value, "expires"));
  return only_canonical(p, format_proposal(p), payload);
}

}  // namespace

std::string format_proposal(const Proposal& p) {
  if (has_subject(p.action)) return format_motion(p);
  return json::canonical(Object{{"type", kind_name(Kind::Proposal)},
                                {"context", to_json(p.context)},
                                {"action", p.action},
                                {"channel", p.channel},
                                {"person", p.person},
                                {"model", p.model},
                                {"manifest", manifest_to_json(p.manifest)},
                                {"evidence", to_json(p.evidence)},
                                {"gate", to_json(p.gate)},
                                {"epoch", number(p.epoch)},
                                {"created", moment(p.created)},
                                {"expires", moment(p.expires)}});
}

Result<Proposal> parse_proposal(std::string_view payload) {
  TRY(const Value value, parse_payload(payload, Kind::Proposal));
  if (value.find("subject") != nullptr) return parse_motion(value, payload);
  TRY_VOID(
      json::only_fields(value, {"type", "context", "action", "channel", "person", "model",
                                "manifest", "evidence", "gate", "epoch", "created", "expires"}));
  Proposal p;
  TRY(p.context, get_context(value));
  TRY(p.action, json::get_string(value, "action"));
  TRY(p.channel, json::get_string(value, "channel"));
  TRY(p.person, json::get_string(value, "person"));
  TRY(p.model, json::get_string(value, "model"));
  TRY(const Value* manifest, json::get_object(value, "manifest"));
  TRY(p.manifest, manifest_from_json(*manifest));
  TRY(p.evidence, get_references(value, "evidence"));
  TRY(p.gate, get_reference(value, "gate"));
  TRY(p.epoch, get_decimal(value, "epoch"));
  TRY(p.created, get_time(value, "created"));
  TRY(p.expires, get_time(value, "expires"));
  return only_canonical(p, format_proposal(p), payload);
}

std::string format_ballot(const Ballot& b) {
  return json::canonical(Object{{"type", kind_name(Kind::Ballot)},
                                {"context", to_json(b.context)},
                                {"proposal", digest(b.proposal)},
                                {"body", b.body},
                                {"person", b.person},
                                {"vote", vote_name(b.vote)},
                                {"checkpoint", Object{{"size", number(b.checkpoint_size)},
                                                      {"root", digest(b.checkpoint_root)}}},
                                {"created", moment(b.created)},
                                {"expires", moment(b.expires)}});
}

Result<Ballot> parse_ballot(std::string_view payload) {
  TRY(const Value value, parse_payload(payload, Kind::Ballot));
  TRY_VOID(json::only_fields(value, {"type", "context", "proposal", "body", "person", "vote",
                                     "checkpoint", "created", "expires"}));
  Ballot b;
  TRY(b.context, get_context(value));
  TRY(b.proposal, get_digest(value, "proposal"));
  TRY(b.body, json::get_string(value, "body"));
  TRY(b.person, json::get_string(value, "person"));
  TRY(const std::string vote, json::get_string(value, "vote"));
  TRY(b.vote, parse_vote(vote));
  TRY(const Value* checkpoint, json::get_object(value, "checkpoint"));
  TRY_VOID(json::only_fields(*checkpoint, {"size", "root"}));
  TRY(b.checkpoint_size, get_decimal(*checkpoint, "size"));
  TRY(b.checkpoint_root, get_digest(*checkpoint, "root"));
  TRY(b.created, get_time(value, "created"));
  TRY(b.expires, get_time(value, "expires"));
  return only_canonical(b, format_ballot(b), payload);
}

std::string format_tally(const TallyStatement& t) {
  return json::canonical(Object{{"type", kind_name(Kind::Tally)},
                                {"context", to_json(t.context)},
                                {"proposal", digest(t.proposal)},
                                {"person", t.person},
                                {"ballots", to_json(t.ballots)},
                                {"results", t.results},
                                {"created", moment(t.created)}});
}

Result<TallyStatement> parse_tally(std::string_view payload) {
  TRY(Value value, parse_payload(payload, Kind::Tally));
  TRY_VOID(json::only_fields(
      value, {"type", "context", "proposal", "person", "ballots", "results", "created"}));
  TallyStatement t;
  TRY(t.context, get_context(value));
  TRY(t.proposal, get_digest(value, "proposal"));
  TRY(t.person, json::get_string(value, "person"));
  TRY(t.ballots, get_references(value, "ballots"));
  TRY_VOID(json::get_array(value, "results"));
  t.results = std::move(*value.find("results"));
  TRY(t.created, get_time(value, "created"));
  return only_canonical(t, format_tally(t), payload);
}

std::string format_certificate(const Certificate& c) {
  const Value predicate = Object{{"manifestDigest", digest(c.manifest_digest)},
                                 {"releaseUnit", digest(c.release_unit)},
                                 {"channel", c.channel},
                                 {"epoch", number(c.epoch)},
                                 {"charter", Object{{"version", number(c.charter_version)},
                                                    {"sha256", digest(c.charter_sha256)}}},
                                 {"standard", digest(c.standard)},
                                 {"gate", to_json(c.gate)},
                                 {"evidence", c.evidence},
                                 {"proposal", digest(c.proposal)},
                                 {"tally", to_json(c.tally)},
                                 {"stages", json::Array(c.stages.begin(), c.stages.end())},
                                 {"maxShare", "100"},
                                 {"notBefore", moment(c.not_before)},
                                 {"notAfter", moment(c.not_after)},
                                 {"stopEpochMin", number(c.stop_epoch_min)},
                                 {"nonce", c.nonce}};
  return format_statement({c.model, c.oms_root, std::string(kReleaseType), predicate});
}

Result<Certificate> parse_certificate(std::string_view payload) {
  TRY(Statement statement, parse_statement(payload));
  if (statement.predicate_type != kReleaseType)
    return malformed("the statement is not a release certificate", statement.predicate_type);
  const Value& p = statement.predicate;
  Certificate c;
  c.model = statement.subject_name;
  c.oms_root = statement.subject_digest;
  TRY(c.manifest_digest, get_digest(p, "manifestDigest"));
  TRY(c.release_unit, get_digest(p, "releaseUnit"));
  TRY(c.channel, json::get_string(p, "channel"));
  TRY(c.epoch, get_decimal(p, "epoch"));
  TRY(const Value* charter, json::get_object(p, "charter"));
  TRY(c.charter_version, get_decimal(*charter, "version"));
  TRY(c.charter_sha256, get_digest(*charter, "sha256"));
  TRY(c.standard, get_digest(p, "standard"));
  TRY(c.gate, get_reference(p, "gate"));
  TRY_VOID(json::get_array(p, "evidence"));
  c.evidence = p["evidence"];
  TRY(c.proposal, get_digest(p, "proposal"));
  TRY(c.tally, get_reference(p, "tally"));
  TRY(const json::Array* stages, json::get_array(p, "stages"));
  c.stages.clear();
  for (const Value& stage : *stages) {
    if (!stage.is_string()) return malformed("a stage is a decimal string", "stages");
    c.stages.push_back(stage.as_string());
  }
  TRY(c.stop_epoch_min, get_decimal(p, "stopEpochMin"));
  TRY(c.not_before, get_time(p, "notBefore"));
  TRY(c.not_after, get_time(p, "notAfter"));
  TRY(c.nonce, get_nonce(p));
  return only_canonical(c, format_certificate(c), payload);  // refuses unknown fields too
}

crypto::Digest release_unit(const Manifest& manifest) {
  return crypto::sha256(
      json::canonical(Object{{"v", "1"}, {"manifest", digest(manifest_digest(manifest))}}));
}

}  // namespace govern
