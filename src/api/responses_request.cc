#include "api/responses_request.h"

#include <algorithm>

#include "api/errors.h"
#include "api/parameter.h"
#include "api/responses_items.h"

namespace api {
namespace {

constexpr size_t kInputItemsMax = 4096;
constexpr double kInputCharactersMax = 10'485'760;

constexpr std::string_view kEfforts[] = {"none", "minimal", "low", "medium",
                                         "high", "xhigh",   "max"};
constexpr std::string_view kSummaries[] = {"auto", "concise", "detailed"};
constexpr std::string_view kTiers[] = {"auto", "default", "flex", "scale", "priority"};
constexpr std::string_view kTruncations[] = {"auto", "disabled"};
constexpr std::string_view kIncludes[] = {"file_search_call.results",
                                          "message.output_text.logprobs",
                                          "reasoning.encrypted_content",
                                          "message.input_image.image_url",
                                          "web_search_call.results",
                                          "web_search_call.action.sources",
                                          "computer_call_output.output.image_url",
                                          "code_interpreter_call.outputs"};

constexpr Field kReasoningFields[] = {
    {.name = "effort", .kinds = kString, .values = kEfforts},
    {.name = "summary", .kinds = kString, .values = kSummaries},
    {.name = "generate_summary", .kinds = kString, .values = kSummaries},
};
constexpr Schema kReasoningSchema{"Reasoning", kReasoningFields, true};
constexpr Field kStreamOptionFields[] = {
    {.name = "include_obfuscation", .kinds = kBoolean},
};
constexpr Schema kStreamOptionsSchema{"ResponseStreamOptions", kStreamOptionFields};

constexpr Field kFields[] = {
    {.name = "model", .kinds = kString, .required = true, .min = 1},
    {.name = "input",
     .kinds = kString | kArray,
     .max = kInputCharactersMax,
     .summary = "a text, or items; what responses give out is taken back as it is"},
    {.name = "instructions", .kinds = kString, .summary = "not inherited by later responses"},
    {.name = "previous_response_id", .kinds = kString},
    {.name = "conversation", .kinds = kString | kObject},
    {.name = "store",
     .kinds = kBoolean,
     .summary = "true unless said otherwise; a response is kept for 30 days"},
    {.name = "background",
     .kinds = kBoolean,
     .summary = "goes on without the client; its events are kept for a day"},
    {.name = "stream", .kinds = kBoolean},
    {.name = "stream_options", .kinds = kObject, .schema = &kStreamOptionsSchema},
    {.name = "temperature", .kinds = kDecimal, .min = 0, .max = 2},
    {.name = "top_p", .kinds = kDecimal, .min = 0, .max = 1},
    {.name = "max_output_tokens", .kinds = kInteger, .min = 16, .max = INT32_MAX},
    {.name = "max_tool_calls", .kinds = kInteger, .min = 1, .max = INT32_MAX},
    {.name = "tools",
     .kinds = kArray,
     .max = 128,
     .schema = &kResponseToolSchema,
     .elements = kObject,
     .summary = "functions, and file_search: searched before the model is asked"},
    {.name = "tool_choice", .kinds = kString | kObject},
    {.name = "parallel_tool_calls", .kinds = kBoolean},
    {.name = "text", .kinds = kObject, .schema = &kResponseTextSchema},
    {.name = "reasoning", .kinds = kObject, .schema = &kReasoningSchema},
    {.name = "truncation",
     .kinds = kString,
     .values = kTruncations,
     .summary = "auto: the oldest turns are left out of an input that is too long"},
    {.name = "include", .kinds = kArray, .elements = kString},
    {.name = "top_logprobs", .kinds = kInteger, .min = 0, .max = 20},
    {.name = "metadata", .kinds = kMap},
    {.name = "user", .kinds = kString},
    {.name = "safety_identifier", .kinds = kString},
    {.name = "prompt_cache_key", .kinds = kString},
    {.name = "prompt_cache_options", .kinds = kObject},
    {.name = "prompt_cache_retention", .kinds = kString},
    {.name = "service_tier", .kinds = kString, .values = kTiers},
    {.name = "prompt", .kinds = kObject},
};

constexpr std::string_view kForUpstreams[] = {"prompt_cache_key",       "prompt_cache_options",
                                              "prompt_cache_retention", "safety_identifier",
                                              "service_tier",           "user"};

// Where parameters of chat completions are in a response.
struct Moved {
  std::string_view name, now;
};
constexpr Moved kMoved[] = {{"messages", "input"},
                            {"response_format", "text.format"},
                            {"max_tokens", "max_output_tokens"},
                            {"max_completion_tokens", "max_output_tokens"},
                            {"reasoning_effort", "reasoning.effort"},
                            {"verbosity", "text.verbosity"}};

bool boolean_or(const json::Value& body, std::string_view name, bool otherwise) {
  const json::Value* value = find_parameter(body, name);
  return value == nullptr ? otherwise : value->as_bool();
}

std::string string_or_empty(const json::Value& body, std::string_view name) {
  const json::Value* value = find_parameter(body, name);
  return value == nullptr ? std::string() : value->as_string();
}

base::Status read_sampling(const json::Value& body, ResponseRequest* out) {
  gateway::Generation& generation = out->generation;
  if (const json::Value* value = find_parameter(body, "temperature"))
    generation.temperature = static_cast<float>(value->as_double());
  if (const json::Value* value = find_parameter(body, "top_p"))
    generation.top_p = static_cast<float>(value->as_double());
  if (const json::Value* value = find_parameter(body, "max_output_tokens"))
    generation.max_tokens = value->as_int();
  if (const json::Value* value = find_parameter(body, "top_logprobs")) {
    generation.sampling.top_logprobs = static_cast<int>(value->as_int());
    out->logprobs |= value->as_int() > 0;
  }
  generation.sampling.logprobs = out->logprobs;
  if (const json::Value* value = find_parameter(body, "reasoning"))
    generation.reasoning_effort = string_or_empty(*value, "effort");
  for (const std::string_view name : kForUpstreams) {
    if (const json::Value* value = find_parameter(body, name))
      generation.passthrough.emplace_back(name, *value);
  }
  return {};
}

base::Status read_include(const json::Value& body, ResponseRequest* out) {
  const json::Value* include = find_parameter(body, "include");
  if (include == nullptr) return {};
  for (size_t i = 0; i < include->as_array().size(); ++i) {
    const std::string& name = include->as_array()[i].as_string();
    if (std::ranges::find(kIncludes, name) == std::end(kIncludes)) {
      const std::string path = "include[" + std::to_string(i) + "]";
      return refuse_parameter("invalid_value", path,
                              "Invalid value: '" + name.substr(0, 80) +
                                  "'. Supported values are: 'file_search_call.results', "
                                  "'message.output_text.logprobs', and "
                                  "'reasoning.encrypted_content'.");
    }
    out->logprobs |= name == "message.output_text.logprobs";
    out->include_search_results |= name == "file_search_call.results";
  }
  return {};
}

base::Status read_state(const json::Value& body, ResponseRequest* out) {
  out->store = boolean_or(body, "store", true);
  out->background = boolean_or(body, "background", false);
  out->stream = boolean_or(body, "stream", false);
  out->truncate = string_or_empty(body, "truncation") == "auto";
  out->instructions = string_or_empty(body, "instructions");
  out->previous_response_id = string_or_empty(body, "previous_response_id");
  if (const json::Value* conversation = find_parameter(body, "conversation")) {
    const json::Value* id =
        conversation->is_string() ? conversation : find_parameter(*conversation, "id");
    if (id == nullptr) return missing("conversation.id");
    if (!id->is_string()) return wrong_type("conversation.id", "a string", *id);
    out->conversation_id = id->as_string();
  }
  if (!out->conversation_id.empty() && !out->previous_response_id.empty()) {
    return refuse_parameter("mutually_exclusive_parameters", "conversation",
                            "Mutually exclusive parameters: 'conversation' and "
                            "'previous_response_id' cannot be given together.");
  }
  if (out->background && !out->store) {
    return refuse_parameter("", "background",
                            "Invalid value for 'background': a response in the background must be "
                            "stored: leave 'store' out or true.");
  }
  if (find_parameter(body, "stream_options") != nullptr && !out->stream) {
    return refuse_parameter(
        "", "stream_options",
        "The 'stream_options' parameter is only allowed when 'stream' is enabled.");
  }
  if (find_parameter(body, "prompt") != nullptr)
    return unsupported("prompt",
                       "is not supported here: send the prompt's text as 'instructions'.");
  return {};
}

base::Status read_input(const json::Value& body, ResponseRequest* out) {
  const json::Value* input = find_parameter(body, "input");
  if (input == nullptr) {
    if (!out->previous_response_id.empty() || !out->conversation_id.empty()) return {};
    return missing("input");
  }
  TRY(out->input, check_items(*input, "input", kInputItemsMax));
  return {};
}

json::Value or_default(const json::Value& body, std::string_view name, json::Value otherwise) {
  const json::Value* value = find_parameter(body, name);
  return value == nullptr ? std::move(otherwise) : *value;
}

// All keys that clients know of, in OpenAI's order.
json::Value response_object(const json::Value& body, const ResponseRequest& request,
                            json::Value format, const ResponseTools& tools) {
  const json::Value& reasoning = body["reasoning"];
  json::Value text = json::Object{{"format", std::move(format)}};
  text.set("verbosity", or_default(body["text"], "verbosity", "medium"));
  json::Value conversation;
  if (!request.conversation_id.empty())
    conversation = json::Object{{"id", request.conversation_id}};
  return json::Object{{"id", nullptr},
                      {"object", "response"},
                      {"created_at", 0},
                      {"status", request.background ? "queued" : "in_progress"},
                      {"background", request.background},
                      {"completed_at", nullptr},
                      {"conversation", std::move(conversation)},
                      {"error", nullptr},
                      {"incomplete_details", nullptr},
                      {"instructions", body["instructions"]},
                      {"max_output_tokens", body["max_output_tokens"]},
                      {"max_tool_calls", body["max_tool_calls"]},
                      {"model", request.generation.model},
                      {"output", json::Array{}},
                      {"parallel_tool_calls", request.generation.parallel_tool_calls},
                      {"previous_response_id", body["previous_response_id"]},
                      {"prompt_cache_key", body["prompt_cache_key"]},
                      {"reasoning", json::Object{{"effort", reasoning["effort"]},
                                                 {"summary", reasoning["summary"]}}},
                      {"safety_identifier", body["safety_identifier"]},
                      {"service_tier", "default"},
                      {"store", request.store},
                      {"temperature", or_default(body, "temperature", 1.0)},
                      {"text", std::move(text)},
                      {"tool_choice", tools.choice},
                      {"tools", tools.tools},
                      {"top_logprobs", or_default(body, "top_logprobs", 0)},
                      {"top_p", or_default(body, "top_p", 1.0)},
                      {"truncation", or_default(body, "truncation", "disabled")},
                      {"usage", nullptr},
                      {"user", body["user"]},
                      {"metadata", or_default(body, "metadata", json::Object{})}};
}

}  // namespace

const Schema kCreateResponseSchema{"CreateResponse", kFields};

base::Error moved_parameter(base::Error error) {
  if (error.reason != "unknown_parameter") return error;
  for (const Moved& moved : kMoved) {
    if (error.where != moved.name) continue;
    return refuse_parameter("unsupported_parameter", error.where,
                            "Unsupported parameter: '" + error.where +
                                "'. In the Responses API, this parameter has moved to '" +
                                std::string(moved.now) + "'. Try again with the new parameter.")
        .error();
  }
  return error;
}

base::Result<ResponseRequest> parse_response_request(const json::Value& body) {
  ResponseRequest out;
  out.generation.model = body["model"].as_string();
  TRY_VOID(read_include(body, &out));
  TRY_VOID(read_sampling(body, &out));
  TRY_VOID(read_state(body, &out));
  TRY_VOID(read_input(body, &out));
  TRY(ResponseTools tools, read_response_tools(body, &out.generation));
  TRY(json::Value format, read_text_format(body, &out.generation));
  out.response = response_object(body, out, std::move(format), tools);
  out.search = std::move(tools.search);
  return out;
}

}  // namespace api
