#include "api/responses_tools.h"

#include <algorithm>

#include "api/errors.h"
#include "api/parameter.h"
#include "text/json_schema_grammar.h"

namespace api {
namespace {

using gateway::OutputFormat;
using gateway::ToolChoice;

constexpr std::string_view kFormatTypes[] = {"text", "json_object", "json_schema"};
constexpr std::string_view kVerbosities[] = {"low", "medium", "high"};

constexpr Field kToolFields[] = {
    {.name = "type", .kinds = kString, .required = true},
};
constexpr Field kFunctionFields[] = {
    {.name = "type", .kinds = kString, .required = true},
    {.name = "name", .kinds = kString, .required = true, .min = 1, .max = 64},
    {.name = "description", .kinds = kString},
    {.name = "parameters", .kinds = kObject},
    {.name = "strict", .kinds = kBoolean},
};
constexpr Schema kFunctionSchema{"FunctionTool", kFunctionFields};
constexpr Field kSearchFields[] = {
    {.name = "type", .kinds = kString, .required = true},
    {.name = "vector_store_ids", .kinds = kArray, .required = true, .min = 1, .elements = kString},
    {.name = "max_num_results", .kinds = kInteger, .min = 1, .max = 50},
    {.name = "filters", .kinds = kObject},
    {.name = "ranking_options", .kinds = kObject},
};
constexpr Schema kSearchSchema{"FileSearchTool", kSearchFields};
constexpr Field kFormatFields[] = {
    {.name = "type", .kinds = kString, .required = true, .values = kFormatTypes},
    {.name = "name", .kinds = kString, .min = 1, .max = 64},
    {.name = "description", .kinds = kString},
    {.name = "schema", .kinds = kObject},
    {.name = "strict", .kinds = kBoolean},
};
constexpr Schema kFormatSchema{"TextFormat", kFormatFields};
constexpr Field kTextFields[] = {
    {.name = "format", .kinds = kObject, .schema = &kFormatSchema},
    {.name = "verbosity", .kinds = kString, .values = kVerbosities},
};

// The same check as of the body, with the tool's place in front of the parameter's name.
base::Status check_at(const json::Value& value, const Schema& schema, const std::string& path) {
  base::Status status = check_body(value, schema, false);
  if (status) return status;
  base::Error error = std::move(status).error();
  const size_t quoted = error.message.find("'" + error.where + "'");
  if (quoted != std::string::npos) error.message.insert(quoted + 1, path + ".");
  error.where = path + "." + error.where;
  return std::unexpected(std::move(error));
}

bool is_name(std::string_view name) {
  return std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  });
}

base::Status check_name(const std::string& name, const std::string& path) {
  if (is_name(name)) return {};
  return refuse_parameter("invalid_value", path,
                          "Invalid '" + path +
                              "': string does not match pattern. Expected a "
                              "string that matches the pattern '^[a-zA-Z0-9_-]+$'.");
}

// Functions are strict unless said otherwise; one whose schema cannot be kept to the letter and
// that did not ask for it is a hint.
base::Result<json::Value> read_function(const json::Value& tool, const std::string& path,
                                        gateway::Generation* generation) {
  TRY_VOID(check_at(tool, kFunctionSchema, path));
  gateway::Tool out;
  out.name = tool["name"].as_string();
  TRY_VOID(check_name(out.name, path + ".name"));
  if (std::ranges::find(generation->tools, out.name, &gateway::Tool::name) !=
      generation->tools.end()) {
    return refuse_parameter("invalid_value", path + ".name",
                            "Invalid value for '" + path + ".name': the name '" + out.name +
                                "' is taken by another tool; names must be unique.");
  }
  if (const json::Value* text = find_parameter(tool, "description"))
    out.description = text->as_string();
  out.parameters = tool["parameters"];
  const json::Value* asked = find_parameter(tool, "strict");
  out.strict = asked == nullptr || asked->as_bool();
  if (out.strict && out.parameters.is_object()) {
    const auto fits = text::compile_json_schema(out.parameters, true);
    if (!fits && asked != nullptr) {
      return refuse_parameter(
          "invalid_function_parameters", path + ".parameters",
          "Invalid schema for function '" + out.name + "': " + fits.error().message);
    }
    out.strict = fits.has_value();
  }
  json::Value shown = json::Object{{"type", "function"},
                                   {"description", tool["description"]},
                                   {"name", out.name},
                                   {"parameters", out.parameters},
                                   {"strict", out.strict}};
  generation->tools.push_back(std::move(out));
  return shown;
}

base::Result<json::Value> read_tool(const json::Value& tool, const std::string& path,
                                    gateway::Generation* generation, ResponseTools* out) {
  const std::string& type = tool["type"].as_string();
  if (type == "function") return read_function(tool, path, generation);
  if (type != "file_search") {
    return refuse_parameter("invalid_value", path + ".type",
                            "Invalid value: '" + type.substr(0, 80) +
                                "'. Supported values are: 'function' and 'file_search'. Other "
                                "hosted tools are not offered here: give the model a function of "
                                "yours instead.");
  }
  TRY_VOID(check_at(tool, kSearchSchema, path));
  if (out->search) {
    return refuse_parameter("invalid_value", path,
                            "Invalid value for '" + path +
                                "': there is a file_search already; give it all of the vector "
                                "stores.");
  }
  out->search = FileSearchTool{tool};
  return tool;
}

bool has_function(const gateway::Generation& generation, const std::string& name) {
  return std::ranges::find(generation.tools, name, &gateway::Tool::name) != generation.tools.end();
}

std::unexpected<base::Error> unknown_function(const std::string& name) {
  return refuse_parameter("", "tool_choice",
                          "Invalid value for 'tool_choice': no function named '" +
                              name.substr(0, 80) + "' was specified in the 'tools' parameter.");
}

base::Result<std::string> string_in(const json::Value& object, std::string_view name,
                                    const std::string& path) {
  const std::string member = path + "." + std::string(name);
  const json::Value* value = find_parameter(object, name);
  if (value == nullptr) return missing(member);
  if (!value->is_string()) return wrong_type(member, "a string", *value);
  return value->as_string();
}

base::Status choose_word(const std::string& word, const std::string& path,
                         gateway::Generation* generation) {
  if (word == "auto") return {};
  if (word != "none" && word != "required") {
    return refuse_parameter("invalid_value", path,
                            "Invalid value: '" + word.substr(0, 80) +
                                "'. Supported values are: 'none', 'auto', and 'required'.");
  }
  generation->tool_choice = word == "none" ? ToolChoice::None : ToolChoice::Required;
  return {};
}

// Keeps the tools that are allowed: the model sees no others.
base::Status choose_allowed(const json::Value& choice, gateway::Generation* generation,
                            ResponseTools* tools) {
  TRY(const std::string mode, string_in(choice, "mode", "tool_choice"));
  if (mode == "none") {
    return refuse_parameter("invalid_value", "tool_choice.mode",
                            "Invalid value: 'none'. Supported values are: 'auto' and 'required'.");
  }
  const json::Value* list = find_parameter(choice, "tools");
  if (list == nullptr) return missing("tool_choice.tools");
  if (!list->is_array()) return wrong_type("tool_choice.tools", "an array of objects", *list);
  std::vector<gateway::Tool> kept;
  bool search = false;
  for (size_t i = 0; i < list->as_array().size(); ++i) {
    const json::Value& entry = list->as_array()[i];
    const std::string path = "tool_choice.tools[" + std::to_string(i) + "]";
    if (!entry.is_object()) return wrong_type(path, "an object", entry);
    if (entry["type"] == json::Value("file_search") && tools->search) {
      search = true;
      continue;
    }
    TRY(const std::string name, string_in(entry, "name", path));
    if (!has_function(*generation, name)) return unknown_function(name);
    kept.push_back(*std::ranges::find(generation->tools, name, &gateway::Tool::name));
  }
  generation->tools = std::move(kept);
  if (!search) tools->search.reset();
  return choose_word(mode, "tool_choice.mode", generation);
}

base::Status choose_object(const json::Value& choice, gateway::Generation* generation,
                           ResponseTools* tools) {
  TRY(const std::string type, string_in(choice, "type", "tool_choice"));
  if (type == "allowed_tools") return choose_allowed(choice, generation, tools);
  if (type == "file_search" && tools->search) return {};
  if (type != "function") {
    return refuse_parameter("invalid_value", "tool_choice.type",
                            "Invalid value: '" + type.substr(0, 80) +
                                "'. Supported values are: 'function', 'allowed_tools', and, with "
                                "such a tool, 'file_search'.");
  }
  TRY(const std::string name, string_in(choice, "name", "tool_choice"));
  if (!has_function(*generation, name)) return unknown_function(name);
  generation->tool_choice = ToolChoice::Named;
  generation->tool_name = name;
  return {};
}

base::Status read_choice(const json::Value& body, gateway::Generation* generation,
                         ResponseTools* tools) {
  const json::Value* choice = find_parameter(body, "tool_choice");
  if (choice == nullptr) return {};
  tools->choice = *choice;
  const bool word = choice->is_string();
  if (tools->tools.empty() && !(word && choice->as_string() != "required")) {
    return refuse_parameter("", "tool_choice",
                            "Invalid value for 'tool_choice': 'tool_choice' is only allowed when "
                            "'tools' are specified.");
  }
  if (!word) return choose_object(*choice, generation, tools);
  TRY_VOID(choose_word(choice->as_string(), "tool_choice", generation));
  if (generation->tool_choice == ToolChoice::None) tools->search.reset();
  // Files are searched before the model is asked, which is the call that was required.
  if (generation->tool_choice == ToolChoice::Required && generation->tools.empty())
    generation->tool_choice = ToolChoice::Auto;
  return {};
}

base::Status read_schema_format(const json::Value& format, OutputFormat* out) {
  TRY(out->name, string_in(format, "name", "text.format"));
  TRY_VOID(check_name(out->name, "text.format.name"));
  const json::Value* schema = find_parameter(format, "schema");
  if (schema == nullptr) return missing("text.format.schema");
  out->kind = OutputFormat::Kind::JsonSchema;
  out->schema = *schema;
  if (const json::Value* strict = find_parameter(format, "strict")) out->strict = strict->as_bool();
  if (!out->strict) return {};
  if (const auto fits = text::compile_json_schema(out->schema, true); !fits) {
    return refuse_parameter(
        "invalid_json_schema", "text.format.schema",
        "Invalid schema for response_format '" + out->name + "': " + fits.error().message);
  }
  return {};
}

}  // namespace

const Schema kResponseToolSchema{"ResponseTool", kToolFields, true};
const Schema kResponseTextSchema{"ResponseTextParam", kTextFields};

base::Result<ResponseTools> read_response_tools(const json::Value& body,
                                                gateway::Generation* generation) {
  ResponseTools out;
  if (const json::Value* tools = find_parameter(body, "tools")) {
    for (size_t i = 0; i < tools->as_array().size(); ++i) {
      TRY(json::Value tool,
          read_tool(tools->as_array()[i], "tools[" + std::to_string(i) + "]", generation, &out));
      out.tools.push_back(std::move(tool));
    }
  }
  if (const json::Value* parallel = find_parameter(body, "parallel_tool_calls"))
    generation->parallel_tool_calls = parallel->as_bool();
  TRY_VOID(read_choice(body, generation, &out));
  return out;
}

base::Result<json::Value> read_text_format(const json::Value& body,
                                           gateway::Generation* generation) {
  const json::Value* text = find_parameter(body, "text");
  const json::Value* format = text == nullptr ? nullptr : find_parameter(*text, "format");
  if (format == nullptr || (*format)["type"] == json::Value("text"))
    return json::Value(json::Object{{"type", "text"}});
  OutputFormat& out = generation->format;
  if ((*format)["type"] == json::Value("json_object")) {
    out.kind = OutputFormat::Kind::JsonObject;
    return json::Value(json::Object{{"type", "json_object"}});
  }
  TRY_VOID(read_schema_format(*format, &out));
  return json::Value(json::Object{{"type", "json_schema"},
                                  {"description", (*format)["description"]},
                                  {"name", out.name},
                                  {"schema", out.schema},
                                  {"strict", out.strict}});
}

}  // namespace api
