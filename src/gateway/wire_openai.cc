// OpenAI's API as a client speaks it: chat completions for messages, completions for text and
// tokens. Read as the many that imitate it write it.
#include <charconv>

#include "gateway/wire.h"

namespace gateway {
namespace {

void add_tools(const Generation& generation, json::Object* body) {
  if (generation.tools.empty()) return;
  json::Array tools;
  for (const Tool& tool : generation.tools) {
    json::Object function{{"name", tool.name}};
    if (!tool.description.empty()) function.emplace_back("description", tool.description);
    if (!tool.parameters.is_null()) function.emplace_back("parameters", tool.parameters);
    if (tool.strict) function.emplace_back("strict", true);
    tools.push_back(json::Object{{"type", "function"}, {"function", std::move(function)}});
  }
  body->emplace_back("tools", std::move(tools));
  switch (generation.tool_choice) {
    case ToolChoice::None:
      body->emplace_back("tool_choice", "none");
      break;
    case ToolChoice::Auto:
      break;
    case ToolChoice::Required:
      body->emplace_back("tool_choice", "required");
      break;
    case ToolChoice::Named:
      body->emplace_back("tool_choice",
                         json::Object{{"type", "function"},
                                      {"function", json::Object{{"name", generation.tool_name}}}});
      break;
  }
  if (!generation.parallel_tool_calls) body->emplace_back("parallel_tool_calls", false);
}

void add_format(const OutputFormat& format, json::Object* body) {
  if (format.kind == OutputFormat::Kind::JsonObject) {
    body->emplace_back("response_format", json::Object{{"type", "json_object"}});
  } else if (format.kind == OutputFormat::Kind::JsonSchema) {
    json::Object schema{{"name", format.name.empty() ? "answer" : format.name},
                        {"schema", format.schema}};
    if (format.strict) schema.emplace_back("strict", true);
    body->emplace_back("response_format",
                       json::Object{{"type", "json_schema"}, {"json_schema", std::move(schema)}});
  }
}

void add_sampling(const Generation& generation, json::Object* body) {
  const engine::Sampling& sampling = generation.sampling;
  const auto decimal = [body](const char* name, float value) {
    // The shortest decimal of the float, so that 0.7 stays 0.7.
    char text[32];
    const auto end = std::to_chars(text, text + sizeof text, value).ptr;
    double exact = 0;
    std::from_chars(text, end, exact);
    body->emplace_back(name, exact);
  };
  if (generation.temperature) decimal("temperature", *generation.temperature);
  if (generation.top_p) decimal("top_p", *generation.top_p);
  if (sampling.presence_penalty != 0) decimal("presence_penalty", sampling.presence_penalty);
  if (sampling.frequency_penalty != 0) decimal("frequency_penalty", sampling.frequency_penalty);
  if (sampling.seed) body->emplace_back("seed", static_cast<int64_t>(*sampling.seed));
  if (generation.choices > 1) body->emplace_back("n", generation.choices);
  if (!generation.stop.empty()) {
    json::Array stop;
    for (const std::string& text : generation.stop) stop.push_back(text);
    body->emplace_back("stop", std::move(stop));
  }
  if (!sampling.logit_bias.empty()) {
    json::Object bias;
    for (const auto& [token, value] : sampling.logit_bias)
      bias.emplace_back(std::to_string(token), static_cast<double>(value));
    body->emplace_back("logit_bias", std::move(bias));
  }
}

json::Array messages_of(const WireRequest& request) {
  json::Array messages = std::get<Messages>(request.generation.input).list.as_array();
  if (!request.prefix.empty())
    messages.push_back(json::Object{{"role", "assistant"}, {"content", request.prefix}});
  return messages;
}

void add_prompt(const WireRequest& request, json::Object* body) {
  const Generation& generation = request.generation;
  if (const auto* text = std::get_if<std::string>(&generation.input)) {
    body->emplace_back("prompt", *text + std::string(request.prefix));
  } else {
    json::Array tokens;
    for (const int32_t token : std::get<std::vector<int32_t>>(generation.input))
      tokens.push_back(int64_t{token});
    body->emplace_back("prompt", std::move(tokens));
  }
  if (generation.echo && request.prefix.empty()) body->emplace_back("echo", true);
  if (!generation.suffix.empty()) body->emplace_back("suffix", generation.suffix);
  if (generation.best_of > generation.choices) body->emplace_back("best_of", generation.best_of);
  if (generation.sampling.logprobs)
    body->emplace_back("logprobs", generation.sampling.top_logprobs);
}

std::optional<Finish> finish_from(std::string_view name) {
  if (name == "length" || name == "max_tokens") return Finish::Length;
  if (name == "tool_calls" || name == "function_call") return Finish::ToolCalls;
  if (name == "content_filter") return Finish::ContentFilter;
  return Finish::Stop;  // "stop", and what others call it: "eos", "stop_sequence", "end_turn"
}

TokenProbability read_probability(const json::Value& entry) {
  TokenProbability out;
  out.bytes = string_member(entry, "token");
  if (const json::Value* bytes = find_member(entry, "bytes"); bytes && bytes->is_array()) {
    out.bytes.clear();
    for (const json::Value& byte : bytes->as_array()) {
      if (byte.is_int()) out.bytes += static_cast<char>(byte.as_int() & 0xff);
    }
  }
  const json::Value* logprob = find_member(entry, "logprob");
  if (logprob != nullptr && logprob->is_number())
    out.logprob = static_cast<float>(logprob->as_double());
  return out;
}

void read_chat_logprobs(const json::Value& choice, Delta* delta) {
  const json::Value* logprobs = find_member(choice, "logprobs");
  const json::Value* content = logprobs == nullptr ? nullptr : find_member(*logprobs, "content");
  if (content == nullptr || !content->is_array()) return;
  for (const json::Value& entry : content->as_array()) {
    TokenProbability token = read_probability(entry);
    const json::Value* top = find_member(entry, "top_logprobs");
    if (top != nullptr && top->is_array()) {
      for (const json::Value& other : top->as_array()) {
        TokenProbability alternative = read_probability(other);
        token.top.emplace_back(std::move(alternative.bytes), alternative.logprob.value_or(0));
      }
    }
    delta->tokens.push_back(std::move(token));
  }
}

// Of completions: parallel lists of tokens and their probabilities.
void read_text_logprobs(const json::Value& choice, Delta* delta) {
  const json::Value* logprobs = find_member(choice, "logprobs");
  if (logprobs == nullptr) return;
  const json::Value* tokens = find_member(*logprobs, "tokens");
  const json::Value* values = find_member(*logprobs, "token_logprobs");
  const json::Value* tops = find_member(*logprobs, "top_logprobs");
  if (tokens == nullptr || !tokens->is_array()) return;
  for (size_t i = 0; i < tokens->as_array().size(); ++i) {
    const json::Value& token = tokens->as_array()[i];
    TokenProbability& entry = delta->tokens.emplace_back();
    if (token.is_string()) entry.bytes = token.as_string();
    if (values != nullptr && values->is_array() && i < values->as_array().size() &&
        values->as_array()[i].is_number())
      entry.logprob = static_cast<float>(values->as_array()[i].as_double());
    if (tops == nullptr || !tops->is_array() || i >= tops->as_array().size() ||
        !tops->as_array()[i].is_object())
      continue;
    for (const auto& [text, value] : tops->as_array()[i].as_object()) {
      if (value.is_number()) entry.top.emplace_back(text, static_cast<float>(value.as_double()));
    }
  }
}

class OpenAiReader final : public AnswerReader {
 public:
  explicit OpenAiReader(const Generation& generation)
      : AnswerReader(generation), is_chat_(std::holds_alternative<Messages>(generation.input)) {}

  base::Status read_event(std::string_view, std::string_view data,
                          std::vector<Delta>* deltas) override {
    if (data.starts_with("[DONE]")) {
      closed_ = true;
      return {};
    }
    return read(data, "delta", deltas);
  }
  base::Status read_whole(std::string_view body, std::vector<Delta>* deltas) override {
    closed_ = true;
    return read(body, "message", deltas);
  }

 private:
  base::Status read(std::string_view text, std::string_view part, std::vector<Delta>* deltas);
  base::Status read_choice(const json::Value& choice, std::string_view part, Delta* delta);
  base::Status read_calls(const json::Value& message, Delta* delta);
  void read_usage(const json::Value& usage);

  const bool is_chat_;
};

base::Status OpenAiReader::read(std::string_view text, std::string_view part,
                                std::vector<Delta>* deltas) {
  TRY(const json::Value value, json::parse(text));
  if (!value.is_object()) return base::fail(base::Code::Malformed, "an event is not an object");
  if (const json::Value* error = find_member(value, "error")) return state(*error);
  const json::Value* choices = find_member(value, "choices");
  if (choices != nullptr && choices->is_array()) {
    for (const json::Value& choice : choices->as_array()) {
      Delta delta;
      TRY_VOID(read_choice(choice, part, &delta));
      if (!delta.text.empty() || !delta.reasoning.empty() || !delta.refusal.empty() ||
          !delta.tool_calls.empty() || !delta.tokens.empty() || delta.finish)
        deltas->push_back(std::move(delta));
    }
  }
  if (const json::Value* usage = find_member(value, "usage")) read_usage(*usage);
  return {};
}

base::Status OpenAiReader::read_choice(const json::Value& choice, std::string_view part,
                                       Delta* delta) {
  if (!choice.is_object()) return base::fail(base::Code::Malformed, "a choice is not an object");
  const json::Value* index = find_member(choice, "index");
  const int64_t number = index != nullptr && index->is_int() ? index->as_int() : 0;
  const json::Value* message = find_member(choice, part);
  const std::string finish = string_member(choice, "finish_reason");
  if (is_chat_ && message != nullptr) {
    delta->text = string_member(*message, "content");
    delta->refusal = string_member(*message, "refusal");
    delta->reasoning = string_member(*message, "reasoning_content");
    if (delta->reasoning.empty()) delta->reasoning = string_member(*message, "reasoning");
    read_chat_logprobs(choice, delta);
  } else if (!is_chat_) {
    delta->text = string_member(choice, "text");
    read_text_logprobs(choice, delta);
  }
  const bool has_calls = message != nullptr && find_member(*message, "tool_calls") != nullptr;
  if (delta->text.empty() && delta->refusal.empty() && delta->reasoning.empty() && !has_calls &&
      finish.empty())
    return {};  // a role, or nothing: some send that after the end
  TRY_VOID(check_choice(number));
  delta->choice = static_cast<int>(number);
  if (has_calls) TRY_VOID(read_calls(*message, delta));
  if (!finish.empty()) TRY_VOID(finish_choice(delta->choice, *finish_from(finish), delta));
  return {};
}

base::Status OpenAiReader::read_calls(const json::Value& message, Delta* delta) {
  const json::Value& calls = *message.find("tool_calls");
  if (!calls.is_array()) return {};
  for (size_t i = 0; i < calls.as_array().size(); ++i) {
    const json::Value& call = calls.as_array()[i];
    const json::Value* index = find_member(call, "index");
    const json::Value* function = find_member(call, "function");
    std::string name, arguments;
    if (function != nullptr) {
      name = string_member(*function, "name");
      arguments = string_member(*function, "arguments");
    }
    TRY_VOID(add_call(delta->choice,
                      index != nullptr && index->is_int() ? index->as_int() : int64_t(i),
                      string_member(call, "id"), std::move(name), std::move(arguments), delta));
  }
  return {};
}

void OpenAiReader::read_usage(const json::Value& usage) {
  const auto prompt = count_member(usage, "prompt_tokens");
  const auto completion = count_member(usage, "completion_tokens");
  if (!prompt || !completion) return;
  usage_ = TokenUsage{.prompt = *prompt, .completion = *completion};
  if (const json::Value* details = find_member(usage, "prompt_tokens_details"))
    usage_->cached = count_member(*details, "cached_tokens").value_or(0);
  if (const json::Value* details = find_member(usage, "completion_tokens_details"))
    usage_->reasoning = count_member(*details, "reasoning_tokens").value_or(0);
}

}  // namespace

WireCall write_openai_call(const WireRequest& request) {
  const Generation& generation = request.generation;
  const bool is_chat = std::holds_alternative<Messages>(generation.input);
  json::Object body{{"model", request.model}};
  if (is_chat)
    body.emplace_back("messages", messages_of(request));
  else
    add_prompt(request, &body);
  if (request.max_tokens) {
    body.emplace_back(is_chat ? std::string(request.max_tokens_parameter) : "max_tokens",
                      *request.max_tokens);
  }
  add_sampling(generation, &body);
  if (is_chat) {
    add_tools(generation, &body);
    add_format(generation.format, &body);
    if (generation.sampling.logprobs) {
      body.emplace_back("logprobs", true);
      body.emplace_back("top_logprobs", generation.sampling.top_logprobs);
    }
    if (!generation.reasoning_effort.empty())
      body.emplace_back("reasoning_effort", generation.reasoning_effort);
  }
  json::Value out = std::move(body);
  for (const auto& [name, value] : generation.passthrough) {
    if (out.find(name) == nullptr) out.set(name, value);
  }
  if (!generation.whole) {
    out.set("stream", true);
    out.set("stream_options", json::Object{{"include_usage", true}});
  }
  return {is_chat ? "/chat/completions" : "/completions", json::dump(out)};
}

std::unique_ptr<AnswerReader> make_openai_reader(const Generation& generation) {
  return std::make_unique<OpenAiReader>(generation);
}

}  // namespace gateway
