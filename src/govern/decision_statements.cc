#include "govern/decision_statements.h"

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
using fields::get_reference;
using fields::get_sorted_texts;
using fields::moment;
using fields::number;
using fields::only_canonical;
using fields::parse_payload;
using fields::to_json;

constexpr std::array<std::string_view, 5> kKeyChanges = {"rotate", "lose", "object", "confirm",
                                                         "compromise"};

Result<KeyChange> parse_key_change(std::string_view text) {
  for (size_t i = 0; i < kKeyChanges.size(); ++i) {
    if (kKeyChanges[i] == text) return static_cast<KeyChange>(i);
  }
  return malformed("a change of keys is rotate, lose, object, confirm or compromise",
                   std::string(text));
}

Value petition_item(const Petition& petition) {
  return Object{{"action", petition.action},
                {"body", petition.body},
                {"subject", subject_to_json(petition.action, petition.subject)}};
}

}  // namespace

std::string_view key_change_name(KeyChange change) {
  return kKeyChanges[static_cast<size_t>(change)];
}

crypto::Digest petition_digest(const Petition& petition) {
  return crypto::sha256(json::canonical(petition_item(petition)));
}

std::string format_notice(const Notice& n) {
  return json::canonical(Object{{"type", kind_name(Kind::Notice)},
                                {"context", to_json(n.context)},
                                {"proposal", digest(n.proposal)},
                                {"person", n.person},
                                {"form", n.delivery ? "delivery" : "receipt"},
                                {"persons", to_json(n.persons)},
                                {"means", n.means},
                                {"created", moment(n.created)}});
}

Result<Notice> parse_notice(std::string_view payload) {
  TRY(const Value value, parse_payload(payload, Kind::Notice));
  TRY_VOID(json::only_fields(
      value, {"type", "context", "proposal", "person", "form", "persons", "means", "created"}));
  Notice n;
  TRY(n.context, get_context(value));
  TRY(n.proposal, get_digest(value, "proposal"));
  TRY(n.person, json::get_string(value, "person"));
  TRY(const std::string form, json::get_string(value, "form"));
  n.delivery = form == "delivery";
  TRY(n.persons, get_sorted_texts(value, "persons"));
  TRY(n.means, fields::get_words(value, "means"));
  TRY(n.created, get_time(value, "created"));
  return only_canonical(n, format_notice(n), payload);
}

std::string format_recusal(const Recusal& r) {
  return json::canonical(Object{{"type", kind_name(Kind::Recusal)},
                                {"context", to_json(r.context)},
                                {"proposal", digest(r.proposal)},
                                {"body", r.body},
                                {"person", r.person},
                                {"recused", r.recused},
                                {"reason", r.reason},
                                {"created", moment(r.created)}});
}

Result<Recusal> parse_recusal(std::string_view payload) {
  TRY(const Value value, parse_payload(payload, Kind::Recusal));
  TRY_VOID(json::only_fields(
      value, {"type", "context", "proposal", "body", "person", "recused", "reason", "created"}));
  Recusal r;
  TRY(r.context, get_context(value));
  TRY(r.proposal, get_digest(value, "proposal"));
  TRY(r.body, json::get_string(value, "body"));
  TRY(r.person, json::get_string(value, "person"));
  TRY(r.recused, json::get_string(value, "recused"));
  TRY(r.reason, fields::get_words(value, "reason"));
  TRY(r.created, get_time(value, "created"));
  return only_canonical(r, format_recusal(r), payload);
}

std::string format_veto(const Veto& v) {
  return json::canonical(Object{{"type", kind_name(Kind::Veto)},
                                {"context", to_json(v.context)},
                                {"proposal", digest(v.proposal)},
                                {"body", v.body},
                                {"person", v.person},
                                {"reason", v.reason},
                                {"created", moment(v.created)}});
}

Result<Veto> parse_veto(std::string_view payload) {
  TRY(const Value value, parse_payload(payload, Kind::Veto));
  TRY_VOID(json::only_fields(
      value, {"type", "context", "proposal", "body", "person", "reason", "created"}));
  Veto v;
  TRY(v.context, get_context(value));
  TRY(v.proposal, get_digest(value, "proposal"));
  TRY(v.body, json::get_string(value, "body"));
  TRY(v.person, json::get_string(value, "person"));
  TRY(v.reason, fields::get_words(value, "reason"));
  TRY(v.created, get_time(value, "created"));
  return only_canonical(v, format_veto(v), payload);
}

std::string format_petition(const Petition& p) {
  return json::canonical(Object{{"type", kind_name(Kind::Petition)},
                                {"context", to_json(p.context)},
                                {"item", petition_item(p)},
                                {"person", p.person},
                                {"created", moment(p.created)},
                                {"expires", moment(p.expires)}});
}

Result<Petition> parse_petition(std::string_view payload) {
  TRY(const Value value, parse_payload(payload, Kind::Petition));
  TRY_VOID(json::only_fields(value, {"type", "context", "item", "person", "created", "expires"}));
  Petition p;
  TRY(p.context, get_context(value));
  TRY(const Value* item, json::get_object(value, "item"));
  TRY_VOID(json::only_fields(*item, {"action", "body", "subject"}));
  TRY(p.action, json::get_string(*item, "action"));
  TRY(p.body, json::get_string(*item, "body"));
  TRY(const Value* subject, json::get_object(*item, "subject"));
  TRY(p.subject, subject_from_json(p.action, *subject));
  TRY(p.person, json::get_string(value, "person"));
  TRY(p.created, get_time(value, "created"));
  TRY(p.expires, get_time(value, "expires"));
  return only_canonical(p, format_petition(p), payload);
}

std::string format_enactment(const Enactment& e) {
  return json::canonical(Object{{"type", kind_name(Kind::Enactment)},
                                {"context", to_json(e.context)},
                                {"proposal", digest(e.proposal)},
                                {"tally", to_json(e.tally)},
                                {"person", e.person},
                                {"created", moment(e.created)}});
}

Result<Enactment> parse_enactment(std::string_view payload) {
  TRY(const Value value, parse_payload(payload, Kind::Enactment));
  TRY_VOID(json::only_fields(value, {"type", "context", "proposal", "tally", "person", "created"}));
  Enactment e;
  TRY(e.context, get_context(value));
  TRY(e.proposal, get_digest(value, "proposal"));
  TRY(e.tally, get_reference(value, "tally"));
  TRY(e.person, json::get_string(value, "person"));
  TRY(e.created, get_time(value, "created"));
  return only_canonical(e, format_enactment(e), payload);
}

std::string format_keyring(const Keyring& k) {
  return json::canonical(Object{{"type", kind_name(Kind::Keyring)},
                                {"context", to_json(k.context)},
                                {"person", k.person},
                                {"version", number(k.version)},
                                {"change", key_change_name(k.change)},
                                {"vkey", k.vkey},
                                {"retired", k.retired},
                                {"from_leaf", number(k.from_leaf)},
                                {"created", moment(k.created)}});
}

Result<Keyring> parse_keyring(std::string_view payload) {
  TRY(const Value value, parse_payload(payload, Kind::Keyring));
  TRY_VOID(json::only_fields(value, {"type", "context", "person", "version", "change", "vkey",
                                     "retired", "from_leaf", "created"}));
  Keyring k;
  TRY(k.context, get_context(value));
  TRY(k.person, json::get_string(value, "person"));
  TRY(k.version, get_decimal(value, "version"));
  TRY(const std::string change, json::get_string(value, "change"));
  TRY(k.change, parse_key_change(change));
  TRY(k.vkey, json::get_string(value, "vkey"));
  TRY(k.retired, json::get_string(value, "retired"));
  TRY(k.from_leaf, get_decimal(value, "from_leaf"));
  TRY(k.created, get_time(value, "created"));
  return only_canonical(k, format_keyring(k), payload);
}

}  // namespace govern
