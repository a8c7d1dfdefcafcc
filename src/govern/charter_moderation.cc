#include "base/moderation.h"
#include "govern/charter_fields.h"

namespace govern {
namespace {

base::Result<ModerationAction> action_or_off(const json::Value& table, const std::string& key) {
  if (table.find(key) == nullptr) return ModerationAction::Off;
  TRY(const std::string name, json::get_string(table, key));
  if (name == "flag") return ModerationAction::Flag;
  if (name == "block") return ModerationAction::Block;
  return wrong(key, "expected \"block\" or \"flag\"; left out, nothing is checked");
}

base::Result<ModerationRules> read_rules(const json::Value& table) {
  TRY_VOID(json::only_fields(table, {"model", "before", "after", "thresholds"}));
  ModerationRules rules;
  TRY(rules.model, digest_of(table, "model"));
  TRY(rules.before, action_or_off(table, "before"));
  TRY(rules.after, action_or_off(table, "after"));
  if (table.find("thresholds") == nullptr) return rules;
  TRY(const json::Value* thresholds, json::get_object(table, "thresholds"));
  for (const auto& [category, value] : thresholds->as_object()) {
    if (base::moderation_category(category) == base::kModerationCategories.size())
      return wrong("thresholds", "'" + category + "' is not a category of moderation");
    if (!value.is_string()) return wrong(category, "expected a decimal string such as \"0.8\"");
    TRY(rules.thresholds[category], share_of(value.as_string(), category));
    // At 0 every text would be harmful.
    if (rules.thresholds[category] <= 0) return wrong(category, "a threshold is above 0");
  }
  return rules;
}

}  // namespace

base::Status read_moderation(const json::Value& root, Charter* out) {
  if (root.find("moderation") == nullptr) return {};
  TRY(const json::Value* table, json::get_object(root, "moderation"));
  TRY(out->moderation, in_table(read_rules(*table), "moderation"));
  return {};
}

}  // namespace govern
