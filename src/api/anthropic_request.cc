#include "api/anthropic_request.h"

#include <algorithm>

#include "api/anthropic_messages.h"
#include "api/errors.h"
#include "api/generation_request.h"
#include "api/parameter.h"

namespace api {
namespace {

using gateway::ToolChoice;

constexpr std::string_view kChoices[] = {"auto", "any", "tool", "none"};
constexpr std::string_view kEfforts[] = {"low", "medium", "high", "xhigh", "max"};

constexpr Field kToolFields[] = {
    {.name = "name", .kinds = kString, .required = true, .min = 1, .max = 128, .name_only = true},
    {.name = "type", .kinds = kString},
    {.name = "description", .kinds = kString},
    {.name = "input_schema", .kinds = kObject},
    {.name = "strict", .kinds = kBoolean},
};
constexpr Schema kTool{"AnthropicTool", kToolFields, true};
constexpr Field kChoiceFields[] = {
    {.name = "type", .kinds = kString, .required = true, .values = kChoices},
    {.name = "name", .kinds = kString},
    {.name = "disable_parallel_tool_use", .kinds = kBoolean},
};
constexpr Schema kChoice{"AnthropicToolChoice", kChoiceFields};
constexpr Field kFormatFields[] = {
    {.name = "type", .kinds = kString, .required = true},
    {.name = "schema", .kinds = kObject, .required = true},
};
constexpr Schema kFormat{"AnthropicOutputFormat", kFormatFields, true};
constexpr Field kOutputFields[] = {
    {.name = "effort", .kinds = kString, .values = kEfforts},
    {.name = "format", .kinds = kObject, .schema = &kFormat},
};
constexpr Schema kOutput{"AnthropicOutputConfig", kOutputFields, true};

constexpr Field kModel{.name = "model", .kinds = kString, .required = true, .min = 1};
constexpr Field kMessages{.name = "messages",
                          .kinds = kArray,
                          .required = true,
                          .min = 1,
                          .schema = &kAnthropicTurnSchema,
                          .elements = kObject};
constexpr Field kSystem{.name = "system",
                        .kinds = kString | kArray,
                        .schema = &kAnthropicBlockSchema,
                        .elements = kObject};
constexpr Field kTools{
    .name = "tools", .kinds = kArray, .max = 128, .schema = &kTool, .elements = kObject};
constexpr Field kToolChoiceField{.name = "tool_choice", .kinds = kObject, .schema = &kChoice};
constexpr Field kThinking{.name = "thinking", .kinds = kObject};
constexpr Field kOutputConfig{.name = "output_config", .kinds = kObject, .schema = &kOutput};
constexpr Field kOutputFormat{.name = "output_format",
                              .kinds = kObject,
                              .schema = &kFormat,
                              .summary = "the older place of output_config.format"};
constexpr Field kCacheControl{.name = "cache_control", .kinds = kObject};
// Of Anthropic's own service; without effect.
constexpr Field kSpeed{.name = "speed", .kinds = kString};
constexpr Field kProfile{.name = "user_profile_id", .kinds = kString};
constexpr Field kWorkspace{.name = "workspace_id", .kinds = kString};

constexpr Field kFields[] = {
    kModel,
    kMessages,
    {.name = "max_tokens", .kinds = kInteger, .required = true, .min = 1, .max = INT32_MAX},
    kSystem,
    {.name = "temperature", .kinds = kDecimal, .min = 0, .max = 1},
    {.name = "top_p", .kinds = kDecimal, .min = 0, .max = 1},
    {.name = "top_k", .kinds = kInteger, .min = 0, .max = INT32_MAX},
    {.name = "stop_sequences", .kinds = kArray, .max = 16, .elements = kString},
    {.name = "stream", .kinds = kBoolean},
    kTools,
    kToolChoiceField,
    kThinking,
    kOutputConfig,
    kOutputFormat,
    kCacheControl,
    kSpeed,
    kProfile,
    kWorkspace,
    {.name = "container"},
    {.name = "diagnostics"},
    {.name = "context_management"},
    {.name = "inference_geo", .kinds = kString},
    {.name = "metadata", .kinds = kObject},
    {.name = "service_tier", .kinds = kString},
};
constexpr Field kCountFields[] = {kModel,        kMessages,     kSystem,          kTools,
                                  kThinking,     kOutputConfig, kToolChoiceField, kOutputFormat,
                                  kCacheControl, kSpeed,        kProfile,         kWorkspace};

base::Status read_tools(const json::Value& body, gateway::Generation* generation) {
  const json::Value* tools = find_parameter(body, "tools");
  if (tools == nullptr) return {};
  for (size_t i = 0; i < tools->as_array().size(); ++i) {
    const json::Value& tool = tools->as_array()[i];
    const std::string path = "tools." + std::to_string(i);
    const json::Value* type = find_parameter(tool, "type");
    if (type != nullptr && type->as_string() != "custom") {
      return refuse_parameter("unsupported_value", path + ".type",
                              path + ".type: the tool '" + type->as_string().substr(0, 80) +
                                  "' is not offered here; only tools of your own are.");
    }
    const json::Value* schema = find_parameter(tool, "input_schema");
    if (schema == nullptr) return missing(path + ".input_schema");
    gateway::Tool out;
    out.name = tool["name"].as_string();
    out.parameters = *schema;
    if (const json::Value* text = find_parameter(tool, "description"))
      out.description = text->as_string();
    if (const json::Value* strict = find_parameter(tool, "strict")) out.strict = strict->as_bool();
    if (std::ranges::find(generation->tools, out.name, &gateway::Tool::name) !=
        generation->tools.end())
      return refuse_parameter("invalid_value", path, "tools: Tool names must be unique.");
    generation->tools.push_back(std::move(out));
  }
  return {};
}

base::Status read_choice(const json::Value& body, gateway::Generation* generation) {
  const json::Value* choice = find_parameter(body, "tool_choice");
  if (choice == nullptr) return {};
  const std::string& type = (*choice)["type"].as_string();
  if (const json::Value* alone = find_parameter(*choice, "disable_parallel_tool_use"))
    generation->parallel_tool_calls = !alone->as_bool();
  if (generation->tools.empty() && (type == "any" || type == "tool")) {
    return refuse_parameter("invalid_value", "tool_choice",
                            "tool_choice: only allowed when 'tools' are given.");
  }
  if (type == "none") generation->tool_choice = ToolChoice::None;
  if (type == "any") generation->tool_choice = ToolChoice::Required;
  if (type != "tool") return {};
  const json::Value* name = find_parameter(*choice, "name");
  if (name == nullptr) return missing("tool_choice.name");
  if (std::ranges::find(generation->tools, name->as_string(), &gateway::Tool::name) ==
      generation->tools.end()) {
    return refuse_parameter(
        "invalid_value", "tool_choice",
        "tool_choice: Tool '" + name->as_string().substr(0, 80) + "' not found in provided tools");
  }
  generation->tool_choice = ToolChoice::Named;
  generation->tool_name = name->as_string();
  return {};
}

base::Status read_output(const json::Value& body, gateway::Generation* generation) {
  const json::Value* format = find_parameter(body, "output_format");
  std::string path = "output_format.type";
  if (const json::Value* output = find_parameter(body, "output_config")) {
    if (const json::Value* effort = find_parameter(*output, "effort"))
      generation->reasoning_effort = effort->as_string();
    if (const json::Value* inner = find_parameter(*output, "format")) {
      format = inner;
      path = "output_config.format.type";
    }
  }
  if (format == nullptr) return {};
  if ((*format)["type"].as_string() != "json_schema")
    return refuse_parameter("invalid_value", path, path + ": the one format is 'json_schema'.");
  generation->format.kind = gateway::OutputFormat::Kind::JsonSchema;
  generation->format.name = "output";
  generation->format.schema = (*format)["schema"];
  generation->format.strict = true;
  return {};
}

}  // namespace

const Schema kAnthropicMessageSchema{"AnthropicCreateMessage", kFields};
const Schema kAnthropicCountSchema{"AnthropicCountTokens", kCountFields};

base::Result<AnthropicCall> parse_anthropic_request(const json::Value& body) {
  AnthropicCall call;
  gateway::Generation& generation = call.generation;
  generation.model = body["model"].as_string();
  TRY(AnthropicMessages messages, read_anthropic_messages(body["system"], body["messages"]));
  TRY_VOID(read_sampling(body, &generation));
  TRY_VOID(read_tools(body, &generation));
  TRY_VOID(read_choice(body, &generation));
  TRY_VOID(read_output(body, &generation));
  if (const json::Value* limit = find_parameter(body, "max_tokens"))
    generation.max_tokens = limit->as_int();
  if (const json::Value* top_k = find_parameter(body, "top_k"))
    generation.sampling.top_k = static_cast<int>(top_k->as_int());
  if (const json::Value* stops = find_parameter(body, "stop_sequences")) {
    for (const json::Value& stop : stops->as_array()) {
      if (!stop.as_string().empty()) generation.stop.push_back(stop.as_string());
    }
  }
  if (const json::Value* stream = find_parameter(body, "stream")) call.stream = stream->as_bool();
  call.local_refusal = std::move(messages.local_refusal);
  generation.input = gateway::Messages{std::move(messages.list)};
  return call;
}

}  // namespace api
