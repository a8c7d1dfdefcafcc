// A small classifier of harm: logistic regression over hashed features, one head for each category
// of base/moderation.h, calibrated (Platt 1999) so that a score is a probability on texts like
// those it was calibrated on. Immutable; any thread may ask it.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/moderation.h"
#include "base/result.h"
#include "json/json.h"

namespace model {

using ModerationScores = std::array<double, base::kModerationCategories.size()>;  // [0, 1]

inline constexpr std::string_view kModerationConfigFile = "config.json";
inline constexpr std::string_view kModerationWeightsFile = "model.safetensors";

struct ModerationConfig {
  std::string name;
  uint32_t buckets = 0;                      // a power of two
  ModerationScores slope = {}, offset = {};  // a score is 1 / (1 + exp(-(slope * sum + offset)))
  ModerationScores thresholds = {};          // what the makers advise
};
json::Value to_json(const ModerationConfig& config);
base::Result<ModerationConfig> parse_moderation_config(std::string_view text);

class ModerationModel {
 public:
  // Malformed, with the member or tensor that is wrong.
  static base::Result<ModerationModel> parse(std::string_view config, base::ByteSpan weights);
  // The two files of the folder; others are left alone.
  static base::Result<std::shared_ptr<const ModerationModel>> load(const std::string& directory);

  const ModerationConfig& config() const { return config_; }
  // By category, of the most suspect window: 32 words, each 16 words further. A text without words
  // scores 0.
  ModerationScores scores(std::string_view text) const;

 private:
  // Rows are padded so that a row's sums go through whole vector registers.
  static constexpr size_t kRow = 16;
  using Sums = std::array<float, kRow>;
  Sums add_block(const std::vector<uint32_t>& features) const;

  ModerationConfig config_;
  std::vector<float> weights_;  // buckets x kRow
};

// What the trainer stores: `weights` is buckets x categories, rounded to bf16.
base::Status write_moderation_model(const ModerationConfig& config,
                                    const std::vector<float>& weights,
                                    const std::string& directory);

}  // namespace model
