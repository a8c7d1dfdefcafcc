// What a model is, as data: one transformer, its sizes and features. Read from a Hugging Face
// config.json, a GGUF header or a llama2.c header; an architecture or feature that is not here is
// refused by name.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "json/json.h"
#include "kernels/kernels.h"

namespace model {

struct RopeScaling {
  enum class Kind : uint8_t { None, Linear, Llama3 };
  Kind kind = Kind::None;
  double factor = 1;
  double low_frequency_factor = 1, high_frequency_factor = 4;  // Llama3
  int64_t original_context_length = 8192;                      // Llama3
  friend bool operator==(const RopeScaling&, const RopeScaling&) = default;
};

// RMSNorm before attention and before the feed-forward part, rotary positions, grouped-query
// attention, SwiGLU.
struct Config {
  std::string architecture = "LlamaForCausalLM";
  int64_t vocab_size = 0;
  int64_t dim = 0;
  int64_t layers = 0;
  int64_t heads = 0;
  int64_t kv_heads = 0;
  int64_t head_dim = 0;
  int64_t hidden_dim = 0;
  int64_t context_length = 0;
  double rope_theta = 10000;
  RopeScaling rope_scaling;
  float norm_eps = 1e-5f;
  bool tied_embeddings = false;
  kernels::Rotary rotary =
      kernels::Rotary::Halves;  // the order in which the q and k rows are stored

  int64_t q_dim() const { return heads * head_dim; }
  int64_t kv_dim() const { return kv_heads * head_dim; }
  friend bool operator==(const Config&, const Config&) = default;
};

// Every size positive and within limits that keep products of three in int64, heads a multiple of
// kv_heads, head_dim even. `file` is named in the error.
base::Status check_config(const Config& config, const std::string& file);

base::Result<Config> config_from_hf(const json::Value& config_json, const std::string& file);
json::Value config_to_hf(const Config& config,
                         std::string_view torch_dtype);  // "bfloat16" or "float32"

int64_t parameter_count(const Config& config);

// cos and sin of every position and pair, [positions, head_dim/2, 2], for kernels::rope.
std::vector<float> rope_table(const Config& config, int64_t positions);

}  // namespace model
