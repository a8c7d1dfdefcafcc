#include "api/chat_format.h"

#include <charconv>
#include <utility>
#include <vector>

#include "crypto/random.h"
#include "json/json.h"

namespace api {
namespace {

void append_integer(std::string* out, int64_t value) {
  char text[24];
  const auto [end, error] = std::to_chars(text, text + sizeof text, value);
  out->append(text, end);
}

// {"token","logprob","bytes"} without its last brace. A token that is half a character has a
// replacement in `token`, and its bytes say what it is.
void append_token(std::string* out, std::string_view bytes, float logprob) {
  out->append("{\"token\":");
  json::append_string(out, bytes);
  out->append(",\"logprob\":");
  json::append_number(out, static_cast<double>(logprob));
  out->append(",\"bytes\":[");
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (i > 0) out->push_back(',');
    append_integer(out, static_cast<unsigned char>(bytes[i]));
  }
  out->push_back(']');
}

void append_logprobs(std::string* out, std::span<const gateway::TokenProbability> tokens) {
  out->append("{\"content\":[");
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (i > 0) out->push_back(',');
    append_token(out, tokens[i].bytes, tokens[i].logprob.value_or(0));
    out->append(",\"top_logprobs\":[");
    for (size_t k = 0; k < tokens[i].top.size(); ++k) {
      if (k > 0) out->push_back(',');
      append_token(out, tokens[i].top[k].first, tokens[i].top[k].second);
      out->push_back('}');
    }
    out->append("]}");
  }
  out->append("],\"refusal\":null}");
}

void append_function(std::string* out, std::string_view name, std::string_view arguments) {
  out->push_back('{');
  if (!name.empty()) {
    append_member(out, "name", name);
    out->push_back(',');
  }
  append_member(out, "arguments", arguments);
  out->push_back('}');
}

void append_calls(std::string* out, std::span<const AnswerChoice::Call> calls) {
  out->append(",\"tool_calls\":[");
  for (size_t i = 0; i < calls.size(); ++i) {
    out->append(i > 0 ? ",{" : "{");
    append_member(out, "id", calls[i].id);
    out->append(",\"type\":\"function\",\"function\":");
    append_function(out, calls[i].name, calls[i].arguments);
    out->push_back('}');
  }
  out->push_back(']');
}

void append_message(std::string* out, const AnswerChoice& choice, const ChatShape& shape) {
  out->append("{\"role\":\"assistant\",\"content\":");
  const bool silent = choice.text.empty() && (!choice.calls.empty() || !choice.refusal.empty());
  if (silent)
    out->append("null");
  else
    json::append_string(out, choice.text);
  out->append(",\"refusal\":");
  if (choice.refusal.empty())
    out->append("null");
  else
    json::append_string(out, choice.refusal);
  out->append(",\"annotations\":[]");
  if (!choice.reasoning.empty()) {
    out->push_back(',');
    append_member(out, "reasoning_content", choice.reasoning);
  }
  if (!choice.calls.empty() && shape.functions) {
    out->append(",\"function_call\":");
    append_function(out, choice.calls[0].name, choice.calls[0].arguments);
  } else if (!choice.calls.empty()) {
    append_calls(out, choice.calls);
  }
  out->push_back('}');
}

}  // namespace

AnswerHead head_of(std::string_view id_prefix, const gateway::Answerer& answerer, base::Time now) {
  return {crypto::random_id(id_prefix), now.seconds(), answerer.model, answerer.fingerprint};
}

std::string_view finish_reason(gateway::Finish finish, const ChatShape& shape) {
  switch (finish) {
    case gateway::Finish::Length:
      return "length";
    case gateway::Finish::ContentFilter:
      return "content_filter";
    case gateway::Finish::ToolCalls:
      return shape.tool_named ? "stop" : shape.functions ? "function_call" : "tool_calls";
    default:
      return "stop";
  }
}

void append_usage(std::string* out, const gateway::TokenUsage& usage) {
  const auto member = [out](std::string_view name, int64_t value) {
    out->append(name);
    append_integer(out, value);
  };
  member("{\"prompt_tokens\":", usage.prompt);
  member(",\"completion_tokens\":", usage.completion);
  member(",\"total_tokens\":", usage.prompt + usage.completion);
  member(",\"prompt_tokens_details\":{\"cached_tokens\":", usage.cached);
  member(",\"audio_tokens\":0},\"completion_tokens_details\":{\"reasoning_tokens\":",
         usage.reasoning);
  out->append(
      ",\"audio_tokens\":0,\"accepted_prediction_tokens\":0,\"rejected_prediction_tokens\":0}}");
}

std::string chat_answer(const AnswerHead& head, std::span<const AnswerChoice> choices,
                        const gateway::End& end, const ChatShape& shape) {
  std::string out = "{";
  append_member(&out, "id", head.id);
  out += ",\"object\":\"chat.completion\",\"created\":";
  append_integer(&out, head.created);
  out += ',';
  append_member(&out, "model", head.model);
  out += ",\"choices\":[";
  for (size_t i = 0; i < choices.size(); ++i) {
    out += i > 0 ? ",{\"index\":" : "{\"index\":";
    append_integer(&out, static_cast<int64_t>(i));
    out += ",\"message\":";
    append_message(&out, choices[i], shape);
    out += ",\"logprobs\":";
    if (shape.logprobs)
      append_logprobs(&out, choices[i].tokens);
    else
      out += "null";
    out += ',';
    append_member(&out, "finish_reason", finish_reason(end.finishes[i], shape));
    out += '}';
  }
  out += "],\"usage\":";
  append_usage(&out, end.usage);
  out += ",\"service_tier\":\"default\",";
  append_member(&out, "system_fingerprint", head.fingerprint);
  out += '}';
  return out;
}

ChunkWriter::ChunkWriter(const AnswerHead& head, const ChatShape& shape) : shape_(shape) {
  prefix_ = "data: {";
  append_member(&prefix_, "id", head.id);
  prefix_ += ",\"object\":\"chat.completion.chunk\",\"created\":" + std::to_string(head.created);
  prefix_ += ',';
  append_member(&prefix_, "model", head.model);
  prefix_ += ',';
  append_member(&prefix_, "system_fingerprint", head.fingerprint);
  prefix_ += ",\"choices\":[";
}

void ChunkWriter::open(std::string* out, int choice) const {
  out->append(prefix_).append("{\"index\":");
  append_integer(out, choice);
  out->append(",\"delta\":");
}

void ChunkWriter::close(std::string* out, std::string_view logprobs,
                        std::string_view finish) const {
  out->append(",\"logprobs\":").append(logprobs).append(",\"finish_reason\":").append(finish);
  out->append(shape_.include_usage ? "}],\"usage\":null}\n\n" : "}]}\n\n");
}

void ChunkWriter::first(std::string* out, int choice, bool calls) const {
  open(out, choice);
  out->append(calls ? R"({"role":"assistant","content":null,"refusal":null})"
                    : R"({"role":"assistant","content":"","refusal":null})");
  close(out, "null", "null");
}

// One entry for each call, however many pieces of it came together: clients look for a call by its
// index and take the first entry that has it.
std::vector<gateway::ToolCallDelta> joined(std::span<const gateway::ToolCallDelta> pieces) {
  std::vector<gateway::ToolCallDelta> calls;
  for (const gateway::ToolCallDelta& piece : pieces) {
    if (calls.empty() || calls.back().index != piece.index) {
      calls.push_back(piece);
      continue;
    }
    if (!piece.id.empty()) calls.back().id = piece.id;
    if (!piece.name.empty()) calls.back().name = piece.name;
    calls.back().arguments += piece.arguments;
  }
  return calls;
}

// Each tool call's id, type and name come with its first piece alone: clients join repeats.
void append_call_pieces(std::string* out, std::span<const gateway::ToolCallDelta> pieces,
                        bool functions) {
  const std::vector<gateway::ToolCallDelta> calls = joined(pieces);
  if (functions) {
    out->append("\"function_call\":");
    return append_function(out, calls[0].name, calls[0].arguments);
  }
  out->append("\"tool_calls\":[");
  for (size_t i = 0; i < calls.size(); ++i) {
    out->append(i > 0 ? ",{\"index\":" : "{\"index\":");
    append_integer(out, calls[i].index);
    if (!calls[i].id.empty()) {
      out->push_back(',');
      append_member(out, "id", calls[i].id);
      out->append(",\"type\":\"function\"");
    }
    out->append(",\"function\":");
    append_function(out, calls[i].name, calls[i].arguments);
    out->push_back('}');
  }
  out->push_back(']');
}

void ChunkWriter::piece(std::string* out, const gateway::Delta& delta) const {
  const bool tokens = shape_.logprobs && !delta.tokens.empty();
  if (delta.text.empty() && delta.reasoning.empty() && delta.refusal.empty() &&
      delta.tool_calls.empty() && !tokens)
    return;
  open(out, delta.choice);
  char before = '{';
  const auto text = [&](std::string_view name, const std::string& value) {
    out->push_back(std::exchange(before, ','));
    append_member(out, name, value);
  };
  if (!delta.text.empty() || (tokens && delta.tool_calls.empty())) text("content", delta.text);
  if (!delta.reasoning.empty()) text("reasoning_content", delta.reasoning);
  if (!delta.refusal.empty()) text("refusal", delta.refusal);
  if (!delta.tool_calls.empty()) {
    out->push_back(std::exchange(before, ','));
    append_call_pieces(out, delta.tool_calls, shape_.functions);
  }
  if (before == '{') out->push_back(before);
  out->push_back('}');
  std::string logprobs;
  if (tokens) append_logprobs(&logprobs, delta.tokens);
  close(out, tokens ? std::string_view(logprobs) : "null", "null");
}

void ChunkWriter::finish(std::string* out, int choice, gateway::Finish reason) const {
  open(out, choice);
  out->append("{}");
  close(out, "null", "\"" + std::string(finish_reason(reason, shape_)) + "\"");
}

void ChunkWriter::usage(std::string* out, const gateway::TokenUsage& usage) const {
  out->append(prefix_).append("],\"usage\":");
  append_usage(out, usage);
  out->append("}\n\n");
}

}  // namespace api
