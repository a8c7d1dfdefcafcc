// What a charter says about itself: look-ups, and the static checks of GOVERNANCE 3.8 that need
// nothing but its text.
#include <algorithm>
#include <map>
#include <set>

#include "base/check.h"
#include "govern/charter.h"

namespace govern {
namespace {

template <class T>
const T* find_by_id(const std::vector<T>& items, std::string_view id, std::string T::* member) {
  const auto found = std::ranges::find_if(items, [&](const T& item) { return item.*member == id; });
  return found == items.end() ? nullptr : &*found;
}

// Persons and services; an entry that names nobody adds nobody.
std::set<std::string> holders_of(const Charter& charter, const Power& power) {
  std::set<std::string> out;
  const auto add_role = [&](std::string_view role) {
    for (const Service& service : charter.services) {
      if (service.role == role) out.insert(service.id);
    }
  };
  for (const std::string& holder : power.holders) {
    if (holder.ends_with(".*")) {
      const std::string_view of = std::string_view(holder).substr(0, holder.size() - 2);
      if (const Body* body = charter.find_body(of))
        out.insert(body->members.begin(), body->members.end());
      add_role(of);
    } else if (charter.find_person(holder) != nullptr || charter.find_service(holder) != nullptr) {
      out.insert(holder);
    } else {
      add_role(holder);
    }
  }
  return out;
}

class Linter {
 public:
  explicit Linter(const Charter& charter) : charter_(charter) {}

  std::vector<LintFinding> run() {
    check_keys();
    for (const Body& body : charter_.bodies) check_body(body);
    for (const Rule& rule : charter_.rules) check_rule(rule);
    for (const Power& power : charter_.powers) check_power(power);
    check_consent_cycles();
    check_standing();
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
    check("[recovery]", charter_.recovery_keys);
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
    if (power.any_one()) return check_holders(power);
    const Rule* found = charter_.find_rule(power.rule);
    const Body* body = charter_.find_body(power.body);
    if (found == nullptr)
      error("power '" + power.action + "' names the unknown rule '" + power.rule + "'");
    if (body == nullptr)
      error("power '" + power.action + "' names the unknown body '" + power.body + "'");
    if (found == nullptr || body == nullptr) return;
    const Rule rule = terms_of(charter_, power);
    if (body->body_class != BodyClass::Control)
      error("power '" + power.action + "' is held by '" + body->id +
            "', which is not of class control");
    if (body->members.size() < rule.floor_for)
      error("power '" + power.action + "' can never pass: floor_for is above the members of '" +
            body->id + "'");
    if (rule.threshold.of(body->seats) > std::max<uint64_t>(rule.floor_for, body->members.size()))
      warn("power '" + power.action + "': the threshold is above what the filled seats of '" +
           body->id + "' can reach");
    if (rule.id == "expand" && rule.floor_for < rule.threshold.of(body->seats) &&
        !power.own.floor_for)
      warn("rule 'expand': floor_for is below the threshold of all chartered seats of '" +
           body->id + "'");
    const bool two_bodies = std::ranges::find(power.needs, Need::TwoBodies) != power.needs.end() ||
                            find_action(power.action)->two_man;
    if (two_bodies && rule.consent.empty())
      error("power '" + power.action +
            "' needs two bodies, but its rule asks no other body for consent");
    if (power.action == "model.promote" && charter_.gates.empty())
      error("no [[gate]] says which evidence a release needs");
    check_terms("power '" + power.action + "'", rule);
    check_parties(power);
    check_emergency(power);
  }

  // "board.*", "oncall" or an id; at least one must be somebody, and none economic.
  void check_holders(const Power& power) {
    const std::set<std::string> holders = holders_of(charter_, power);
    if (holders.empty()) error("power '" + power.action + "' has no holder");
    for (const std::string& holder : power.holders) {
      const std::string of = holder.ends_with(".*") ? holder.substr(0, holder.size() - 2) : "";
      const Body* body = charter_.find_body(of);
      if (body != nullptr && body->body_class == BodyClass::Economic)
        error("power '" + power.action + "' is held by the economic body '" + of + "'");
    }
    if (power.action != "stop" || charter_.one_person_decides()) return;
    std::set<std::string> bodies;
    for (const Body& body : charter_.bodies) {
      if (std::ranges::any_of(body.members, [&](const auto& m) { return holders.contains(m); }))
        bodies.insert(body.id);
    }
    if (holders.size() < 2 || bodies.size() < 2)
      error("power 'stop' needs at least two holders, in at least two bodies");
  }

  void check_terms(const std::string& name, const Rule& rule) {
    if (rule.expires <= rule.notice + rule.timelock && rule.timelock.ns > 0)
      warn(name + ": a proposal expires before notice and timelock are over");
    if (!rule.veto) return;
    const Body* body = charter_.find_body(rule.veto->body);
    if (body == nullptr) {
      error(name + " gives a veto to the unknown body '" + rule.veto->body + "'");
    } else if (body->body_class == BodyClass::Economic) {
      error(name + " gives a veto to the economic body '" + body->id + "'");
    } else if (body->members.size() < rule.veto->needs) {
      error(name + ": the veto needs more persons than '" + body->id + "' has");
    }
  }

  void check_parties(const Power& power) {
    for (const std::string& party : power.notify) {
      if (party != "subject" && charter_.find_body(party) == nullptr)
        error("power '" + power.action + "' gives notice to the unknown body '" + party + "'");
    }
    for (const std::string& who : power.recuse) {
      if (who != "subject" && who != "interests" && who.find(':') == who.npos)
        error("power '" + power.action + "' recuses '" + who +
              "'; it is \"subject\", \"interests\" or an interest such as \"holding:tranche.M\"");
    }
  }

  // What is quick ends by itself, and not before that which it prepares can be decided.
  void check_emergency(const Power& power) {
    if (power.action == "person.suspend_executive" && !power.max_duration)
      error("power 'person.suspend_executive' has no max_duration: a suspension ends by itself");
    if (power.must_open.empty()) return;
    const Power* opens = charter_.find_power(power.must_open);
    if (opens == nullptr || opens->any_one() || charter_.find_rule(opens->rule) == nullptr) {
      error("power '" + power.action + "' must open '" + power.must_open +
            "', which nobody can decide");
      return;
    }
    const Rule after = terms_of(charter_, *opens);
    if (power.max_duration && *power.max_duration <= after.notice + after.timelock)
      error("power '" + power.action + "': max_duration is not above notice and timelock of '" +
            power.must_open + "', so it would lapse before that is decided");
  }

  // The bodies whose consent amending a body's powers needs must not wait for each other in a ring.
  void check_consent_cycles() {
    std::map<std::string, std::set<std::string>> asks;  // a deciding body and whom it asks
    for (const Power& power : charter_.powers) {
      if (power.any_one() || charter_.find_rule(power.rule) == nullptr) continue;
      const Rule rule = terms_of(charter_, power);
      asks[power.body].insert(rule.consent.begin(), rule.consent.end());
      if (std::ranges::find(rule.consent, power.body) != rule.consent.end())
        error("power '" + power.action + "': '" + power.body + "' is asked to consent to itself");
    }
    for (const auto& [body, asked] : asks) {
      std::set<std::string> reached;
      std::vector<std::string> next(asked.begin(), asked.end());
      while (!next.empty()) {
        const std::string at = next.back();
        next.pop_back();
        if (!reached.insert(at).second || at == body) continue;
        if (const auto more = asks.find(at); more != asks.end())
          next.insert(next.end(), more->second.begin(), more->second.end());
      }
      if (reached.contains(body) && !asked.contains(body))
        error("consents go in a circle: '" + body + "' is asked, over others, by itself");
    }
  }

  void check_standing() {
    if (!charter_.entrenched.empty() && charter_.find_rule("entrenched") == nullptr)
      error("[entrench] names paths, but there is no [rule.entrenched] to change them by");
    const Rule* entrenched = charter_.find_rule("entrenched");
    const Power* amends = charter_.find_power("charter.amend");
    const Body* amending = amends == nullptr ? nullptr : charter_.find_body(amends->body);
    if (entrenched != nullptr && amending != nullptr &&
        amending->members.size() < entrenched->floor_for)
      error("rule 'entrenched' can never pass: floor_for is above the members of '" + amending->id +
            "'");
    if (charter_.elapsed_witnesses > 0 && !charter_.witness_policy_sha256)
      error("elapsed_witnesses counts witnesses, but no witness_policy names them");
    if (charter_.elapsed_witnesses == 0 && charter_.control_persons().size() > 1)
      warn(
          "elapsed_witnesses is 0: waits are measured by this log's own clock, which whoever runs "
          "the machine can set");
    for (const auto& [body, persons] : charter_.succession.lists) {
      if (charter_.find_body(body) == nullptr)
        error("[succession] fills the unknown body '" + body + "'");
      for (const std::string& person : persons) {
        if (charter_.find_person(person) == nullptr)
          error("[succession] names '" + person + "', whom no [[person]] names");
      }
    }
    if (charter_.petition && charter_.find_body(charter_.petition->body) == nullptr)
      error("[petition] is for the unknown body '" + charter_.petition->body + "'");
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

Rule terms_of(const Charter& charter, const Power& power) {
  const Rule* rule = charter.find_rule(power.rule);
  CHECK(rule != nullptr);  // parse_charter refuses a power without it
  Rule terms = *rule;
  const RuleOverride& own = power.own;
  terms.threshold = own.threshold.value_or(terms.threshold);
  terms.floor_for = own.floor_for.value_or(terms.floor_for);
  terms.notice = own.notice.value_or(terms.notice);
  terms.timelock = own.timelock.value_or(terms.timelock);
  terms.expires = own.expires.value_or(terms.expires);
  terms.late_extension = own.late_extension.value_or(terms.late_extension);
  if (own.consent) terms.consent = *own.consent;
  if (own.veto) terms.veto = own.veto;
  return terms;
}

bool is_holder(const Charter& charter, const Power& power, std::string_view id) {
  return power.any_one() && holders_of(charter, power).contains(std::string(id));
}

bool Charter::sits_in(std::string_view person, BodyClass body_class) const {
  return std::ranges::any_of(bodies, [&](const Body& body) {
    return body.body_class == body_class &&
           std::ranges::find(body.members, person) != body.members.end();
  });
}

bool Charter::only_economic(std::string_view person) const {
  return sits_in(person, BodyClass::Economic) && !sits_in(person, BodyClass::Control) &&
         !sits_in(person, BodyClass::Consult);
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
