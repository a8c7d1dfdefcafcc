#include "api/tool_request.h"

#include <algorithm>

#include "api/errors.h"
#include "api/parameter.h"

namespace api {
namespace {

using gateway::OutputFormat;
using gateway::ToolChoice;

constexpr std::string_view kToolTypes[] = {"function", "custom"};
constexpr std::string_view kFormatTypes[] = {"text", "json_object", "json_schema"};

constexpr Field kFunctionFields[] = {
    {.name = "name", .kinds = kString, .required = true, .min = 1, .max = 64, .name_only = true},
    {.name = "description", .kinds = kString},
    {.name = "parameters", .kinds = kObject},
    {.name = "strict", .kinds = kBoolean},
};
constexpr Field kToolFields[] = {
    {.name = "type", .kinds = kString, .required = true, .values = kToolTypes},
    {.name = "function", .kinds = kObject, .schema = &kChatFunctionSchema},
    {.name = "custom", .kinds = kObject},
};
constexpr Field kJsonSchemaFields[] = {
    {.name = "name", .kinds = kString, .required = true, .min = 1, .max = 64, .name_only = true},
    {.name = "description", .kinds = kString},
    {.name = "schema", .kinds = kObject},
    {.name = "strict", .kinds = kBoolean},
};
constexpr Schema kJsonSchema{"ResponseFormatJsonSchema", kJsonSchemaFields};
constexpr Field kFormatFields[] = {
    {.name = "type", .kinds = kString, .required = true, .values = kFormatTypes},
    {.name = "json_schema", .kinds = kObject, .schema = &kJsonSchema},
};

gateway::Tool tool_of(const json::Value& function) {
  gateway::Tool tool;
  tool.name = function["name"].as_string();
  if (const json::Value* text = find_parameter(function, "description"))
    tool.description = text->as_string();
  if (const json::Value* schema = find_parameter(function, "parameters")) tool.parameters = *schema;
  if (const json::Value* strict = find_parameter(function, "strict"))
    tool.strict = strict->as_bool();
  return tool;
}

base::Status add_tool(const json::Value& function, const std::string& path,
                      gateway::Generation* generation) {
  gateway::Tool tool = tool_of(function);
  if (std::ranges::find(generation->tools, tool.name, &gateway::Tool::name) !=
      generation->tools.end()) {
    return refuse_parameter("invalid_value", path + ".name",
                            "Invalid value for '" + path + ".name': the name '" + tool.name +
                                "' is taken by another tool; names must be unique.");
  }
  generation->tools.push_back(std::move(tool));
  return {};
}

base::Status read_tools(const json::Array& tools, gateway::Generation* generation) {
  for (size_t i = 0; i < tools.size(); ++i) {
    const std::string path = "tools[" + std::to_string(i) + "]";
    if (tools[i]["type"].as_string() != "function") {
      return refuse_parameter(
          "unsupported_value", path + ".type",
          "Unsupported value: '" + path + ".type' does not support 'custom' with this model.");
    }
    const json::Value* function = find_parameter(tools[i], "function");
    if (function == nullptr) return missing(path + ".function");
    TRY_VOID(add_tool(*function, path + ".function", generation));
  }
  return {};
}

base::Status choose_named(const std::string& name, std::string_view parameter,
                          std::string_view list, gateway::Generation* generation) {
  if (std::ranges::find(generation->tools, name, &gateway::Tool::name) == generation->tools.end()) {
    return refuse_parameter("", std::string(parameter),
                            "Invalid value for '" + std::string(parameter) +
                                "': no function named '" + name.substr(0, 80) +
                                "' was specified in the '" + std::string(list) + "' parameter.");
  }
  generation->tool_choice = ToolChoice::Named;
  generation->tool_name = name;
  return {};
}

// {"type": "function", "function": {"name": …}}
base::Status read_choice_object(const json::Value& choice, gateway::Generation* generation) {
  const json::Value* type = find_parameter(choice, "type");
  if (type == nullptr) return missing("tool_choice.type");
  if (!type->is_string()) return wrong_type("tool_choice.type", "a string", *type);
  if (type->as_string() == "allowed_tools" || type->as_string() == "custom") {
    return refuse_parameter("unsupported_value", "tool_choice.type",
                            "Unsupported value: 'tool_choice.type' does not support '" +
                                type->as_string() + "' with this model.");
  }
  if (type->as_string() != "function") {
    return refuse_parameter("invalid_value", "tool_choice.type",
                            "Invalid value: '" + type->as_string().substr(0, 80) +
                                "'. Supported values are: 'function', 'allowed_tools', and "
                                "'custom'.");
  }
  const json::Value* function = find_parameter(choice, "function");
  if (function == nullptr) return missing("tool_choice.function");
  if (!function->is_object()) return wrong_type("tool_choice.function", "an object", *function);
  const json::Value* name = find_parameter(*function, "name");
  if (name == nullptr) return missing("tool_choice.function.name");
  if (!name->is_string()) return wrong_type("tool_choice.function.name", "a string", *name);
  return choose_named(name->as_string(), "tool_choice", "tools", generation);
}

base::Status read_tool_choice(const json::Value& body, gateway::Generation* generation) {
  const json::Value* choice = find_parameter(body, "tool_choice");
  if (choice == nullptr) return {};
  if (generation->tools.empty()) {
    return refuse_parameter("", "tool_choice",
                            "Invalid value for 'tool_choice': 'tool_choice' is only allowed when "
                            "'tools' are specified.");
  }
  if (choice->is_object()) return read_choice_object(*choice, generation);
  const std::string& word = choice->as_string();
  if (word == "auto") return {};
  if (word != "none" && word != "required") {
    return refuse_parameter("invalid_value", "tool_choice",
                            "Invalid value: '" + word.substr(0, 80) +
                                "'. Supported values are: 'none', 'auto', and 'required'.");
  }
  generation->tool_choice = word == "none" ? ToolChoice::None : ToolChoice::Required;
  return {};
}

// The form before tools: at most one call, chosen by name, or not.
base::Status read_functions(const json::Array& functions, const json::Value& body,
                            gateway::Generation* generation) {
  for (size_t i = 0; i < functions.size(); ++i)
    TRY_VOID(add_tool(functions[i], "functions[" + std::to_string(i) + "]", generation));
  generation->parallel_tool_calls = false;
  const json::Value* choice = find_parameter(body, "function_call");
  if (choice == nullptr) return {};
  if (choice->is_string()) {
    if (choice->as_string() == "none") generation->tool_choice = ToolChoice::None;
    if (choice->as_string() == "none" || choice->as_string() == "auto") return {};
    return refuse_parameter("invalid_value", "function_call",
                            "Invalid value: '" + choice->as_string().substr(0, 80) +
                                "'. Supported values are: 'none' and 'auto'.");
  }
  const json::Value* name = find_parameter(*choice, "name");
  if (name == nullptr) return missing("function_call.name");
  if (!name->is_string()) return wrong_type("function_call.name", "a string", *name);
  return choose_named(name->as_string(), "function_call", "functions", generation);
}

}  // namespace

const Schema kChatFunctionSchema{"FunctionObject", kFunctionFields};
const Schema kChatToolSchema{"ChatTool", kToolFields};
const Schema kResponseFormatSchema{"ResponseFormat", kFormatFields};

base::Status read_chat_tools(const json::Value& body, gateway::Generation* generation) {
  const json::Value* tools = find_parameter(body, "tools");
  const json::Value* functions = find_parameter(body, "functions");
  const bool both = tools != nullptr && functions != nullptr;
  if (both) {
    return refuse_parameter("", "functions",
                            "'functions' and 'tools' cannot be specified together; use 'tools'.");
  }
  if (functions != nullptr) {
    TRY_VOID(read_functions(functions->as_array(), body, generation));
  } else if (find_parameter(body, "function_call") != nullptr) {
    return refuse_parameter("", "function_call",
                            "Invalid value for 'function_call': 'function_call' is only allowed "
                            "when 'functions' are specified.");
  }
  if (tools != nullptr) TRY_VOID(read_tools(tools->as_array(), generation));
  if (const json::Value* parallel = find_parameter(body, "parallel_tool_calls"))
    generation->parallel_tool_calls = parallel->as_bool();
  return read_tool_choice(body, generation);
}

base::Status read_response_format(const json::Value& body, gateway::Generation* generation) {
  const json::Value* format = find_parameter(body, "response_format");
  if (format == nullptr) return {};
  const std::string& type = (*format)["type"].as_string();
  if (type == "text") return {};
  if (type == "json_object") {
    generation->format.kind = OutputFormat::Kind::JsonObject;
    return {};
  }
  const json::Value* described = find_parameter(*format, "json_schema");
  if (described == nullptr) return missing("response_format.json_schema");
  OutputFormat& out = generation->format;
  out.kind = OutputFormat::Kind::JsonSchema;
  out.name = (*described)["name"].as_string();
  if (const json::Value* strict = find_parameter(*described, "strict"))
    out.strict = strict->as_bool();
  const json::Value* schema = find_parameter(*described, "schema");
  if (schema == nullptr) return missing("response_format.json_schema.schema");
  out.schema = *schema;
  return {};
}

}  // namespace api
