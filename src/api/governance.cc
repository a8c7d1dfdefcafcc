// GET /v1/charter, and the table of its routes.
#include "api/governance.h"

#include <algorithm>

#include "api/admin.h"
#include "govern/charter.h"
#include "journal/shared_house.h"

namespace api {
namespace {

using govern::Charter;
using json::Array;
using json::Object;
using json::Value;

Array strings(const auto& list) {
  Array out;
  for (const std::string& text : list) out.emplace_back(text);
  return out;
}

std::string fraction_text(const govern::Fraction& fraction) {
  return std::to_string(fraction.numerator) + "/" + std::to_string(fraction.denominator);
}

int64_t whole(base::Duration duration) { return duration.ns / 1'000'000'000; }

Value persons_json(const Charter& charter) {
  Array out;
  for (const govern::Person& person : charter.persons) {
    Array keys, bodies;
    for (const govern::VerifierKey& key : person.keys) keys.emplace_back(govern::format_vkey(key));
    for (const govern::Body& body : charter.bodies)
      if (std::ranges::find(body.members, person.id) != body.members.end())
        bodies.emplace_back(body.id);
    out.emplace_back(Object{{"id", person.id},
                            {"keys", std::move(keys)},
                            {"interests", strings(person.interests)},
                            {"bodies", std::move(bodies)},
                            {"may_stop", govern::may_stop(charter, person.id)}});
  }
  return out;
}

Value services_json(const Charter& charter) {
  Array out;
  for (const govern::Service& service : charter.services)
    out.emplace_back(Object{{"id", service.id}, {"role", service.role}});
  return out;
}

Value bodies_json(const Charter& charter) {
  Array out;
  for (const govern::Body& body : charter.bodies)
    out.emplace_back(Object{{"id", body.id},
                            {"class", govern::body_class_name(body.body_class)},
                            {"seats", body.seats},
                            {"min_filled", body.min_filled},
                            {"members", strings(body.members)}});
  return out;
}

Value rules_json(const Charter& charter) {
  Array out;
  for (const govern::Rule& rule : charter.rules)
    out.emplace_back(Object{{"id", rule.id},
                            {"threshold", fraction_text(rule.threshold)},
                            {"floor_for", rule.floor_for},
                            {"notice_seconds", whole(rule.notice)},
                            {"timelock_seconds", whole(rule.timelock)},
                            {"expires_seconds", whole(rule.expires)},
                            {"consent", strings(rule.consent)}});
  return out;
}

Value powers_json(const Charter& charter) {
  Array out;
  for (const govern::Power& power : charter.powers)
    out.emplace_back(Object{{"action", power.action}, {"body", power.body}, {"rule", power.rule}});
  return out;
}

Value gates_json(const Charter& charter) {
  Array out;
  for (const govern::Gate& gate : charter.gates)
    out.emplace_back(Object{{"id", gate.id},
                            {"suite", gate.suite},
                            {"metric", gate.metric},
                            {"direction", gate.upper ? "upper" : "lower"},
                            {"limit", gate.limit_text},
                            {"alpha", gate.alpha_text},
                            {"min_n", gate.min_n},
                            {"channels", strings(gate.channels)}});
  return out;
}

Value findings_json(const Charter& charter) {
  Array out;
  for (const govern::LintFinding& finding : govern::lint_charter(charter))
    out.emplace_back(
        Object{{"level", finding.is_error ? "error" : "warning"}, {"message", finding.message}});
  return out;
}

base::Result<Value> charter_json(const journal::House& house) {
  const Charter& charter = house.charter();
  const govern::Context& place = house.state().place;
  TRY(std::string text, house.charter_text());
  return Value(Object{{"object", "charter"},
                      {"id", charter.id},
                      {"version", charter.version},
                      {"sha256", crypto::hex(place.charter_sha256)},
                      {"origin", place.origin},
                      {"log_key", govern::format_vkey(house.pin().log_key)},
                      {"pin", govern::format_pin(house.pin())},
                      {"log_size", house.log().size()},
                      {"one_person_decides", charter.one_person_decides()},
                      {"persons", persons_json(charter)},
                      {"services", services_json(charter)},
                      {"bodies", bodies_json(charter)},
                      {"rules", rules_json(charter)},
                      {"powers", powers_json(charter)},
                      {"gates", gates_json(charter)},
                      {"findings", findings_json(charter)},
                      {"text", std::move(text)}});
}

void get_charter(const Call& call) { answer_from_house(call, charter_json); }

constexpr std::string_view kRead = "charter.read", kWrite = "charter.write";
constexpr size_t kEnvelopeBytesMax = 1u << 20;

constexpr Route get(std::string_view pattern, void (*handle)(const Call&),
                    std::string_view summary) {
  return {.method = "GET",
          .pattern = pattern,
          .auth = Auth::Member,
          .scope = kRead,
          .blocks = true,
          .handle = handle,
          .summary = summary};
}

constexpr Route kRoutes[] = {
    get("/v1/charter", get_charter, "the charter: its text, who decides what, and its weak spots"),
    get("/v1/charter/proposals", list_proposals, "what was proposed, newest first"),
    get("/v1/charter/proposals/{digest}", get_proposal,
        "one proposal: deadlines, ballots, evidence, and what a count would say now"),
    get("/v1/charter/channels", list_channels, "what each channel serves, and what stopped it"),
    get("/v1/charter/channels/{channel}/bundle", get_bundle,
        "the release as one file that verifies offline"),
    get("/v1/charter/log", list_log, "the log's entries after an index, oldest first"),
    get("/v1/charter/log/export", export_log, "every signed statement, one JSON line each"),
    get("/v1/charter/log/{index}", get_log_entry, "one entry with the statement that was signed"),
    get("/v1/charter/drafts/{kind}", get_draft,
        "the bytes that a person signs: ballot, notice, veto, recusal, tally, release, enactment, "
        "stop"),
    {.method = "POST",
     .pattern = "/v1/charter/statements",
     .auth = Auth::Member,
     .scope = kWrite,
     .blocks = true,
     .body_bytes_max = kEnvelopeBytesMax,
     .handle = post_statement,
     .summary = "hands in a signed statement (DSSE): it is logged, or refused by name"},
};

}  // namespace

std::span<const Route> governance_routes() { return kRoutes; }

base::Result<SharedView> house_of(const Call& call) {
  if (call.app->house != nullptr) return call.app->house->read();
  return base::fail(base::Code::NotFound, "This server has no charter.", "", "NO_HOUSE");
}

void answer_from_house(const Call& call,
                       const std::function<base::Result<Value>(const journal::House&)>& make) {
  const auto house = house_of(call);
  if (!house) return call.fail(house.error());
  const auto value = make(**house);
  if (!value) return call.fail(value.error());
  net::Response response = json_response(200, *value);
  response.headers.push_back({"cache-control", "no-store"});
  call.respond(std::move(response));
}

Value reference_json(const govern::LeafReference& reference) {
  return Object{{"leaf", reference.leaf}, {"sha256", crypto::hex(reference.sha256)}};
}

Value person_names(const std::set<std::string>& persons) { return strings(persons); }

// Refusals for want of the right, or right number, of persons.
constexpr std::string_view kForbidden[] = {
    "BAD_SIG",       "BAD_KEY", "SIGNER_MISSING",  "NOT_SEATED", "NO_POWER",  "CLASS_FORBIDDEN",
    "DUTY_CONFLICT", "RECUSED", "THRESHOLD_UNMET", "TWO_MAN",    "ENTRENCHED"};

void fail_by_name(const Call& call, const base::Error& error) {
  const bool capitals = !error.reason.empty() && std::ranges::none_of(error.reason, [](char c) {
    return c >= 'a' && c <= 'z';
  });
  const bool of_charter =
      error.code == base::Code::FailedPrecondition || error.code == base::Code::Malformed ||
      error.code == base::Code::Corrupt || error.code == base::Code::InvalidArgument;
  if (!capitals || !of_charter) return call.fail(error);
  const bool forbidden = std::ranges::find(kForbidden, error.reason) != std::end(kForbidden);
  const int status = forbidden ? 403 : error.code == base::Code::FailedPrecondition ? 409 : 400;
  call.fail(ApiError{status, "charter_refusal", error.reason, error.where, error.message, {}});
}

base::Result<const govern::ProposalState*> proposal_named(const journal::House& house,
                                                          std::string_view digest) {
  const auto found = journal::find_proposal(house, digest.empty() ? std::string_view("-") : digest);
  if (!found) return no_item("proposal", digest);
  return &house.state().proposals.at(*found);
}

}  // namespace api
