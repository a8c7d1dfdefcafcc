#include "model/config.h"

#include <charconv>
#include <cmath>
#include <numbers>

#include "model/weights.h"

namespace model {
namespace {

using base::Code;

std::unexpected<base::Error> unsupported(const std::string& file, const std::string& sentence) {
  return base::fail(Code::Unimplemented, file + ": " + sentence, file, "UNSUPPORTED_MODEL");
}

// Fields of config.json, each with its own error; the first failure is kept and later calls do
// nothing.
class Fields {
 public:
  Fields(const json::Value& object, const std::string& file) : object_(object), file_(file) {}

  void size(std::string_view key, int64_t* out, bool required = true) {
    const json::Value& value = object_[key];
    if (value.is_null()) {
      if (required) refuse(key, "is missing");
    } else if (!value.is_int() || value.as_int() <= 0) {
      refuse(key, "is not a positive whole number");
    } else {
      *out = value.as_int();
    }
  }
  void real(std::string_view key, double* out) {
    const json::Value& value = object_[key];
    if (value.is_null()) return;
    if (!value.is_number() || !(value.as_double() > 0))
      return refuse(key, "is not a positive number");
    *out = value.as_double();
  }
  void boolean(std::string_view key, bool* out) {
    const json::Value& value = object_[key];
    if (value.is_null()) return;
    if (!value.is_bool()) return refuse(key, "is not true or false");
    *out = value.as_bool();
  }
  void refuse(std::string_view key, std::string_view what) {
    if (!status_) return;
    status_ = base::fail(Code::Malformed, file_ + ": " + std::string(key) + " " + std::string(what),
                         file_, "MODEL_FILE_MALFORMED");
  }
  const base::Status& status() const { return status_; }

 private:
  const json::Value& object_;
  const std::string& file_;
  base::Status status_;
};

base::Status check_features(const json::Value& config, const std::string& file) {
  const json::Value& list = config["architectures"];
  std::string name = "none";
  if (list.is_array() && !list.as_array().empty() && list.as_array()[0].is_string())
    name = list.as_array()[0].as_string();
  if (name != "LlamaForCausalLM") {
    return unsupported(file,
                       "the architecture '" + name +
                           "' is not supported; Charter runs LlamaForCausalLM (RMSNorm, rotary "
                           "positions, grouped-query attention, SwiGLU), and what '" +
                           name + "' needs beyond that is missing");
  }
  const json::Value& act = config["hidden_act"];
  if (act.is_string() && act.as_string() != "silu")
    return unsupported(file,
                       "the activation '" + act.as_string() + "' is not supported, only silu");
  for (const char* key : {"attention_bias", "mlp_bias"}) {
    const json::Value& value = config[key];
    if (value.is_bool() && value.as_bool())
      return unsupported(file, std::string(key) + " is true; biases are not supported");
  }
  return {};
}

base::Result<RopeScaling> read_scaling(const json::Value& value, const std::string& file) {
  RopeScaling out;
  if (!value.is_object()) return out;
  const json::Value& type = value["rope_type"].is_string() ? value["rope_type"] : value["type"];
  if (!type.is_string() || type.as_string() == "default") return out;
  Fields fields(value, file);
  if (type.as_string() == "linear") {
    out.kind = RopeScaling::Kind::Linear;
  } else if (type.as_string() == "llama3") {
    out.kind = RopeScaling::Kind::Llama3;
    fields.real("low_freq_factor", &out.low_frequency_factor);
    fields.real("high_freq_factor", &out.high_frequency_factor);
    fields.size("original_max_position_embeddings", &out.original_context_length);
    if (out.high_frequency_factor <= out.low_frequency_factor)
      fields.refuse("high_freq_factor", "is not above low_freq_factor");
  } else {
    return unsupported(file, "the rotary scaling '" + type.as_string() +
                                 "' is not supported, only linear and llama3");
  }
  fields.real("factor", &out.factor);
  TRY_VOID(fields.status());
  return out;
}

// The shortest decimal that gives this float again: 1e-05, not 9.99999974737875e-06.
double shortest(float value) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, value).ptr;
  double out = value;
  std::from_chars(text, end, out);
  return out;
}

double scaled_frequency(double frequency, const RopeScaling& scaling) {
  if (scaling.kind == RopeScaling::Kind::Linear) return frequency / scaling.factor;
  if (scaling.kind == RopeScaling::Kind::None) return frequency;
  // Llama 3.1: long waves are stretched, short ones stay, those between are blended.
  const double waves =
      static_cast<double>(scaling.original_context_length) * frequency / (2 * std::numbers::pi);
  if (waves < scaling.low_frequency_factor) return frequency / scaling.factor;
  if (waves > scaling.high_frequency_factor) return frequency;
  const double keep = (waves - scaling.low_frequency_factor) /
                      (scaling.high_frequency_factor - scaling.low_frequency_factor);
  return (1 - keep) * frequency / scaling.factor + keep * frequency;
}

}  // namespace

base::Status check_config(const Config& config, const std::string& file) {
  const auto refuse = [&](const std::string& sentence) {
    return base::fail(Code::Malformed, file + ": " + sentence, file, "MODEL_FILE_MALFORMED");
  };
  struct Limit {
    const char* name;
    int64_t value, max;
  };
  for (const Limit& limit :
       {Limit{"vocabulary size", config.vocab_size, 1 << 22}, Limit{"width", config.dim, 1 << 17},
        Limit{"number of layers", config.layers, 4096},
        Limit{"number of heads", config.heads, 4096},
        Limit{"number of key-value heads", config.kv_heads, 4096},
        Limit{"head width", config.head_dim, 1024},
        Limit{"feed-forward width", config.hidden_dim, 1 << 20},
        Limit{"context length", config.context_length, 1 << 24}}) {
    if (limit.value <= 0 || limit.value > limit.max) {
      return refuse("the " + std::string(limit.name) + " " + std::to_string(limit.value) +
                    " is not between 1 and " + std::to_string(limit.max));
    }
  }
  if (config.heads % config.kv_heads != 0) {
    return refuse(std::to_string(config.heads) + " heads cannot share " +
                  std::to_string(config.kv_heads) + " key-value heads");
  }
  if (config.head_dim % 2 != 0)
    return refuse("the head width " + std::to_string(config.head_dim) + " is odd");
  if (!(config.norm_eps >= 0 && config.norm_eps < 1))
    return refuse("the norm's epsilon is not between 0 and 1");
  if (!(std::isfinite(config.rope_theta) && config.rope_theta > 0))
    return refuse("the rotary base is not a positive number");
  return {};
}

base::Result<Config> config_from_hf(const json::Value& value, const std::string& file) {
  if (!value.is_object())
    return base::fail(Code::Malformed, file + ": not a JSON object", file, "MODEL_FILE_MALFORMED");
  TRY_VOID(check_features(value, file));
  Config config;
  Fields fields(value, file);
  fields.size("vocab_size", &config.vocab_size);
  fields.size("hidden_size", &config.dim);
  fields.size("intermediate_size", &config.hidden_dim);
  fields.size("num_hidden_layers", &config.layers);
  fields.size("num_attention_heads", &config.heads);
  config.kv_heads = config.heads;
  fields.size("num_key_value_heads", &config.kv_heads, false);
  config.head_dim = config.heads > 0 ? config.dim / config.heads : 0;
  fields.size("head_dim", &config.head_dim, false);
  config.context_length = 2048;
  fields.size("max_position_embeddings", &config.context_length, false);
  double norm_eps = 1e-6;  // what LlamaConfig takes when the file is silent
  fields.real("rms_norm_eps", &norm_eps);
  config.norm_eps = static_cast<float>(norm_eps);
  fields.boolean("tie_word_embeddings", &config.tied_embeddings);
  // Newer files put the rotary numbers into rope_parameters.
  const json::Value& rotary =
      value["rope_parameters"].is_object() ? value["rope_parameters"] : value;
  Fields rotary_fields(rotary, file);
  rotary_fields.real("rope_theta", &config.rope_theta);
  TRY_VOID(fields.status());
  TRY_VOID(rotary_fields.status());
  TRY(config.rope_scaling,
      read_scaling(value["rope_parameters"].is_object() ? rotary : value["rope_scaling"], file));
  TRY_VOID(check_config(config, file));
  return config;
}

json::Value config_to_hf(const Config& config, std::string_view torch_dtype) {
  json::Value scaling;
  const RopeScaling& rope = config.rope_scaling;
  if (rope.kind == RopeScaling::Kind::Linear)
    scaling = json::Object{{"rope_type", "linear"}, {"factor", rope.factor}};
  if (rope.kind == RopeScaling::Kind::Llama3) {
    scaling = json::Object{{"rope_type", "llama3"},
                           {"factor", rope.factor},
                           {"low_freq_factor", rope.low_frequency_factor},
                           {"high_freq_factor", rope.high_frequency_factor},
                           {"original_max_position_embeddings", rope.original_context_length}};
  }
  return json::Object{{"architectures", json::Array{config.architecture}},
                      {"model_type", "llama"},
                      {"attention_bias", false},
                      {"mlp_bias", false},
                      {"hidden_act", "silu"},
                      {"vocab_size", config.vocab_size},
                      {"hidden_size", config.dim},
                      {"intermediate_size", config.hidden_dim},
                      {"num_hidden_layers", config.layers},
                      {"num_attention_heads", config.heads},
                      {"num_key_value_heads", config.kv_heads},
                      {"head_dim", config.head_dim},
                      {"max_position_embeddings", config.context_length},
                      {"rms_norm_eps", shortest(config.norm_eps)},
                      {"rope_theta", config.rope_theta},
                      {"rope_scaling", std::move(scaling)},
                      {"tie_word_embeddings", config.tied_embeddings},
                      {"torch_dtype", torch_dtype}};
}

int64_t parameter_count(const Config& config) {
  int64_t count = 0;
  for (const ParameterSpec& spec : parameter_specs(config)) {
    int64_t product = 1;
    for (const int64_t extent : spec.shape) product *= extent;
    count += product;
  }
  return count;
}

std::vector<float> rope_table(const Config& config, int64_t positions) {
  const int64_t half = config.head_dim / 2;
  std::vector<float> table(static_cast<size_t>(positions * half * 2));
  for (int64_t pair = 0; pair < half; ++pair) {
    const double exponent = -2.0 * static_cast<double>(pair) / static_cast<double>(config.head_dim);
    const double frequency =
        scaled_frequency(std::pow(config.rope_theta, exponent), config.rope_scaling);
    for (int64_t position = 0; position < positions; ++position) {
      const double angle = static_cast<double>(position) * frequency;
      float* at = &table[static_cast<size_t>((position * half + pair) * 2)];
      at[0] = static_cast<float>(std::cos(angle));
      at[1] = static_cast<float>(std::sin(angle));
    }
  }
  return table;
}

}  // namespace model
