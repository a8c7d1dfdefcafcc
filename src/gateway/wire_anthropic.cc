// Anthropic's messages: https://docs.anthropic.com/en/api/messages and its streaming form.
#include <algorithm>

#include "gateway/wire.h"

namespace gateway {
namespace {

constexpr std::string_view kFormatTool = "answer";  // the call that stands in for a JSON format

std::string text_of(const json::Value& content) {
  if (content.is_string()) return content.as_string();
  std::string out;
  if (!content.is_array()) return out;
  for (const json::Value& part : content.as_array()) out += string_member(part, "text");
  return out;
}

json::Value text_block(std::string text) {
  return json::Object{{"type", "text"}, {"text", std::move(text)}};
}

// "data:image/png;base64,…" goes as bytes, another URL as such.
json::Value image_block(const std::string& url) {
  json::Object source{{"type", "url"}, {"url", url}};
  const size_t comma = url.find(";base64,");
  if (url.starts_with("data:") && comma != std::string::npos) {
    source = {{"type", "base64"},
              {"media_type", url.substr(5, comma - 5)},
              {"data", url.substr(comma + 8)}};
  }
  return json::Object{{"type", "image"}, {"source", std::move(source)}};
}

void add_content(const json::Value& content, json::Array* blocks) {
  if (content.is_string()) {
    if (!content.as_string().empty()) blocks->push_back(text_block(content.as_string()));
    return;
  }
  if (!content.is_array()) return;
  for (const json::Value& part : content.as_array()) {
    if (const json::Value* image = find_member(part, "image_url"))
      blocks->push_back(
          image_block(image->is_string() ? image->as_string() : string_member(*image, "url")));
    else if (std::string text = string_member(part, "text"); !text.empty())
      blocks->push_back(text_block(std::move(text)));
  }
}

void add_calls(const json::Value& message, json::Array* blocks) {
  const json::Value* calls = find_member(message, "tool_calls");
  if (calls == nullptr || !calls->is_array()) return;
  for (const json::Value& call : calls->as_array()) {
    const json::Value& function = call["function"];
    auto input = json::parse(string_member(function, "arguments"));
    if (!input || !input->is_object()) input = json::Value(json::Object{});
    blocks->push_back(json::Object{{"type", "tool_use"},
                                   {"id", string_member(call, "id")},
                                   {"name", string_member(function, "name")},
                                   {"input", *std::move(input)}});
  }
}

// Turns take turns there: what one role says in a row is one message.
void add_message(std::string_view role, json::Array blocks, json::Array* out) {
  if (blocks.empty()) return;
  if (!out->empty() && out->back()["role"] == json::Value(role)) {
    json::Array& content = out->back().find("content")->as_array();
    std::ranges::move(blocks, std::back_inserter(content));
    return;
  }
  out->push_back(json::Object{{"role", role}, {"content", std::move(blocks)}});
}

struct Conversation {
  std::string system = {};
  json::Array messages = {};
};

Conversation conversation_of(const json::Value& list) {
  Conversation out;
  for (const json::Value& message : list.as_array()) {
    const std::string role = string_member(message, "role");
    const json::Value& content = message["content"];
    json::Array blocks;
    if (role == "system") {
      if (!out.system.empty()) out.system += "\n\n";
      out.system += text_of(content);
    } else if (role == "tool") {
      blocks.push_back(json::Object{{"type", "tool_result"},
                                    {"tool_use_id", string_member(message, "tool_call_id")},
                                    {"content", text_of(content)}});
      add_message("user", std::move(blocks), &out.messages);
    } else {
      add_content(content, &blocks);
      if (role == "assistant") add_calls(message, &blocks);
      add_message(role == "assistant" ? "assistant" : "user", std::move(blocks), &out.messages);
    }
  }
  return out;
}

bool has_format(const Generation& generation) {
  return generation.format.kind != OutputFormat::Kind::Text;
}

json::Value any_object() { return json::Object{{"type", "object"}}; }

void add_tools(const Generation& generation, json::Object* body) {
  json::Array tools;
  for (const Tool& tool : generation.tools) {
    json::Object entry{{"name", tool.name}};
    if (!tool.description.empty()) entry.emplace_back("description", tool.description);
    entry.emplace_back("input_schema", tool.parameters.is_null() ? any_object() : tool.parameters);
    tools.push_back(std::move(entry));
  }
  json::Object choice;
  if (has_format(generation) && generation.tools.empty()) {
    const json::Value& schema = generation.format.schema;
    tools.push_back(json::Object{{"name", kFormatTool},
                                 {"description", "Gives the answer in the form that is asked for."},
                                 {"input_schema", schema.is_null() ? any_object() : schema}});
    choice = {{"type", "tool"}, {"name", kFormatTool}, {"disable_parallel_tool_use", true}};
  } else if (generation.tools.empty()) {
    return;
  } else if (generation.tool_choice == ToolChoice::None) {
    choice = {{"type", "none"}};
  } else {
    if (generation.tool_choice == ToolChoice::Named)
      choice = {{"type", "tool"}, {"name", generation.tool_name}};
    else
      choice = {{"type", generation.tool_choice == ToolChoice::Required ? "any" : "auto"}};
    if (!generation.parallel_tool_calls) choice.emplace_back("disable_parallel_tool_use", true);
  }
  body->emplace_back("tools", std::move(tools));
  body->emplace_back("tool_choice", std::move(choice));
}

Finish finish_from(std::string_view reason) {
  if (reason == "max_tokens" || reason == "model_context_window_exceeded") return Finish::Length;
  if (reason == "tool_use") return Finish::ToolCalls;
  if (reason == "refusal") return Finish::ContentFilter;
  return Finish::Stop;
}

class AnthropicReader final : public AnswerReader {
 public:
  explicit AnthropicReader(const Generation& generation)
      : AnswerReader(generation),
        format_by_call_(has_format(generation) && generation.tools.empty()) {}

  base::Status read_event(std::string_view type, std::string_view data,
                          std::vector<Delta>* deltas) override;
  base::Status read_whole(std::string_view body, std::vector<Delta>* deltas) override;

 private:
  base::Status start_block(int64_t index, const json::Value& block, Delta* delta);
  base::Status continue_block(int64_t index, const json::Value& piece, Delta* delta);
  base::Status end_block(int64_t index, Delta* delta);
  base::Status take_stop_reason(const json::Value& holder, Delta* delta);
  void read_usage(const json::Value& usage);

  const bool format_by_call_;
  std::vector<int64_t> silent_;  // blocks of calls that have given no arguments yet
};

void AnthropicReader::read_usage(const json::Value& usage) {
  if (!usage.is_object()) return;
  if (!usage_) usage_ = TokenUsage{};
  if (const auto input = count_member(usage, "input_tokens")) {
    const int64_t read = count_member(usage, "cache_read_input_tokens").value_or(0);
    usage_->cached = read;
    usage_->prompt = *input + read + count_member(usage, "cache_creation_input_tokens").value_or(0);
  }
  if (const auto output = count_member(usage, "output_tokens")) usage_->completion = *output;
}

base::Status AnthropicReader::start_block(int64_t index, const json::Value& block, Delta* delta) {
  const std::string type = string_member(block, "type");
  if (type == "text") {
    delta->text = string_member(block, "text");
  } else if (type == "thinking") {
    delta->reasoning = string_member(block, "thinking");
  } else if (type == "tool_use") {
    const json::Value* input = find_member(block, "input");
    const bool whole = input != nullptr && input->is_object() && !input->as_object().empty();
    std::string arguments = whole ? json::dump(*input) : std::string();
    if (format_by_call_) {
      delta->text = std::move(arguments);
      return {};
    }
    if (!whole) silent_.push_back(index);
    return add_call(0, index, string_member(block, "id"), string_member(block, "name"),
                    std::move(arguments), delta);
  }
  return {};
}

// A call without arguments has an empty object of them.
base::Status AnthropicReader::end_block(int64_t index, Delta* delta) {
  if (std::erase(silent_, index) == 0) return {};
  return add_call(0, index, "", "", "{}", delta);
}

base::Status AnthropicReader::continue_block(int64_t index, const json::Value& piece,
                                             Delta* delta) {
  const std::string type = string_member(piece, "type");
  if (type == "text_delta") {
    delta->text = string_member(piece, "text");
  } else if (type == "thinking_delta") {
    delta->reasoning = string_member(piece, "thinking");
  } else if (type == "input_json_delta") {
    std::string arguments = string_member(piece, "partial_json");
    if (format_by_call_) {
      delta->text = std::move(arguments);
      return {};
    }
    if (!arguments.empty()) std::erase(silent_, index);
    return add_call(0, index, "", "", std::move(arguments), delta);
  }
  return {};
}

base::Status AnthropicReader::take_stop_reason(const json::Value& holder, Delta* delta) {
  const std::string reason = string_member(holder, "stop_reason");
  if (reason.empty()) return {};
  return finish_choice(0, finish_from(reason), delta);
}

base::Status AnthropicReader::read_event(std::string_view, std::string_view data,
                                         std::vector<Delta>* deltas) {
  TRY(const json::Value event, json::parse(data));
  const std::string type = string_member(event, "type");
  const json::Value* index = find_member(event, "index");
  const int64_t block = index != nullptr && index->is_int() ? index->as_int() : 0;
  Delta delta;
  if (type == "error") return state(event["error"]);
  if (type == "message_start") {
    read_usage(event["message"]["usage"]);
  } else if (type == "content_block_start" || type == "content_block_delta") {
    TRY_VOID(check_choice(0));
    TRY_VOID(type == "content_block_start" ? start_block(block, event["content_block"], &delta)
                                           : continue_block(block, event["delta"], &delta));
  } else if (type == "content_block_stop") {
    TRY_VOID(end_block(block, &delta));
  } else if (type == "message_delta") {
    read_usage(event["usage"]);
    TRY_VOID(take_stop_reason(event["delta"], &delta));
  } else if (type == "message_stop") {
    closed_ = true;
  }
  if (!delta.text.empty() || !delta.reasoning.empty() || !delta.tool_calls.empty() || delta.finish)
    deltas->push_back(std::move(delta));
  return {};
}

base::Status AnthropicReader::read_whole(std::string_view body, std::vector<Delta>* deltas) {
  TRY(const json::Value message, json::parse(body));
  if (const json::Value* error = find_member(message, "error")) return state(*error);
  const json::Value* content = find_member(message, "content");
  if (content == nullptr || !content->is_array())
    return base::fail(base::Code::Malformed, "a message without content");
  closed_ = true;
  for (size_t i = 0; i < content->as_array().size(); ++i) {
    Delta delta;
    TRY_VOID(start_block(static_cast<int64_t>(i), content->as_array()[i], &delta));
    TRY_VOID(end_block(static_cast<int64_t>(i), &delta));
    deltas->push_back(std::move(delta));
  }
  read_usage(message["usage"]);
  Delta last;
  TRY_VOID(take_stop_reason(message, &last));
  if (last.finish) deltas->push_back(std::move(last));
  return {};
}

}  // namespace

base::Status check_anthropic(const Generation& generation) {
  const auto refuse = [](std::string_view parameter) {
    return base::fail(
        base::Code::InvalidArgument,
        "Unsupported parameter: '" + std::string(parameter) + "' is not supported with this model.",
        std::string(parameter), "unsupported_parameter");
  };
  if (!std::holds_alternative<Messages>(generation.input)) return refuse("prompt");
  if (generation.choices > 1) return refuse("n");
  if (generation.sampling.logprobs) return refuse("logprobs");
  if (!generation.sampling.logit_bias.empty()) return refuse("logit_bias");
  if (has_format(generation) && !generation.tools.empty()) return refuse("response_format");
  return {};
}

WireCall write_anthropic_call(const WireRequest& request) {
  constexpr int64_t kMaxTokens = 4096;  // it asks for a number always
  const Generation& generation = request.generation;
  Conversation conversation = conversation_of(std::get<Messages>(generation.input).list);
  if (!request.prefix.empty()) {
    json::Array blocks{text_block(std::string(request.prefix))};
    add_message("assistant", std::move(blocks), &conversation.messages);
  }
  json::Object body{{"model", request.model},
                    {"max_tokens", request.max_tokens.value_or(kMaxTokens)},
                    {"messages", std::move(conversation.messages)},
                    {"stream", !generation.whole}};
  if (!conversation.system.empty()) body.emplace_back("system", std::move(conversation.system));
  if (!generation.stop.empty()) {
    json::Array stop;
    for (const std::string& text : generation.stop) stop.push_back(text);
    body.emplace_back("stop_sequences", std::move(stop));
  }
  // It knows temperatures up to 1.
  if (generation.temperature)
    body.emplace_back("temperature", static_cast<double>(std::min(*generation.temperature, 1.0f)));
  if (generation.top_p) body.emplace_back("top_p", static_cast<double>(*generation.top_p));
  if (generation.sampling.top_k > 0) body.emplace_back("top_k", generation.sampling.top_k);
  add_tools(generation, &body);
  return {"/messages", json::dump(json::Value(std::move(body)))};
}

std::unique_ptr<AnswerReader> make_anthropic_reader(const Generation& generation) {
  return std::make_unique<AnthropicReader>(generation);
}

}  // namespace gateway
