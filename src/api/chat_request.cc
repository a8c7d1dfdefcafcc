#include "api/chat_request.h"

#include <algorithm>
#include <charconv>

#include "api/errors.h"
#include "api/parameter.h"

namespace api {
namespace {

using base::Status;

constexpr std::string_view kRoles[] = {"system", "assistant", "user", "developer"};

// Accepted and without effect here.
constexpr std::string_view kIgnored[] = {"user",
                                         "safety_identifier",
                                         "prompt_cache_key",
                                         "prompt_cache_options",
                                         "prompt_cache_retention",
                                         "metadata",
                                         "store",
                                         "service_tier",
                                         "verbosity",
                                         "reasoning_effort",
                                         "prediction",
                                         "moderation",
                                         "parallel_tool_calls"};
constexpr std::string_view kRead[] = {"model",
                                      "messages",
                                      "temperature",
                                      "top_p",
                                      "presence_penalty",
                                      "frequency_penalty",
                                      "max_tokens",
                                      "max_completion_tokens",
                                      "n",
                                      "stop",
                                      "stream",
                                      "stream_options",
                                      "seed",
                                      "logprobs",
                                      "top_logprobs",
                                      "logit_bias",
                                      "response_format",
                                      "modalities"};
// Known, and refused by name.
constexpr std::string_view kUnsupported[] = {"tools",         "tool_choice", "functions",
                                             "function_call", "audio",       "web_search_options"};

bool contains(std::span<const std::string_view> list, std::string_view name) {
  return std::ranges::find(list, name) != list.end();
}

Status check_names(const json::Value& body, bool tolerate_unknown) {
  for (const auto& [name, value] : body.as_object()) {
    if (contains(kUnsupported, name) && !value.is_null()) {
      const bool empty = value.is_array() && value.as_array().empty();
      const bool none = value.is_string() && value.as_string() == "none";
      if (!empty && !none) return unsupported(name, "is not supported with this model.");
    } else if (!tolerate_unknown && !contains(kRead, name) && !contains(kIgnored, name) &&
               !contains(kUnsupported, name)) {
      return refuse_parameter("unknown_parameter", name, "Unknown parameter: '" + name + "'.");
    }
  }
  return {};
}

base::Result<std::string> read_part(const json::Value& part, const std::string& path) {
  if (!part.is_object()) return wrong_type(path, "an object", part);
  const json::Value* type = find_parameter(part, "type");
  if (type == nullptr) return missing(path + ".type");
  if (!type->is_string()) return wrong_type(path + ".type", "a string", *type);
  if (type->as_string() != "text") {
    return refuse_parameter(
        "invalid_value", path + ".type",
        "Invalid value: '" + type->as_string() + "'. Supported values are: 'text'.");
  }
  const json::Value* text = find_parameter(part, "text");
  if (text == nullptr) return missing(path + ".text");
  if (!text->is_string()) return wrong_type(path + ".text", "a string", *text);
  return text->as_string();
}

// A string, or the text parts of a list put together.
base::Result<std::string> read_content(const json::Value& content, const std::string& path) {
  if (content.is_string()) return content.as_string();
  if (!content.is_array()) return wrong_type(path, "one of a string or array of objects", content);
  std::string text;
  const json::Array& parts = content.as_array();
  for (size_t i = 0; i < parts.size(); ++i) {
    TRY(const std::string part, read_part(parts[i], path + "[" + std::to_string(i) + "]"));
    text += part;
  }
  return text;
}

base::Result<json::Value> read_message(const json::Value& message, size_t index) {
  const std::string path = "messages[" + std::to_string(index) + "]";
  const std::string dotted = "messages.[" + std::to_string(index) + "]";
  if (!message.is_object()) return wrong_type(path, "an object", message);
  const json::Value* role = find_parameter(message, "role");
  if (role == nullptr) return missing(path + ".role");
  if (!role->is_string()) return wrong_type(path + ".role", "a string", *role);
  if (role->as_string() == "tool" || role->as_string() == "function") {
    return refuse_parameter("", dotted + ".role",
                            "Invalid parameter: messages with role 'tool' must be a response to a "
                            "preceeding message with 'tool_calls'.");
  }
  if (!contains(kRoles, role->as_string())) {
    return refuse_parameter(
        "invalid_value", path + ".role",
        "Invalid value: '" + role->as_string() +
            "'. Supported values are: 'system', 'assistant', 'user', 'developer'.");
  }
  for (const std::string name : {"tool_calls", "function_call", "audio"}) {
    const json::Value* value = find_parameter(message, name);
    if (value != nullptr && !(value->is_array() && value->as_array().empty())) {
      return unsupported(path + "." + name, "is not supported with this model.");
    }
  }
  const json::Value* content = find_parameter(message, "content");
  if (content == nullptr) content = find_parameter(message, "refusal");
  if (content == nullptr) return missing(path + ".content");
  TRY(std::string text, read_content(*content, path + ".content"));
  const bool developer = role->as_string() == "developer";
  return json::Value(json::Object{{"role", developer ? "system" : role->as_string()},
                                  {"content", std::move(text)}});
}

base::Result<json::Value> read_messages(const json::Value& body) {
  const json::Value* messages = find_parameter(body, "messages");
  if (messages == nullptr) return missing("messages");
  if (!messages->is_array()) return wrong_type("messages", "an array of objects", *messages);
  if (messages->as_array().empty()) {
    return refuse_parameter("empty_array", "messages",
                            "Invalid 'messages': empty array. Expected an array with minimum "
                            "length 1, but got an empty array instead.");
  }
  json::Array out;
  for (size_t i = 0; i < messages->as_array().size(); ++i) {
    TRY(json::Value message, read_message(messages->as_array()[i], i));
    out.push_back(std::move(message));
  }
  return json::Value(std::move(out));
}

base::Result<std::string> read_model(const json::Value& body) {
  const json::Value* model = find_parameter(body, "model");
  if (model == nullptr) return refuse_parameter("", "", "you must provide a model parameter");
  if (!model->is_string()) return wrong_type("model", "a string", *model);
  if (model->as_string().empty())
    return refuse_parameter("", "", "you must provide a model parameter");
  return model->as_string();
}

Status read_max_tokens(const json::Value& body, gateway::Generation* request) {
  TRY(const auto old_name, read_integer(body, "max_tokens", 1, INT32_MAX));
  TRY(const auto new_name, read_integer(body, "max_completion_tokens", 1, INT32_MAX));
  if (old_name && new_name) {
    return refuse_parameter("invalid_value", "max_tokens",
                            "Setting 'max_tokens' and 'max_completion_tokens' at the same "
                            "time is not supported.");
  }
  if (new_name || old_name) request->max_tokens = new_name ? new_name : old_name;
  return {};
}

Status read_stop(const json::Value& body, gateway::Generation* request) {
  const json::Value* stop = find_parameter(body, "stop");
  if (stop == nullptr) return {};
  if (stop->is_string()) {
    if (!stop->as_string().empty()) request->stop = {stop->as_string()};
    return {};
  }
  if (!stop->is_array()) return wrong_type("stop", "one of a string or array of strings", *stop);
  const json::Array& list = stop->as_array();
  if (list.size() > 4) {
    return refuse_parameter("array_above_max_length", "stop",
                            "Invalid 'stop': array too long. Expected an array with "
                            "maximum length 4, but got an array with length " +
                                std::to_string(list.size()) + " instead.");
  }
  for (size_t i = 0; i < list.size(); ++i) {
    if (!list[i].is_string())
      return wrong_type("stop[" + std::to_string(i) + "]", "a string", list[i]);
    if (!list[i].as_string().empty()) request->stop.push_back(list[i].as_string());
  }
  return {};
}

Status read_stream(const json::Value& body, ChatCall* call) {
  TRY(const auto stream, read_boolean(body, "stream"));
  call->stream = stream.value_or(false);
  const json::Value* options = find_parameter(body, "stream_options");
  if (options == nullptr) return {};
  if (!call->stream) {
    return refuse_parameter(
        "", "stream_options",
        "The 'stream_options' parameter is only allowed when 'stream' is enabled.");
  }
  if (!options->is_object()) return wrong_type("stream_options", "an object", *options);
  TRY(const auto include_usage, read_boolean(*options, "include_usage"));
  TRY_VOID(read_boolean(*options, "include_obfuscation"));
  call->include_usage = include_usage.value_or(false);
  return {};
}

Status read_logprobs(const json::Value& body, ChatCall* call) {
  TRY(const auto logprobs, read_boolean(body, "logprobs"));
  TRY(const auto top, read_integer(body, "top_logprobs", 0, 20));
  call->logprobs = logprobs.value_or(false);
  if (top && !call->logprobs) {
    return refuse_parameter(
        "", "top_logprobs",
        "The 'top_logprobs' parameter is only allowed when 'logprobs' is enabled.");
  }
  call->request.sampling.logprobs = call->logprobs;
  call->request.sampling.top_logprobs = static_cast<int>(top.value_or(0));
  return {};
}

Status read_logit_bias(const json::Value& body, gateway::Generation* request) {
  const json::Value* bias = find_parameter(body, "logit_bias");
  if (bias == nullptr) return {};
  if (!bias->is_object()) return wrong_type("logit_bias", "an object", *bias);
  for (const auto& [name, value] : bias->as_object()) {
    const std::string path = "logit_bias." + name;
    int32_t token = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), token);
    if (error != std::errc() || end != name.data() + name.size() || token < 0) {
      return refuse_parameter("invalid_value", "logit_bias",
                              "Invalid key in 'logit_bias': " + name.substr(0, 40) +
                                  ". You should only be submitting non-negative integers.");
    }
    if (!value.is_number()) return wrong_type(path, "a decimal", value);
    TRY(const auto checked, read_decimal(*bias, name, -100, 100));
    request->sampling.logit_bias.emplace_back(token, static_cast<float>(*checked));
  }
  return {};
}

Status read_formats(const json::Value& body) {
  if (const json::Value* format = find_parameter(body, "response_format")) {
    if (!format->is_object()) return wrong_type("response_format", "an object", *format);
    const json::Value* type = find_parameter(*format, "type");
    if (type == nullptr) return missing("response_format.type");
    if (!type->is_string()) return wrong_type("response_format.type", "a string", *type);
    if (type->as_string() != "text") {
      return unsupported("response_format",
                         "of type '" + type->as_string().substr(0, 40) +
                             "' is not supported with this model; the one that is: 'text'.");
    }
  }
  if (const json::Value* modalities = find_parameter(body, "modalities")) {
    const bool text_only = modalities->is_array() && modalities->as_array().size() == 1 &&
                           modalities->as_array()[0] == json::Value("text");
    if (!text_only)
      return unsupported("modalities", "other than [\"text\"] is not supported with this model.");
  }
  return {};
}

Status read_sampling(const json::Value& body, gateway::Generation* request) {
  TRY(const auto temperature, read_decimal(body, "temperature", 0, 2));
  TRY(const auto top_p, read_decimal(body, "top_p", 0, 1));
  TRY(const auto presence, read_decimal(body, "presence_penalty", -2, 2));
  TRY(const auto frequency, read_decimal(body, "frequency_penalty", -2, 2));
  TRY(const auto seed, read_integer(body, "seed", INT64_MIN, INT64_MAX));
  TRY(const auto choices, read_integer(body, "n", 1, 128));
  if (temperature) request->temperature = static_cast<float>(*temperature);
  if (top_p) request->top_p = static_cast<float>(*top_p);
  request->sampling.presence_penalty = static_cast<float>(presence.value_or(0));
  request->sampling.frequency_penalty = static_cast<float>(frequency.value_or(0));
  if (seed) request->sampling.seed = static_cast<uint64_t>(*seed);
  request->choices = static_cast<int>(choices.value_or(1));
  return {};
}

}  // namespace

base::Result<ChatCall> parse_chat_request(const json::Value& body,
                                          bool tolerate_unknown_parameters) {
  ChatCall call;
  TRY(call.request.model, read_model(body));
  TRY(json::Value messages, read_messages(body));
  call.request.input = gateway::Messages{std::move(messages)};
  TRY_VOID(check_names(body, tolerate_unknown_parameters));
  TRY_VOID(read_sampling(body, &call.request));
  TRY_VOID(read_max_tokens(body, &call.request));
  TRY_VOID(read_stop(body, &call.request));
  TRY_VOID(read_stream(body, &call));
  TRY_VOID(read_logprobs(body, &call));
  TRY_VOID(read_logit_bias(body, &call.request));
  TRY_VOID(read_formats(body));
  return call;
}

}  // namespace api
