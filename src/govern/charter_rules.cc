// What a charter says about deciding: rules, powers, succession, petitions, economics.
#include <algorithm>
#include <array>

#include "govern/charter_fields.h"

namespace govern {

using base::Result;
using base::Status;
using json::Value;

namespace {

constexpr std::array<Action, 13> kActions = {{{"model.promote"},
                                              {"model.revoke", false},
                                              {"stop", false},
                                              {"resume", true, true},
                                              {"charter.amend"},
                                              {"charter.restrict", false},
                                              {"person.remove_executive"},
                                              {"person.suspend_executive", false},
                                              {"fill_seat", false},
                                              {"key.recover", true, true},
                                              {"weights.export", true, true},
                                              {"payout", true, true},
                                              {"motion"}}};

Result<VetoRight> read_veto(const Value& rule) {
  TRY(const Value* table, json::get_object(rule, "veto"));
  TRY_VOID(json::only_fields(*table, {"body", "needs", "window"}));
  VetoRight veto;
  TRY(veto.body, id_of(*table, "body"));
  TRY(veto.needs, count_of(*table, "needs", 1, kCountMax));
  TRY(veto.window, wait_of(*table, "window"));
  return veto;
}

Status read_need(const std::string& need, Power* power) {
  constexpr std::string_view kFresh = "evidence.fresh<=";
  if (need == "manifest.sealed")
    power->needs.push_back(Need::ManifestSealed);
  else if (need == "gate.passed")
    power->needs.push_back(Need::GatePassed);
  else if (need == "two_bodies")
    power->needs.push_back(Need::TwoBodies);
  else if (need == "runs.declared")
    power->needs.push_back(Need::RunsDeclared);
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

// One field that a power may state anew; absent, the rule's stands.
template <class T, class Read>
Status read_own(const Value& table, const char* key, std::optional<T>* out, Read read) {
  if (table.find(key) == nullptr) return {};
  TRY(T value, read());
  *out = std::move(value);
  return {};
}

Status read_override(const Value& table, RuleOverride* own) {
  const auto wait = [&](const char* key) { return [&table, key] { return wait_of(table, key); }; };
  TRY_VOID(read_own(table, "threshold", &own->threshold,
                    [&] { return fraction_of(table, "threshold"); }));
  TRY_VOID(read_own(table, "floor_for", &own->floor_for,
                    [&] { return count_of(table, "floor_for", 1, kCountMax); }));
  TRY_VOID(read_own(table, "notice", &own->notice, wait("notice")));
  TRY_VOID(read_own(table, "timelock", &own->timelock, wait("timelock")));
  TRY_VOID(read_own(table, "expires", &own->expires, wait("expires")));
  TRY_VOID(read_own(table, "late_extension", &own->late_extension, wait("late_extension")));
  TRY_VOID(
      read_own(table, "consent", &own->consent, [&] { return texts_of(table, "consent", true); }));
  return read_own(table, "veto", &own->veto, [&] { return read_veto(table); });
}

Status read_any_one(const Value& table, Power* power) {
  TRY_VOID(json::only_fields(table, {"action", "rule", "holders", "not_by"}));
  TRY(power->holders, texts_of(table, "holders", true));
  return {};
}

}  // namespace

const Action* find_action(std::string_view name) {
  const auto found = std::ranges::find(kActions, name, &Action::name);
  return found == kActions.end() ? nullptr : &*found;
}

Result<Rule> read_rule(const std::string& id, const Value& table) {
  TRY_VOID(json::only_fields(table, {"threshold", "floor_for", "notice", "timelock", "expires",
                                     "consent", "veto", "late_extension"}));
  Rule rule;
  rule.id = id;
  TRY(rule.threshold, fraction_of(table, "threshold"));
  TRY(rule.floor_for, count_of(table, "floor_for", 1, kCountMax));
  TRY(rule.notice, wait_of(table, "notice"));
  TRY(rule.timelock, wait_of(table, "timelock"));
  TRY(rule.expires, wait_of(table, "expires"));
  TRY(rule.consent, texts_of(table, "consent", false));
  if (table.find("veto") != nullptr) {
    TRY(rule.veto, read_veto(table));
  }
  TRY(rule.late_extension, wait_or(table, "late_extension", base::seconds(0)));
  return rule;
}

Result<Power> read_power(const Value& table) {
  Power power;
  TRY(power.action, json::get_string(table, "action"));
  if (find_action(power.action) == nullptr)
    return wrong("action", "'" + power.action + "' is not an action that can be decided");
  TRY(power.rule, id_of(table, "rule"));
  TRY(power.not_by, texts_of(table, "not_by", false));
  if (std::ranges::any_of(power.not_by, [](const auto& who) { return who != kIssuerAlone; }))
    return wrong("not_by", "the one entry is \"stop.issuer_alone\"");
  if (power.any_one()) {
    TRY_VOID(read_any_one(table, &power));
    return power;
  }
  TRY_VOID(json::only_fields(
      table, {"action", "body", "rule", "needs", "threshold", "floor_for", "notice", "timelock",
              "expires", "consent", "veto", "late_extension", "recuse", "notify", "must_open",
              "max_duration", "not_by"}));
  if (table.find("body") != nullptr) {
    TRY(power.body, id_of(table, "body"));
  }
  TRY(const auto needs, texts_of(table, "needs", power.action == "model.promote"));
  for (const std::string& need : needs) TRY_VOID(read_need(need, &power));
  TRY_VOID(read_override(table, &power.own));
  TRY(power.recuse, texts_of(table, "recuse", false));
  TRY(power.notify, texts_of(table, "notify", false));
  TRY(power.must_open, text_or(table, "must_open", ""));
  if (table.find("max_duration") != nullptr) {
    TRY(power.max_duration, wait_of(table, "max_duration"));
  }
  return power;
}

Status read_succession(const Value& root, Charter* out) {
  if (root.find("succession") == nullptr) return {};
  TRY(const Value* table, json::get_object(root, "succession"));
  for (const auto& [key, value] : table->as_object()) {
    if (key == "interim_max") {
      TRY(out->succession.interim_max, wait_of(*table, key));
    } else {
      TRY(out->succession.lists[key], texts_of(*table, key, true));
    }
  }
  return {};
}

Status read_petition(const Value& root, Charter* out) {
  if (root.find("petition") == nullptr) return {};
  TRY(const Value* table, json::get_object(root, "petition"));
  TRY_VOID(json::only_fields(*table, {"body", "share"}));
  PetitionRight right;
  TRY(right.body, id_of(*table, "body"));
  TRY(right.share, fraction_of(*table, "share"));
  out->petition = std::move(right);
  return {};
}

Status read_economics(const Value& root, Charter* out) {
  if (root.find("economics") == nullptr) return {};
  TRY(const Value* table, json::get_object(root, "economics"));
  TRY_VOID(json::only_fields(*table, {"cap", "residual"}));
  Economics economics;
  TRY(economics.residual, json::get_string(*table, "residual"));
  TRY(const Value* caps, json::get_object(*table, "cap"));
  for (const auto& [tranche, multiple] : caps->as_object()) {
    TRY(economics.cap[tranche], count_of(*caps, tranche, 1, 1'000'000));
  }
  out->economics = std::move(economics);
  return {};
}

Status read_recovery(const Value& root, Charter* out) {
  if (root.find("recovery") == nullptr) return {};
  TRY(const Value* table, json::get_object(root, "recovery"));
  TRY_VOID(json::only_fields(*table, {"keys", "needs"}));
  TRY(out->recovery_keys, keys_of(*table));
  TRY(out->recovery_needs,
      count_of(*table, "needs", 1, static_cast<int64_t>(out->recovery_keys.size())));
  return {};
}

}  // namespace govern
