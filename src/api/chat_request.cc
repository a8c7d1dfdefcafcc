#include "api/chat_request.h"

#include "api/chat_messages.h"
#include "api/errors.h"
#include "api/parameter.h"
#include "api/tool_request.h"

namespace api {
namespace {

constexpr std::string_view kEfforts[] = {"none", "minimal", "low", "medium",
                                         "high", "xhigh",   "max"};
constexpr std::string_view kVerbosities[] = {"low", "medium", "high"};
constexpr std::string_view kTiers[] = {"auto", "default", "flex", "scale", "priority"};
constexpr std::string_view kNoModel = "you must provide a model parameter";

constexpr Field kFields[] = {
    {.name = "model", .kinds = kString, .required = true, .missing = kNoModel},
    {.name = "messages",
     .kinds = kArray,
     .required = true,
     .min = 1,
     .schema = &kChatMessageSchema,
     .elements = kObject,
     .summary = "every tool call of an assistant is answered by a message of its tool"},
    {.name = "temperature", .kinds = kDecimal, .min = 0, .max = 2},
    {.name = "top_p", .kinds = kDecimal, .min = 0, .max = 1},
    {.name = "presence_penalty", .kinds = kDecimal, .min = -2, .max = 2},
    {.name = "frequency_penalty", .kinds = kDecimal, .min = -2, .max = 2},
    {.name = "max_completion_tokens", .kinds = kInteger, .min = 1, .max = INT32_MAX},
    {.name = "max_tokens",
     .kinds = kInteger,
     .min = 1,
     .max = INT32_MAX,
     .summary = "the older name of max_completion_tokens"},
    {.name = "n", .kinds = kInteger, .min = 1, .max = 128},
    {.name = "stop", .kinds = kString | kArray, .max = 4, .elements = kString},
    {.name = "stream", .kinds = kBoolean},
    {.name = "stream_options", .kinds = kObject, .schema = &kStreamOptionsSchema},
    {.name = "seed", .kinds = kInteger, .summary = "the same seed and parameters: the same text"},
    {.name = "logprobs", .kinds = kBoolean},
    {.name = "top_logprobs", .kinds = kInteger, .min = 0, .max = 20},
    {.name = "logit_bias", .kinds = kObject, .schema = &kLogitBiasSchema},
    {.name = "tools", .kinds = kArray, .max = 128, .schema = &kChatToolSchema, .elements = kObject},
    {.name = "tool_choice", .kinds = kString | kObject},
    {.name = "parallel_tool_calls", .kinds = kBoolean},
    {.name = "response_format", .kinds = kObject, .schema = &kResponseFormatSchema},
    {.name = "functions",
     .kinds = kArray,
     .min = 1,
     .max = 128,
     .schema = &kChatFunctionSchema,
     .elements = kObject,
     .summary = "the form before tools"},
    {.name = "function_call", .kinds = kString | kObject},
    {.name = "store", .kinds = kBoolean, .summary = "keeps the answer for GET"},
    {.name = "metadata", .kinds = kMap},
    {.name = "modalities", .kinds = kArray, .elements = kString},
    {.name = "audio", .kinds = kObject},
    {.name = "web_search_options", .kinds = kObject},
    {.name = "reasoning_effort", .kinds = kString, .values = kEfforts},
    {.name = "verbosity", .kinds = kString, .values = kVerbosities},
    {.name = "service_tier", .kinds = kString, .values = kTiers},
    {.name = "user", .kinds = kString},
    {.name = "safety_identifier", .kinds = kString},
    {.name = "prompt_cache_key", .kinds = kString},
    {.name = "prompt_cache_options", .kinds = kObject},
    {.name = "prompt_cache_retention", .kinds = kString},
    {.name = "prediction", .kinds = kObject},
    {.name = "moderation"},
};

// Without effect on a model of this machine.
constexpr std::string_view kForUpstreams[] = {"modalities",           "audio",
                                              "web_search_options",   "verbosity",
                                              "service_tier",         "user",
                                              "safety_identifier",    "prompt_cache_key",
                                              "prompt_cache_options", "prompt_cache_retention",
                                              "prediction",           "moderation"};

base::Status read_max_tokens(const json::Value& body, gateway::Generation* generation) {
  const json::Value* older = find_parameter(body, "max_tokens");
  const json::Value* newer = find_parameter(body, "max_completion_tokens");
  if (older != nullptr && newer != nullptr) {
    return refuse_parameter("invalid_value", "max_tokens",
                            "Setting 'max_tokens' and 'max_completion_tokens' at the same "
                            "time is not supported.");
  }
  const json::Value* limit = newer != nullptr ? newer : older;
  if (limit != nullptr) generation->max_tokens = limit->as_int();
  return {};
}

base::Status read_logprobs(const json::Value& body, gateway::Generation* generation) {
  const json::Value* logprobs = find_parameter(body, "logprobs");
  const json::Value* top = find_parameter(body, "top_logprobs");
  generation->sampling.logprobs = logprobs != nullptr && logprobs->as_bool();
  if (top == nullptr) return {};
  if (!generation->sampling.logprobs) {
    return refuse_parameter(
        "", "top_logprobs",
        "The 'top_logprobs' parameter is only allowed when 'logprobs' is enabled.");
  }
  generation->sampling.top_logprobs = static_cast<int>(top->as_int());
  return {};
}

// Sound and searching the web are an upstream's.
std::optional<base::Error> local_refusal(const json::Value& body) {
  const auto refusal = [](std::string_view name, std::string_view why) {
    return unsupported(name, why).error();
  };
  for (const std::string_view name : {"audio", "web_search_options"}) {
    if (find_parameter(body, name) != nullptr)
      return refusal(name, "is not supported with this model.");
  }
  const json::Value* modalities = find_parameter(body, "modalities");
  if (modalities == nullptr) return {};
  for (const json::Value& modality : modalities->as_array()) {
    if (modality.as_string() != "text")
      return refusal("modalities", "other than [\"text\"] is not supported with this model.");
  }
  return {};
}

}  // namespace

const Schema kChatCompletionSchema{"CreateChatCompletionRequest", kFields};

base::Result<ChatCall> parse_chat_request(const json::Value& body) {
  ChatCall call;
  gateway::Generation& generation = call.generation;
  TRY(generation.model, read_model(body));
  TRY(ChatMessages messages, read_chat_messages(body["messages"]));
  TRY_VOID(read_sampling(body, &generation));
  TRY_VOID(read_max_tokens(body, &generation));
  TRY(call.delivery, read_delivery(body));
  call.generation.whole = !call.delivery.stream;
  TRY_VOID(read_logprobs(body, &generation));
  TRY_VOID(read_chat_tools(body, &generation));
  TRY_VOID(read_response_format(body, &generation));
  if (generation.format.kind == gateway::OutputFormat::Kind::JsonObject)
    TRY_VOID(require_word_json(messages.list, "messages", "response_format"));
  if (const json::Value* effort = find_parameter(body, "reasoning_effort"))
    generation.reasoning_effort = effort->as_string();
  if (const json::Value* store = find_parameter(body, "store")) call.store = store->as_bool();
  copy_parameters(body, kForUpstreams, &generation.passthrough);
  call.functions = find_parameter(body, "functions") != nullptr;
  call.local_refusal = messages.local_refusal ? messages.local_refusal : local_refusal(body);
  generation.input = gateway::Messages{std::move(messages.list)};
  return call;
}

}  // namespace api
