#include "api/completions_request.h"

#include "api/errors.h"
#include "api/parameter.h"

namespace api {
namespace {

constexpr size_t kPromptsMax = 2048;
constexpr int64_t kMaxTokensDefault = 16;

constexpr Field kFields[] = {
    {.name = "model",
     .kinds = kString,
     .required = true,
     .missing = "you must provide a model parameter"},
    {.name = "prompt",
     .kinds = kString | kArray,
     .min = 1,
     .elements = kString | kInteger | kArray,
     .summary = "a text, its tokens, or a list of either"},
    {.name = "max_tokens",
     .kinds = kInteger,
     .min = 0,
     .max = INT32_MAX,
     .summary = "16 when absent; 0 only with echo"},
    {.name = "temperature", .kinds = kDecimal, .min = 0, .max = 2},
    {.name = "top_p", .kinds = kDecimal, .min = 0, .max = 1},
    {.name = "presence_penalty", .kinds = kDecimal, .min = -2, .max = 2},
    {.name = "frequency_penalty", .kinds = kDecimal, .min = -2, .max = 2},
    {.name = "n", .kinds = kInteger, .min = 1, .max = 128},
    {.name = "best_of", .kinds = kInteger, .min = 1, .max = 128},
    {.name = "echo", .kinds = kBoolean},
    {.name = "logprobs", .kinds = kInteger, .min = 0, .max = 5},
    {.name = "suffix", .kinds = kString, .summary = "the text behind the gap that is filled"},
    {.name = "stop", .kinds = kString | kArray, .max = 4, .elements = kString},
    {.name = "stream", .kinds = kBoolean},
    {.name = "stream_options", .kinds = kObject, .schema = &kStreamOptionsSchema},
    {.name = "seed", .kinds = kInteger},
    {.name = "logit_bias", .kinds = kObject, .schema = &kLogitBiasSchema},
    {.name = "user", .kinds = kString},
};

constexpr std::string_view kForUpstreams[] = {"user"};

base::Result<std::vector<int32_t>> read_tokens(const json::Array& list, const std::string& path) {
  std::vector<int32_t> tokens;
  tokens.reserve(list.size());
  for (size_t i = 0; i < list.size(); ++i) {
    const std::string at = path + "[" + std::to_string(i) + "]";
    if (!list[i].is_int()) return wrong_type(at, "an integer", list[i]);
    TRY_VOID(check_range(list[i], true, 0, INT32_MAX, at));
    tokens.push_back(static_cast<int32_t>(list[i].as_int()));
  }
  if (!tokens.empty()) return tokens;
  return refuse_parameter("empty_array", path,
                          "Invalid '" + path +
                              "': empty array. Expected an array with minimum length 1, but got "
                              "an empty array instead.");
}

// A text, its tokens, or a list of either.
base::Result<std::vector<gateway::Input>> read_prompts(const json::Value& body) {
  std::vector<gateway::Input> prompts;
  const json::Value* prompt = find_parameter(body, "prompt");
  if (prompt == nullptr || prompt->is_string()) {
    prompts.emplace_back(prompt == nullptr ? std::string("<|endoftext|>") : prompt->as_string());
    return prompts;
  }
  const json::Array& list = prompt->as_array();
  if (list[0].is_int()) {
    TRY(std::vector<int32_t> tokens, read_tokens(list, "prompt"));
    prompts.emplace_back(std::move(tokens));
    return prompts;
  }
  if (list.size() > kPromptsMax) {
    return refuse_parameter("array_above_max_length", "prompt",
                            "Invalid 'prompt': array too long. Expected an array with maximum "
                            "length 2048, but got an array with length " +
                                std::to_string(list.size()) + " instead.");
  }
  for (size_t i = 0; i < list.size(); ++i) {
    const std::string path = "prompt[" + std::to_string(i) + "]";
    if (list[0].is_string() != list[i].is_string() || list[i].is_int())
      return wrong_type(path, list[0].is_string() ? "a string" : "an array of integers", list[i]);
    if (list[i].is_string()) {
      prompts.emplace_back(list[i].as_string());
      continue;
    }
    TRY(std::vector<int32_t> tokens, read_tokens(list[i].as_array(), path));
    prompts.emplace_back(std::move(tokens));
  }
  return prompts;
}

base::Status read_best_of(const json::Value& body, bool stream, gateway::Generation* generation) {
  const json::Value* best_of = find_parameter(body, "best_of");
  if (best_of == nullptr) return {};
  generation->best_of = static_cast<int>(best_of->as_int());
  if (generation->best_of < generation->choices) {
    return refuse_parameter(
        "invalid_value", "best_of",
        "You requested that the server return more choices than it will generate (HINT: You must "
        "set 'n' (currently " +
            std::to_string(generation->choices) + ") to be at most 'best_of' (currently " +
            std::to_string(generation->best_of) +
            "), or omit either parameter if you don't specifically want to use them.)");
  }
  if (stream && generation->best_of > generation->choices) {
    return refuse_parameter("invalid_value", "best_of",
                            "Results cannot be streamed when 'best_of' is greater than 'n'.");
  }
  return {};
}

}  // namespace

const Schema kCompletionSchema{"CreateCompletionRequest", kFields};

base::Result<CompletionCall> parse_completion_request(const json::Value& body) {
  CompletionCall call;
  gateway::Generation& generation = call.generation;
  TRY(generation.model, read_model(body));
  TRY(call.prompts, read_prompts(body));
  TRY_VOID(read_sampling(body, &generation));
  TRY(call.delivery, read_delivery(body));
  generation.whole = !call.delivery.stream;
  TRY_VOID(read_best_of(body, call.delivery.stream, &generation));
  if (const json::Value* echo = find_parameter(body, "echo")) generation.echo = echo->as_bool();
  if (const json::Value* suffix = find_parameter(body, "suffix"))
    generation.suffix = suffix->as_string();
  const json::Value* limit = find_parameter(body, "max_tokens");
  generation.max_tokens = limit == nullptr ? kMaxTokensDefault : limit->as_int();
  if (*generation.max_tokens == 0 && !generation.echo)
    TRY_VOID(check_range(*limit, true, 1, INT32_MAX, "max_tokens"));
  if (generation.echo && !generation.suffix.empty())
    return refuse_parameter("invalid_value", "echo", "'echo' is not possible with 'suffix'.");
  if (const json::Value* logprobs = find_parameter(body, "logprobs")) {
    generation.sampling.logprobs = true;
    generation.sampling.top_logprobs = static_cast<int>(logprobs->as_int());
  }
  copy_parameters(body, kForUpstreams, &generation.passthrough);
  return call;
}

}  // namespace api
