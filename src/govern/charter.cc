#include "govern/charter.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "govern/checkpoint.h"
#include "govern/evidence.h"
#include "govern/refusal.h"
#include "json/toml.h"

namespace govern {
namespace {

using base::Result;
using base::Status;
using json::Value;

constexpr int64_t kCountMax = 10'000;
constexpr size_t kItemsMax = 10'000;
constexpr uint64_t kPriceMax = 1'000'000'000'000;  // $1,000,000 per million tokens
constexpr base::Duration kWaitMax{int64_t{366} * 86'400 * 1'000'000'000};

// Every failure names the table it happened in.
template <class T>
Result<T> in_table(Result<T> result, const std::string& table) {
  if (result) return result;
  return base::wrap(std::move(result).error(), "in the charter's " + table, table);
}

std::unexpected<base::Error> wrong(const std::string& field, const std::string& why) {
  return base::fail(base::Code::Malformed, "field '" + field + "': " + why, field, "CHARTER_FIELD");
}

Result<std::string> text_or(const Value& table, const std::string& key, std::string otherwise) {
  if (table.find(key) == nullptr) return otherwise;
  return json::get_string(table, key);
}

Result<uint64_t> count_of(const Value& table, const std::string& key, int64_t min, int64_t max) {
  TRY(const int64_t number, json::get_int(table, key));
  if (number < min || number > max)
    return wrong(key,
                 "expected an integer from " + std::to_string(min) + " to " + std::to_string(max));
  return static_cast<uint64_t>(number);
}

Result<std::vector<std::string>> texts_of(const Value& table, const std::string& key,
                                          bool required) {
  std::vector<std::string> out;
  if (!required && table.find(key) == nullptr) return out;
  TRY(const json::Array* items, json::get_array(table, key));
  for (const Value& item : *items) {
    if (!item.is_string()) return wrong(key, "expected a list of strings");
    if (std::ranges::find(out, item.as_string()) != out.end())
      return wrong(key, "'" + item.as_string() + "' stands twice");
    out.push_back(item.as_string());
  }
  return out;
}

bool is_id(std::string_view text) {
  return !text.empty() && text.size() <= 100 && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_' ||
           c == '/';
  });
}

Result<std::string> id_of(const Value& table, const std::string& key) {
  TRY(std::string id, json::get_string(table, key));
  if (!is_id(id))
    return wrong(key, "an id has lower-case letters, digits, '.', '-', '_' and '/' only");
  return id;
}

Result<base::Duration> wait_of(const Value& table, const std::string& key) {
  TRY(const std::string text, json::get_string(table, key));
  const auto wait = base::parse_duration(text);
  if (!wait || wait->ns < 0 || *wait > kWaitMax)
    return wrong(key, "expected a duration such as \"72h\" or \"14d\", at most 366d");
  return *wait;
}

// A decimal between 0 and 1, such as "0.05".
Result<double> share_of(const std::string& text, const std::string& key) {
  double value = -1;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  if (error != std::errc{} || end != text.data() + text.size() || !(value >= 0 && value <= 1))
    return wrong(key, "expected a decimal string from \"0\" to \"1\"");
  return value;
}

Result<std::vector<VerifierKey>> keys_of(const Value& table) {
  TRY(const auto texts, texts_of(table, "keys", true));
  std::vector<VerifierKey> keys;
  for (const std::string& text : texts) {
    TRY(auto key, parse_vkey(text));
    keys.push_back(std::move(key));
  }
  if (keys.empty()) return wrong("keys", "at least one key is needed");
  return keys;
}

Result<Fraction> fraction_of(const Value& table, const std::string& key) {
  TRY(const std::string text, json::get_string(table, key));
  const size_t slash = text.find('/');
  const auto top = parse_decimal(std::string_view(text).substr(0, slash));
  const auto bottom = slash == text.npos ? Result<uint64_t>(0)
                                         : parse_decimal(std::string_view(text).substr(slash + 1));
  if (!top || !bottom || *top == 0 || *bottom > 1000 || *top > *bottom)
    return wrong(key, "expected a fraction such as \"2/3\", above 0 and at most 1");
  return Fraction{*top, *bottom};
}

Status read_head(const Value& root, Charter* out) {
  TRY(const Value* head, json::get_object(root, "charter"));
  TRY_VOID(json::only_fields(*head, {"id", "version", "prev_sha256"}));
  TRY(out->id, id_of(*head, "id"));
  TRY(out->version, count_of(*head, "version", 1, 1'000'000));
  TRY(out->prev_sha256, text_or(*head, "prev_sha256", ""));
  if (out->version != 1 || !out->prev_sha256.empty())
    return refuse("CHARTER_CHAIN",
                  "a house starts from version 1 of its charter, with prev_sha256 = \"\"", out->id);
  return {};
}

Status read_time(const Value& root) {
  const Value* time = root.find("time");
  if (time == nullptr) return {};
  TRY_VOID(json::only_fields(*time, {"elapsed_witnesses"}));
  TRY(const uint64_t witnesses, count_of(*time, "elapsed_witnesses", 0, 100));
  if (witnesses != 0)
    return wrong("elapsed_witnesses", "waits are measured by the log's own times, so this is 0");
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
  if (service.role != "judge") return wrong("role", "the one role of a service is \"judge\"");
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

Result<Rule> read_rule(const std::string& id, const Value& table) {
  TRY_VOID(json::only_fields(
      table, {"threshold", "floor_for", "notice", "timelock", "expires", "consent"}));
  Rule rule;
  rule.id = id;
  TRY(rule.threshold, fraction_of(table, "threshold"));
  TRY(rule.floor_for, count_of(table, "floor_for", 1, kCountMax));
  TRY(rule.notice, wait_of(table, "notice"));
  TRY(rule.timelock, wait_of(table, "timelock"));
  TRY(rule.expires, wait_of(table, "expires"));
  TRY(rule.consent, texts_of(table, "consent", false));
  return rule;
}

Status read_need(const std::string& need, Power* power) {
  constexpr std::string_view kFresh = "evidence.fresh<=";
  if (need == "manifest.sealed")
    power->needs.push_back(Need::ManifestSealed);
  else if (need == "gate.passed")
    power->needs.push_back(Need::GatePassed);
  else if (need == "two_bodies")
    power->needs.push_back(Need::TwoBodies);
  else if (need.starts_with(kFresh)) {
    const auto age = base::parse_duration(std::string_view(need).substr(kFresh.size()));
    if (!age || age->ns <= 0 || *age > kWaitMax)
      return wrong("needs", "expected evidence.fresh<=90d");
    power->evidence_age_max = *age;
  } else {
    return wrong("needs", "'" + need + "' is not a condition that can be checked");
  }
  return {};
}

Result<Power> read_power(const Value& table) {
  TRY_VOID(json::only_fields(table, {"action", "body", "rule", "needs"}));
  Power power;
  TRY(power.action, json::get_string(table, "action"));
  if (power.action != "model.promote")
    return wrong("action", "the one action is \"model.promote\"");
  TRY(power.body, id_of(table, "body"));
  TRY(power.rule, id_of(table, "rule"));
  TRY(const auto needs, texts_of(table, "needs", true));
  for (const std::string& need : needs) TRY_VOID(read_need(need, &power));
  return power;
}

Result<Gate> read_gate(const Value& table) {
  TRY_VOID(json::only_fields(table, {"id", "suite", "suite_root", "metric", "direction", "limit",
                                     "alpha", "bound", "min_n", "channels"}));
  Gate gate;
  TRY(gate.id, id_of(table, "id"));
  TRY(gate.suite, json::get_string(table, "suite"));
  if (gate.suite != "*" && !is_id(gate.suite))
    return wrong("suite", "expected the id of a suite, or \"*\" for any");
  if (table.find("suite_root") != nullptr) {
    TRY(const std::string root, json::get_string(table, "suite_root"));
    const auto digest = crypto::digest_from_hex(root);
    if (!digest) return wrong("suite_root", digest.error().message);
    gate.suite_root = *digest;
  }
  TRY(gate.metric, json::get_string(table, "metric"));
  TRY(const std::string direction, json::get_string(table, "direction"));
  if (direction != "upper" && direction != "lower")
    return wrong("direction", "a bound is \"upper\" (harm) or \"lower\" (capability)");
  gate.upper = direction == "upper";
  TRY(gate.limit_text, json::get_string(table, "limit"));
  TRY(gate.limit, share_of(gate.limit_text, "limit"));
  TRY(gate.alpha_text, text_or(table, "alpha", "0.05"));
  TRY(gate.alpha, share_of(gate.alpha_text, "alpha"));
  if (gate.alpha <= 0 || gate.alpha > 0.5)
    return wrong("alpha", "expected more than 0 and at most 0.5");
  TRY(gate.bound, text_or(table, "bound", ""));
  if (!gate.bound.empty() && gate.bound != kExactBound && gate.bound != kClusterBound)
    return wrong("bound",
                 "a bound is \"clopper-pearson\" or \"cluster-t\"; left out, it is the one that "
                 "the suite asks for");
  TRY(gate.min_n, count_of(table, "min_n", 1, 100'000'000));
  TRY(gate.channels, texts_of(table, "channels", false));
  return gate;
}

Result<Price> read_price(const Value& table) {
  Price price;
  TRY(price.input_micro_per_million, count_of(table, "input_micro_usd_per_million", 0, kPriceMax));
  TRY(price.output_micro_per_million,
      count_of(table, "output_micro_usd_per_million", 0, kPriceMax));
  return price;
}

Status read_prices(const Value& root, Charter* out) {
  const Value* prices = root.find("prices");
  if (prices == nullptr) return {};
  TRY_VOID(json::only_fields(
      *prices, {"input_micro_usd_per_million", "output_micro_usd_per_million", "channel"}));
  TRY(out->default_price, read_price(*prices));
  if (prices->find("channel") == nullptr) return {};
  TRY(const Value* channels, json::get_object(*prices, "channel"));
  for (const auto& [channel, table] : channels->as_object()) {
    if (!is_channel_name(channel))
      return wrong("channel", "'" + channel + "' is not the name of a channel");
    TRY_VOID(
        json::only_fields(table, {"input_micro_usd_per_million", "output_micro_usd_per_million"}));
    TRY(out->prices[channel], read_price(table));
  }
  return {};
}

Result<Plan> read_plan(const Value& table) {
  TRY_VOID(json::only_fields(table, {"id", "name", "monthly_usd_cents"}));
  Plan plan;
  TRY(plan.id, id_of(table, "id"));
  TRY(plan.name, json::get_string(table, "name"));
  TRY(plan.monthly_cents, count_of(table, "monthly_usd_cents", 0, 100'000'000));
  return plan;
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

}  // namespace

bool is_channel_name(std::string_view text) {
  return is_id(text) && text.find('/') == text.npos && text[0] != '.' && text[0] != '-' &&
         text[0] != '_';
}

base::Result<Charter> parse_charter(std::string_view text) {
  TRY(const Value root, json::parse_toml(text, "charter.toml"));
  TRY_VOID(json::only_fields(root, {"charter", "time", "person", "service", "body", "rule", "power",
                                    "gate", "prices", "plan"}));
  Charter charter;
  TRY_VOID(read_head(root, &charter));
  TRY_VOID(read_time(root));
  TRY_VOID(read_each(root, "person", &charter.persons, read_person, &Person::id));
  TRY_VOID(read_each(root, "service", &charter.services, read_service, &Service::id));
  TRY_VOID(read_each(root, "body", &charter.bodies, read_body, &Body::id));
  TRY_VOID(read_rules(root, &charter));
  TRY_VOID(read_each(root, "power", &charter.powers, read_power, &Power::action));
  TRY_VOID(read_each(root, "gate", &charter.gates, read_gate, &Gate::id));
  TRY_VOID(read_prices(root, &charter));
  TRY_VOID(read_each(root, "plan", &charter.plans, read_plan, &Plan::id));
  for (const LintFinding& finding : lint_charter(charter)) {
    if (finding.is_error) return refuse("CHARTER_LINT", finding.message, charter.id);
  }
  return charter;
}

}  // namespace govern
