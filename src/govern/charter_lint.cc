// What a charter says about itself: look-ups, and the static checks of GOVERNANCE 3.8 that need
// nothing but its text.
#include <algorithm>
#include <set>

#include "govern/charter.h"

namespace govern {
namespace {

template <class T>
const T* find_by_id(const std::vector<T>& items, std::string_view id, std::string T::* member) {
  const auto found = std::ranges::find_if(items, [&](const T& item) { return item.*member == id; });
  return found == items.end() ? nullptr : &*found;
}

class Linter {
 public:
  explicit Linter(const Charter& charter) : charter_(charter) {}

  std::vector<LintFinding> run() {
    check_keys();
    for (const Body& body : charter_.bodies) check_body(body);
    for (const Rule& rule : charter_.rules) check_rule(rule);
    for (const Power& power : charter_.powers) check_power(power);
    if (charter_.find_power("model.promote") == nullptr)
      error("no power says who may promote a model");
    if (charter_.control_persons().empty()) error("nobody sits in a body of class control");
    if (charter_.one_person_decides())
      warn("one person decides: " + charter_.control_persons().front());
    return std::move(findings_);
  }

 private:
  void error(std::string message) { findings_.push_back({true, std::move(message)}); }
  void warn(std::string message) { findings_.push_back({false, std::move(message)}); }

  // One raw key speaks for one holder only.
  void check_keys() {
    std::set<crypto::PublicKey> seen;
    const auto check = [&](const std::string& id, const std::vector<VerifierKey>& keys) {
      for (const VerifierKey& key : keys) {
        if (!seen.insert(key.key).second) error("a key of " + id + " stands twice in the charter");
      }
    };
    for (const Person& person : charter_.persons) check(person.id, person.keys);
    for (const Service& service : charter_.services) {
      check(service.id, service.keys);
      if (charter_.find_person(service.id) != nullptr)
        error("'" + service.id + "' is a person and a service");
    }
  }

  void check_body(const Body& body) {
    for (const std::string& member : body.members) {
      if (charter_.find_person(member) == nullptr)
        error("body '" + body.id + "' seats '" + member + "', whom no [[person]] names");
    }
    if (body.members.size() > body.seats)
      error("body '" + body.id + "' has more members than seats");
    if (body.members.size() < body.min_filled)
      error("body '" + body.id + "' has fewer members than min_filled");
  }

  void check_rule(const Rule& rule) {
    for (const std::string& consent : rule.consent) {
      const Body* body = charter_.find_body(consent);
      if (body == nullptr)
        error("rule '" + rule.id + "' asks the unknown body '" + consent + "' for consent");
      else if (body->body_class == BodyClass::Economic)
        error("rule '" + rule.id + "' asks the economic body '" + consent +
              "' for consent; it may be heard, never decide");
    }
    if (rule.expires <= rule.notice)
      error("a proposal under rule '" + rule.id + "' would expire before its notice is over");
  }

  void check_power(const Power& power) {
    const Rule* rule = charter_.find_rule(power.rule);
    const Body* body = charter_.find_body(power.body);
    if (rule == nullptr)
      error("power '" + power.action + "' names the unknown rule '" + power.rule + "'");
    if (body == nullptr)
      error("power '" + power.action + "' names the unknown body '" + power.body + "'");
    if (rule == nullptr || body == nullptr) return;
    if (body->body_class != BodyClass::Control)
      error("power '" + power.action + "' is held by '" + body->id +
            "', which is not of class control");
    if (body->members.size() < rule->floor_for)
      error("power '" + power.action + "' can never pass: floor_for is above the members of '" +
            body->id + "'");
    if (rule->threshold.of(body->seats) > std::max<uint64_t>(rule->floor_for, body->members.size()))
      warn("power '" + power.action + "': the threshold is above what the filled seats of '" +
           body->id + "' can reach");
    if (rule->id == "expand" && rule->floor_for < rule->threshold.of(body->seats))
      warn("rule 'expand': floor_for is below the threshold of all chartered seats of '" +
           body->id + "'");
    const bool two_bodies = std::ranges::find(power.needs, Need::TwoBodies) != power.needs.end();
    if (two_bodies && rule->consent.empty())
      error("power '" + power.action +
            "' needs two bodies, but its rule asks no other body for consent");
    if (charter_.gates.empty()) error("no [[gate]] says which evidence a release needs");
  }

  const Charter& charter_;
  std::vector<LintFinding> findings_;
};

}  // namespace

std::string_view body_class_name(BodyClass body_class) {
  switch (body_class) {
    case BodyClass::Control:
      return "control";
    case BodyClass::Consult:
      return "consult";
    case BodyClass::Economic:
      return "economic";
  }
  return "";
}

bool Gate::applies_to(std::string_view channel) const {
  return channels.empty() || std::ranges::find(channels, channel) != channels.end();
}

const Person* Charter::find_person(std::string_view person) const {
  return find_by_id(persons, person, &Person::id);
}
const Service* Charter::find_service(std::string_view service) const {
  return find_by_id(services, service, &Service::id);
}
const Body* Charter::find_body(std::string_view body) const {
  return find_by_id(bodies, body, &Body::id);
}
const Rule* Charter::find_rule(std::string_view rule) const {
  return find_by_id(rules, rule, &Rule::id);
}
const Power* Charter::find_power(std::string_view action) const {
  return find_by_id(powers, action, &Power::action);
}

const Price& Charter::price_of(std::string_view channel) const {
  const auto found = prices.find(std::string(channel));
  return found == prices.end() ? default_price : found->second;
}

bool Charter::sits_in(std::string_view person, BodyClass body_class) const {
  return std::ranges::any_of(bodies, [&](const Body& body) {
    return body.body_class == body_class &&
           std::ranges::find(body.members, person) != body.members.end();
  });
}

std::vector<std::string> Charter::control_persons() const {
  std::set<std::string> persons_found;
  for (const Body& body : bodies) {
    if (body.body_class == BodyClass::Control)
      persons_found.insert(body.members.begin(), body.members.end());
  }
  return {persons_found.begin(), persons_found.end()};
}

std::vector<LintFinding> lint_charter(const Charter& charter) { return Linter(charter).run(); }

}  // namespace govern
