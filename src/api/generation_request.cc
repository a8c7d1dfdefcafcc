#include "api/generation_request.h"

#include <charconv>

#include "api/errors.h"
#include "api/parameter.h"

namespace api {
namespace {

constexpr Field kStreamOptionsFields[] = {
    {.name = "include_usage", .kinds = kBoolean},
    {.name = "include_obfuscation", .kinds = kBoolean},
};

void read_stop(const json::Value& body, gateway::Generation* generation) {
  const json::Value* stop = find_parameter(body, "stop");
  if (stop == nullptr) return;
  const auto add = [generation](const std::string& text) {
    if (!text.empty()) generation->stop.push_back(text);
  };
  if (stop->is_string()) return add(stop->as_string());
  for (const json::Value& text : stop->as_array()) add(text.as_string());
}

base::Status read_logit_bias(const json::Value& body, gateway::Generation* generation) {
  const json::Value* bias = find_parameter(body, "logit_bias");
  if (bias == nullptr) return {};
  for (const auto& [name, value] : bias->as_object()) {
    int32_t token = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), token);
    if (error != std::errc() || end != name.data() + name.size() || token < 0) {
      return refuse_parameter("invalid_value", "logit_bias",
                              "Invalid key in 'logit_bias': " + name.substr(0, 40) +
                                  ". You should only be submitting non-negative integers.");
    }
    const std::string path = "logit_bias." + name;
    if (!value.is_number()) return wrong_type(path, "a decimal", value);
    TRY_VOID(check_range(value, false, -100, 100, path));
    generation->sampling.logit_bias.emplace_back(token, static_cast<float>(value.as_double()));
  }
  return {};
}

float decimal_or(const json::Value& body, std::string_view name, float otherwise) {
  const json::Value* value = find_parameter(body, name);
  return value == nullptr ? otherwise : static_cast<float>(value->as_double());
}

}  // namespace

const Schema kStreamOptionsSchema{"ChatCompletionStreamOptions", kStreamOptionsFields};
const Schema kLogitBiasSchema{"LogitBias", {}, true};

base::Status read_sampling(const json::Value& body, gateway::Generation* generation) {
  if (const json::Value* value = find_parameter(body, "temperature"))
    generation->temperature = static_cast<float>(value->as_double());
  if (const json::Value* value = find_parameter(body, "top_p"))
    generation->top_p = static_cast<float>(value->as_double());
  generation->sampling.presence_penalty = decimal_or(body, "presence_penalty", 0);
  generation->sampling.frequency_penalty = decimal_or(body, "frequency_penalty", 0);
  if (const json::Value* value = find_parameter(body, "seed"))
    generation->sampling.seed = static_cast<uint64_t>(value->as_int());
  if (const json::Value* value = find_parameter(body, "n"))
    generation->choices = static_cast<int>(value->as_int());
  generation->best_of = generation->choices;
  read_stop(body, generation);
  return read_logit_bias(body, generation);
}

base::Result<Delivery> read_delivery(const json::Value& body) {
  Delivery delivery;
  if (const json::Value* stream = find_parameter(body, "stream"))
    delivery.stream = stream->as_bool();
  const json::Value* options = find_parameter(body, "stream_options");
  if (options == nullptr) return delivery;
  if (!delivery.stream) {
    return refuse_parameter(
        "", "stream_options",
        "The 'stream_options' parameter is only allowed when 'stream' is enabled.");
  }
  if (const json::Value* usage = find_parameter(*options, "include_usage"))
    delivery.include_usage = usage->as_bool();
  return delivery;
}

base::Result<std::string> read_model(const json::Value& body) {
  const std::string& model = body["model"].as_string();
  if (model.empty()) return refuse_parameter("", "", "you must provide a model parameter");
  return model;
}

void copy_parameters(const json::Value& body, std::span<const std::string_view> names,
                     json::Object* out) {
  for (const std::string_view name : names) {
    if (const json::Value* value = find_parameter(body, name)) out->emplace_back(name, *value);
  }
}

void identify(const Call& call, gateway::Generation* generation) {
  generation->request_id = call.request_id;
  generation->received_ns = call.request().received_ns;
  generation->traceparent = call.traceparent();
  generation->batch = call.batch;
}

}  // namespace api
