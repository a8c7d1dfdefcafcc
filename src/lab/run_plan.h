// A training run as a value: everything that decides its result. It is written to the run's folder
// (train.json) before the first step, and read back when the run is resumed.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "json/json.h"
#include "lab/chat_format.h"
#include "lab/optimizer.h"
#include "lab/schedule.h"
#include "model/config.h"

namespace lab {

struct RunPlan {
  std::string data;         // a text file, or "synth:NAME[,NAME...]"
  std::string data_digest;  // SHA-256 of the text file, set by the run; empty for generated data
  std::string preset;
  std::string tokenizer;           // "char", "bpe:SIZE", or a folder with tokenizer.json
  std::string precision = "bf16";  // or "f32"
  model::Config config;            // vocab_size is 0 until the tokenizer is there
  int64_t steps = 0;               // 0: as many as fit `minutes`
  double minutes = 0;
  int64_t step_tokens = 0;
  int64_t micro_tokens = 2048;
  double lr = 0;
  double warmup_share = 0.1;  // of the steps, 100 at most
  double floor_share = 0.1;
  double clip_norm = 1;
  ScheduleShape schedule = ScheduleShape::Cosine;
  OptimizerOptions optimizer;
  CountedTurns counted = CountedTurns::Assistant;
  uint64_t seed = 1;
};

std::span<const std::string_view> preset_names();  // "char-0.8m", "1m", "3m", "5m"
base::Result<RunPlan> preset_plan(std::string_view name);

bool is_generated(const RunPlan& plan);
std::vector<std::string> generator_list(const RunPlan& plan);  // the names after "synth:"

json::Value to_json(const RunPlan& plan);
base::Result<RunPlan> plan_from_json(const json::Value& value, const std::string& file);

}  // namespace lab
