#include "lab/run_plan.h"

#include <array>

namespace lab {
namespace {

constexpr std::string_view kGenerated = "synth:";

struct Preset {
  std::string_view name;
  std::string_view tokenizer;
  int64_t dim, layers, heads, hidden_dim, context_length, step_tokens, steps;
  double lr;
};

constexpr std::array<Preset, 4> kPresets = {{
    {"char-0.8m", "char", 128, 4, 4, 344, 64, 768, 2000, 3e-3},
    {"1m", "bpe:2048", 128, 5, 4, 344, 256, 8192, 2000, 3e-3},
    {"3m", "bpe:4096", 192, 6, 6, 512, 256, 8192, 2000, 3e-3},
    {"5m", "bpe:4096", 256, 6, 8, 688, 256, 8192, 2000, 2e-3},
}};

constexpr std::array<std::string_view, kPresets.size()> kPresetNames = {"char-0.8m", "1m", "3m",
                                                                        "5m"};

base::Result<double> get_double(const json::Value& object, std::string_view key) {
  const json::Value& value = object[key];
  if (value.is_number()) return value.as_double();
  return base::fail(base::Code::InvalidArgument,
                    "The field '" + std::string(key) + "' must be a number.", std::string(key));
}

}  // namespace

std::span<const std::string_view> preset_names() { return kPresetNames; }

base::Result<RunPlan> preset_plan(std::string_view name) {
  for (const Preset& preset : kPresets) {
    if (preset.name != name) continue;
    RunPlan plan;
    plan.preset = name;
    plan.tokenizer = preset.tokenizer;
    plan.config.dim = preset.dim;
    plan.config.layers = preset.layers;
    plan.config.heads = plan.config.kv_heads = preset.heads;
    plan.config.head_dim = preset.dim / preset.heads;
    plan.config.hidden_dim = preset.hidden_dim;
    plan.config.context_length = preset.context_length;
    plan.config.tied_embeddings = true;
    plan.step_tokens = preset.step_tokens;
    plan.steps = preset.steps;
    plan.lr = preset.lr;
    return plan;
  }
  return base::fail(
      base::Code::InvalidArgument,
      "The preset '" + std::string(name) + "' is not known; use char-0.8m, 1m, 3m or 5m.",
      "--preset");
}

bool is_generated(const RunPlan& plan) { return plan.data.starts_with(kGenerated); }

std::vector<std::string> generator_list(const RunPlan& plan) {
  std::vector<std::string> names;
  std::string_view rest = std::string_view(plan.data).substr(kGenerated.size());
  while (true) {
    const size_t comma = rest.find(',');
    names.emplace_back(rest.substr(0, comma));
    if (comma == std::string_view::npos) return names;
    rest.remove_prefix(comma + 1);
  }
}

json::Value to_json(const RunPlan& plan) {
  return json::Object{
      {"data", plan.data},
      {"data_digest", plan.data_digest},
      {"preset", plan.preset},
      {"tokenizer", plan.tokenizer},
      {"precision", plan.precision},
      {"config", model::config_to_hf(plan.config, "bfloat16")},
      {"steps", plan.steps},
      {"minutes", plan.minutes},
      {"step_tokens", plan.step_tokens},
      {"micro_tokens", plan.micro_tokens},
      {"lr", plan.lr},
      {"warmup_share", plan.warmup_share},
      {"floor_share", plan.floor_share},
      {"clip_norm", plan.clip_norm},
      {"schedule", std::string(schedule_name(plan.schedule))},
      {"optimizer", plan.optimizer.muon ? "muon" : "adamw"},
      {"beta2", plan.optimizer.beta2},
      {"weight_decay", plan.optimizer.weight_decay},
      {"counted", plan.counted == CountedTurns::All ? "all" : "assistant"},
      {"seed", std::to_string(plan.seed)},
  };
}

base::Result<RunPlan> plan_from_json(const json::Value& value, const std::string& file) {
  RunPlan plan;
  TRY(plan.data, json::get_string(value, "data"));
  TRY(plan.data_digest, json::get_string(value, "data_digest"));
  TRY(plan.preset, json::get_string(value, "preset"));
  TRY(plan.tokenizer, json::get_string(value, "tokenizer"));
  TRY(plan.precision, json::get_string(value, "precision"));
  TRY(plan.config, model::config_from_hf(value["config"], file));
  TRY(plan.steps, json::get_int(value, "steps"));
  TRY(plan.minutes, get_double(value, "minutes"));
  TRY(plan.step_tokens, json::get_int(value, "step_tokens"));
  TRY(plan.micro_tokens, json::get_int(value, "micro_tokens"));
  TRY(plan.lr, get_double(value, "lr"));
  TRY(plan.warmup_share, get_double(value, "warmup_share"));
  TRY(plan.floor_share, get_double(value, "floor_share"));
  TRY(plan.clip_norm, get_double(value, "clip_norm"));
  TRY(const std::string schedule, json::get_string(value, "schedule"));
  TRY(plan.schedule, parse_schedule(schedule));
  TRY(const std::string optimizer, json::get_string(value, "optimizer"));
  plan.optimizer.muon = optimizer == "muon";
  TRY(plan.optimizer.beta2, get_double(value, "beta2"));
  TRY(plan.optimizer.weight_decay, get_double(value, "weight_decay"));
  TRY(const std::string counted, json::get_string(value, "counted"));
  plan.counted = counted == "all" ? CountedTurns::All : CountedTurns::Assistant;
  TRY(const std::string seed, json::get_string(value, "seed"));
  plan.seed = std::strtoull(seed.c_str(), nullptr, 10);
  const bool sane = plan.step_tokens >= plan.config.context_length &&
                    plan.micro_tokens >= plan.config.context_length &&
                    plan.step_tokens <= (int64_t{1} << 24) && plan.steps >= 0 &&
                    plan.minutes >= 0 && (plan.steps > 0 || plan.minutes > 0);
  if (!sane) {
    return base::fail(base::Code::Malformed,
                      "The run's train.json holds sizes that no run has; start the run anew.",
                      file);
  }
  return plan;
}

}  // namespace lab
