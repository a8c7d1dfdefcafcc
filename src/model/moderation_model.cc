#include "model/moderation_model.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "files/files.h"
#include "formats/safetensors.h"
#include "model/moderation_features.h"

namespace model {
namespace {

using base::kModerationCategories;

constexpr std::string_view kModelType = "charter-moderation";
constexpr std::string_view kWeightName = "weight";
constexpr size_t kCategories = kModerationCategories.size();
constexpr int64_t kBucketsMax = 1 << 22;
constexpr size_t kConfigBytesMax = 1 << 16;
constexpr double kParameterMax = 1e6;

std::unexpected<base::Error> malformed(std::string message, std::string_view where) {
  return base::fail(base::Code::Malformed, std::move(message), std::string(where),
                    "MODERATION_MODEL");
}

json::Value by_category(const ModerationScores& values) {
  json::Value out = json::Object{};
  for (size_t i = 0; i < kCategories; ++i)
    out.set(std::string(kModerationCategories[i]), values[i]);
  return out;
}

// An object with one number for each category and nothing else.
base::Result<ModerationScores> read_by_category(const json::Value& config, std::string_view key,
                                                double min, double max) {
  TRY(const json::Value* table, json::get_object(config, key));
  ModerationScores out = {};
  if (table->as_object().size() != kCategories)
    return malformed("expected a number for each of the 13 categories", key);
  for (const auto& [name, value] : table->as_object()) {
    const size_t category = base::moderation_category(name);
    if (category == kCategories) return malformed("'" + name + "' is not a category", key);
    if (!value.is_number() || !(value.as_double() >= min && value.as_double() <= max))
      return malformed("the number of '" + name + "' is out of range", key);
    out[category] = value.as_double();
  }
  return out;
}

}  // namespace

json::Value to_json(const ModerationConfig& config) {
  return json::Object{{"model_type", kModelType},
                      {"name", config.name},
                      {"buckets", int64_t{config.buckets}},
                      {"slope", by_category(config.slope)},
                      {"offset", by_category(config.offset)},
                      {"thresholds", by_category(config.thresholds)}};
}

base::Result<ModerationConfig> parse_moderation_config(std::string_view text) {
  TRY(const json::Value value, json::parse(text, {.bytes_max = kConfigBytesMax, .depth_max = 4}));
  if (!value.is_object()) return malformed("expected an object", kModerationConfigFile);
  TRY_VOID(
      json::only_fields(value, {"model_type", "name", "buckets", "slope", "offset", "thresholds"}));
  TRY(const std::string type, json::get_string(value, "model_type"));
  if (type != kModelType)
    return malformed("'" + type + "' is not a moderation model", "model_type");
  ModerationConfig config;
  TRY(config.name, json::get_string(value, "name"));
  if (config.name.empty() || config.name.size() > 100)
    return malformed("expected 1 to 100 bytes", "name");
  TRY(const int64_t buckets, json::get_int(value, "buckets"));
  if (buckets < 1 || buckets > kBucketsMax || !std::has_single_bit(static_cast<uint64_t>(buckets)))
    return malformed("expected a power of two, at most 4194304", "buckets");
  config.buckets = static_cast<uint32_t>(buckets);
  TRY(config.slope, read_by_category(value, "slope", -kParameterMax, kParameterMax));
  TRY(config.offset, read_by_category(value, "offset", -kParameterMax, kParameterMax));
  TRY(config.thresholds, read_by_category(value, "thresholds", 0, 1));
  return config;
}

base::Result<ModerationModel> ModerationModel::parse(std::string_view config,
                                                     base::ByteSpan weights) {
  ModerationModel model;
  TRY(model.config_, parse_moderation_config(config));
  TRY(const auto file, formats::Safetensors::parse(weights, std::string(kModerationWeightsFile)));
  const formats::TensorView* tensor = file.find(kWeightName);
  const std::vector<int64_t> shape = {int64_t{model.config_.buckets}, int64_t{kCategories}};
  if (tensor == nullptr || file.tensors().size() != 1)
    return malformed("expected the one tensor 'weight'", kModerationWeightsFile);
  if (tensor->dtype != formats::DType::BF16 || tensor->shape != shape)
    return malformed("expected BF16 of shape " + formats::shape_text(shape), kWeightName);
  std::vector<float> row(kCategories);
  model.weights_.resize(size_t{model.config_.buckets} * kRow);
  for (size_t bucket = 0; bucket < model.config_.buckets; ++bucket) {
    formats::to_floats(formats::DType::BF16, tensor->data.data() + bucket * kCategories * 2,
                       kCategories, row.data());
    for (const float weight : row) {
      if (!std::isfinite(weight)) return malformed("a weight is not finite", kWeightName);
    }
    std::ranges::copy(row, model.weights_.begin() + static_cast<ptrdiff_t>(bucket * kRow));
  }
  return model;
}

base::Result<std::shared_ptr<const ModerationModel>> ModerationModel::load(
    const std::string& directory) {
  TRY(const std::string config,
      files::read_file(files::join(directory, kModerationConfigFile), kConfigBytesMax));
  TRY(const auto weights, files::MappedFile::open(files::join(directory, kModerationWeightsFile)));
  auto model = parse(config, weights->bytes());
  if (!model) return base::wrap(model.error(), "the moderation model cannot be used", directory);
  return std::make_shared<const ModerationModel>(*std::move(model));
}

ModerationModel::Sums ModerationModel::add_block(const std::vector<uint32_t>& features) const {
  Sums sums = {};
  for (const uint32_t bucket : features) {
    const float* row = weights_.data() + size_t{bucket} * kRow;
    for (size_t i = 0; i < kRow; ++i) sums[i] += row[i];
  }
  return sums;
}

ModerationScores ModerationModel::scores(std::string_view text) const {
  ModerationScores best = {};
  Sums earlier = {};
  size_t earlier_count = 0;
  const auto blocks = moderation_features(text, config_.buckets);
  for (size_t b = 0; b < blocks.size(); ++b) {
    const Sums sums = add_block(blocks[b]);
    const size_t count = blocks[b].size();
    const bool more = b + 1 < blocks.size();
    // The first of several blocks is read with the second, not alone.
    if (b > 0 || !more) {
      const double scale = 1 / std::sqrt(static_cast<double>(count + earlier_count));
      for (size_t i = 0; i < kCategories; ++i) {
        const double sum = (double{sums[i]} + double{earlier[i]}) * scale;
        const double score = 1 / (1 + std::exp(-(config_.slope[i] * sum + config_.offset[i])));
        best[i] = std::max(best[i], score);
      }
    }
    earlier = sums;
    earlier_count = count;
  }
  return best;
}

base::Status write_moderation_model(const ModerationConfig& config,
                                    const std::vector<float>& weights,
                                    const std::string& directory) {
  std::vector<uint8_t> rounded(weights.size() * 2);
  formats::from_floats(formats::DType::BF16, weights.data(), static_cast<int64_t>(weights.size()),
                       rounded.data());
  formats::TensorView tensor;
  tensor.name = kWeightName;
  tensor.dtype = formats::DType::BF16;
  tensor.type_name = formats::dtype_name(tensor.dtype);
  tensor.shape = {int64_t{config.buckets}, int64_t{kCategories}};
  tensor.data = rounded;
  TRY_VOID(files::make_directories(directory));
  TRY(auto file, files::AtomicFile::create(files::join(directory, kModerationWeightsFile)));
  TRY_VOID(formats::write_safetensors({tensor}, {{"format", "charter-moderation"}},
                                      [&](base::ByteSpan bytes) { return file.append(bytes); }));
  TRY_VOID(file.commit());
  return files::write_atomic(files::join(directory, kModerationConfigFile),
                             json::dump_pretty(to_json(config)) + "\n");
}

}  // namespace model
