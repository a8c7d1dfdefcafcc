#include "govern/charter.h"

#include <algorithm>
#include <iterator>
#include <set>

#include "govern/charter_fields.h"
#include "govern/refusal.h"
#include "json/toml.h"

namespace govern {
namespace {

using base::Result;
using base::Status;
using json::Value;

constexpr size_t kItemsMax = 10'000;

Status read_head(const Value& root, Charter* out) {
  TRY(const Value* head, json::get_object(root, "charter"));
  TRY_VOID(json::only_fields(
      *head, {"id", "version", "prev_sha256", "witness_policy", "witness_policy_sha256"}));
  TRY(out->id, id_of(*head, "id"));
  TRY(out->version, count_of(*head, "version", 1, 1'000'000));
  TRY(out->prev_sha256, text_or(*head, "prev_sha256", ""));
  if ((out->version == 1) != out->prev_sha256.empty())
    return refuse(
        "CHARTER_CHAIN",
        "version 1 has prev_sha256 = \"\", every later version the digest of the one before",
        out->id);
  if (out->version > 1) TRY_VOID(digest_of(*head, "prev_sha256"));
  TRY(out->witness_policy, text_or(*head, "witness_policy", ""));
  if (head->find("witness_policy_sha256") != nullptr) {
    TRY(out->witness_policy_sha256, digest_of(*head, "witness_policy_sha256"));
  }
  if (out->witness_policy.empty() == out->witness_policy_sha256.has_value())
    return wrong("witness_policy",
                 "the file is pinned by its digest: witness_policy_sha256 goes with it");
  return {};
}

Status read_time(const Value& root, Charter* out) {
  const Value* time = root.find("time");
  if (time == nullptr) return {};
  TRY_VOID(json::only_fields(*time, {"elapsed_witnesses", "lease_ttl"}));
  TRY(out->elapsed_witnesses, count_of(*time, "elapsed_witnesses", 0, 100));
  TRY(out->lease_ttl, wait_or(*time, "lease_ttl", out->lease_ttl));
  if (out->lease_ttl.ns <= 0) return wrong("lease_ttl", "a lease lasts longer than nothing");
  return {};
}

Status read_entrench(const Value& root, Charter* out) {
  if (root.find("entrench") == nullptr) return {};
  TRY(const Value* table, json::get_object(root, "entrench"));
  TRY_VOID(json::only_fields(*table, {"paths"}));
  TRY(out->entrenched, texts_of(*table, "paths", true));
  return {};
}

Result<Person> read_person(const Value& table) {
  TRY_VOID(json::only_fields(table, {"id", "keys", "interests"}));
  Person person;
  TRY(person.id, id_of(table, "id"));
  TRY(person.keys, keys_of(table));
  TRY(person.interests, texts_of(table, "interests", false));
  return person;
}

Result<Service> read_service(const Value& table) {
  TRY_VOID(json::only_fields(table, {"id", "role", "keys"}));
  Service service;
  TRY(service.id, id_of(table, "id"));
  TRY(service.role, json::get_string(table, "role"));
  constexpr std::string_view kRoles[] = {"judge",     "gate",    "monitor",
                                         "timestamp", "trainer", "oncall"};
  if (std::ranges::find(kRoles, service.role) == std::end(kRoles))
    return wrong("role", "a service is judge, gate, monitor, timestamp, trainer or oncall");
  TRY(service.keys, keys_of(table));
  return service;
}

Result<Body> read_body(const Value& table) {
  TRY_VOID(json::only_fields(table, {"id", "class", "seats", "min_filled", "members"}));
  Body body;
  TRY(body.id, id_of(table, "id"));
  TRY(const std::string name, json::get_string(table, "class"));
  if (name == "control")
    body.body_class = BodyClass::Control;
  else if (name == "consult")
    body.body_class = BodyClass::Consult;
  else if (name == "economic")
    body.body_class = BodyClass::Economic;
  else
    return wrong("class", "a body is \"control\", \"consult\" or \"economic\"");
  TRY(body.members, texts_of(table, "members", false));
  const bool counted = body.body_class != BodyClass::Economic || table.find("seats") != nullptr;
  if (counted) {
    TRY(body.seats, count_of(table, "seats", 1, kCountMax));
  } else {
    body.seats = body.members.size();
  }
  if (table.find("min_filled") != nullptr) {
    TRY(body.min_filled, count_of(table, "min_filled", 0, kCountMax));
  }
  return body;
}

// The tables of an array such as [[person]], each read by `read`, no id twice.
template <class T, class Read, class Id>
Status read_each(const Value& root, const std::string& name, std::vector<T>* out, Read read,
                 Id id_member) {
  if (root.find(name) == nullptr) return {};
  TRY(const json::Array* tables, json::get_array(root, name));
  if (tables->size() > kItemsMax) return wrong(name, "too many");
  std::set<std::string> seen;
  for (const Value& table : *tables) {
    TRY(T item, in_table(read(table), name + " " + std::to_string(out->size() + 1)));
    if (!seen.insert(item.*id_member).second)
      return wrong(name, "'" + item.*id_member + "' stands twice");
    out->push_back(std::move(item));
  }
  return {};
}

Status read_rules(const Value& root, Charter* out) {
  TRY(const Value* rules, json::get_object(root, "rule"));
  for (const auto& [id, table] : rules->as_object()) {
    TRY(Rule rule, in_table(read_rule(id, table), "rule " + id));
    out->rules.push_back(std::move(rule));
  }
  return {};
}

// A power that names no body is held by the first one of class control.
void name_deciding_bodies(Charter* charter) {
  const auto first = std::ranges::find(charter->bodies, BodyClass::Control, &Body::body_class);
  if (first == charter->bodies.end()) return;
  for (Power& power : charter->powers) {
    if (power.body.empty() && !power.any_one()) power.body = first->id;
  }
}

}  // namespace

bool is_channel_name(std::string_view text) {
  return is_id(text) && text.find('/') == text.npos && text[0] != '.' && text[0] != '-' &&
         text[0] != '_';
}

base::Result<Charter> parse_charter(std::string_view text) {
  TRY(const Value root, json::parse_toml(text, "charter.toml"));
  TRY_VOID(
      json::only_fields(root, {"charter", "time", "person", "service", "body", "rule", "power",
                               "gate", "monitor", "rollout", "prices", "plan", "entrench",
                               "succession", "petition", "economics", "recovery", "moderation"}));
  Charter charter;
  charter.text = text;
  TRY_VOID(read_head(root, &charter));
  TRY_VOID(read_time(root, &charter));
  TRY_VOID(read_each(root, "person", &charter.persons, read_person, &Person::id));
  TRY_VOID(read_each(root, "service", &charter.services, read_service, &Service::id));
  TRY_VOID(read_each(root, "body", &charter.bodies, read_body, &Body::id));
  TRY_VOID(read_rules(root, &charter));
  TRY_VOID(read_each(root, "power", &charter.powers, read_power, &Power::action));
  TRY_VOID(read_each(root, "gate", &charter.gates, read_gate, &Gate::id));
  TRY_VOID(read_each(root, "monitor", &charter.monitors, read_monitor, &Monitor::id));
  TRY_VOID(read_rollout(root, &charter));
  TRY_VOID(read_prices(root, &charter));
  TRY_VOID(read_each(root, "plan", &charter.plans, read_plan, &Plan::id));
  TRY_VOID(read_entrench(root, &charter));
  TRY_VOID(read_succession(root, &charter));
  TRY_VOID(read_petition(root, &charter));
  TRY_VOID(read_economics(root, &charter));
  TRY_VOID(read_recovery(root, &charter));
  TRY_VOID(read_moderation(root, &charter));
  name_deciding_bodies(&charter);
  charter.declared_runs = std::ranges::any_of(charter.powers, [](const Power& power) {
    return std::ranges::find(power.needs, Need::RunsDeclared) != power.needs.end();
  });
  for (const LintFinding& finding : lint_charter(charter)) {
    if (finding.is_error) return refuse("CHARTER_LINT", finding.message, charter.id);
  }
  return charter;
}

}  // namespace govern
