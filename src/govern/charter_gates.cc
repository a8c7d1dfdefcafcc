// What a charter says about evidence and money: gates, prices, plans.
#include "govern/charter_fields.h"
#include "govern/evidence.h"

namespace govern {

using base::Result;
using base::Status;
using json::Value;

namespace {
constexpr int64_t kPriceMax = 1'000'000'000'000;  // $1,000,000 per million tokens
}

Result<Gate> read_gate(const Value& table) {
  TRY_VOID(json::only_fields(
      table, {"id", "suite", "suite_root", "metric", "direction", "limit", "alpha", "bound",
              "min_n", "channels", "epochs", "max_age", "on_breach"}));
  Gate gate;
  TRY(gate.id, id_of(table, "id"));
  TRY(gate.suite, json::get_string(table, "suite"));
  if (gate.suite != "*" && !is_id(gate.suite))
    return wrong("suite", "expected the id of a suite, or \"*\" for any");
  if (table.find("suite_root") != nullptr) {
    TRY(gate.suite_root, digest_of(table, "suite_root"));
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
  if (table.find("epochs") != nullptr) {
    TRY(gate.epochs, count_of(table, "epochs", 1, 1000));
  }
  if (table.find("max_age") != nullptr) {
    TRY(gate.max_age, wait_of(table, "max_age"));
  }
  TRY(const std::string on_breach, text_or(table, "on_breach", ""));
  if (!on_breach.empty() && on_breach != "halt")
    return wrong("on_breach", "what follows from a failed gate is \"halt\", or nothing");
  gate.halt_on_breach = on_breach == "halt";
  return gate;
}

namespace {

Status read_rate(const Value& table, const char* key, std::string* text, double* out) {
  TRY(*text, text_or(table, key, *text));
  TRY(*out, share_of(*text, key));
  if (*out <= 0 || *out >= 1) return wrong(key, "expected more than 0 and less than 1");
  return {};
}

}  // namespace

Result<Monitor> read_monitor(const Value& table) {
  TRY_VOID(json::only_fields(table, {"id", "p0", "p1", "alpha", "promote_alpha", "silence"}));
  Monitor m;
  TRY(m.id, id_of(table, "id"));
  TRY_VOID(read_rate(table, "p0", &m.p0_text, &m.p0));
  TRY_VOID(read_rate(table, "p1", &m.p1_text, &m.p1));
  TRY_VOID(read_rate(table, "alpha", &m.alpha_text, &m.alpha));
  TRY_VOID(read_rate(table, "promote_alpha", &m.promote_text, &m.promote_alpha));
  if (m.p0 >= m.p1) return wrong("p1", "the rate that halts is above the one that is borne");
  TRY(m.silence, wait_or(table, "silence", m.silence));
  return m;
}

Status read_rollout(const Value& root, Charter* out) {
  if (root.find("rollout") == nullptr) return {};
  TRY(const Value* table, json::get_object(root, "rollout"));
  TRY_VOID(json::only_fields(*table, {"stages", "min_exposures", "min_stage", "deadline"}));
  Rollout rollout;
  if (table->find("stages") != nullptr) {
    TRY(const json::Array* stages, json::get_array(*table, "stages"));
    rollout.stages.clear();
    for (const Value& stage : *stages) {
      const int64_t last = rollout.stages.empty() ? 0 : static_cast<int64_t>(rollout.stages.back());
      if (!stage.is_int() || stage.as_int() <= last || stage.as_int() > 100)
        return wrong("stages", "expected percents that rise to 100");
      rollout.stages.push_back(static_cast<uint64_t>(stage.as_int()));
    }
    if (rollout.stages.empty() || rollout.stages.back() != 100)
      return wrong("stages", "the last stage is 100");
  }
  if (table->find("min_exposures") != nullptr) {
    TRY(rollout.min_exposures, count_of(*table, "min_exposures", 1, 1'000'000'000));
  }
  TRY(rollout.min_stage, wait_or(*table, "min_stage", rollout.min_stage));
  TRY(rollout.deadline, wait_or(*table, "deadline", rollout.deadline));
  if (out->monitors.empty())
    return wrong("rollout", "stages need a [[monitor]] that allows the next one");
  out->rollout = rollout;
  return {};
}

namespace {

Result<Price> read_price(const Value& table) {
  Price price;
  TRY(price.input_micro_per_million, count_of(table, "input_micro_usd_per_million", 0, kPriceMax));
  TRY(price.output_micro_per_million,
      count_of(table, "output_micro_usd_per_million", 0, kPriceMax));
  return price;
}

}  // namespace

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

}  // namespace govern
