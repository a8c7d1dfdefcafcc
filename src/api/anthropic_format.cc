#include "api/anthropic_format.h"

#include "json/json.h"

namespace api {
namespace {

std::string_view stop_reason(const MessageStop& stop) {
  switch (stop.finish) {
    case gateway::Finish::Length:
      return "max_tokens";
    case gateway::Finish::ContentFilter:
      return "refusal";
    default:
      return stop.calls ? "tool_use" : stop.stop.empty() ? "end_turn" : "stop_sequence";
  }
}

// "stop_reason" and "stop_sequence"
void append_stop(std::string* out, const MessageStop& stop) {
  append_member(out, "stop_reason", stop_reason(stop));
  out->append(",\"stop_sequence\":");
  if (stop_reason(stop) == "stop_sequence")
    json::append_string(out, stop.stop);
  else
    out->append("null");
}

// Tokens that were read from a cache are not counted among input_tokens.
void append_message_usage(std::string* out, const gateway::TokenUsage& usage) {
  out->append("{\"input_tokens\":" + std::to_string(usage.prompt - usage.cached));
  out->append(",\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":" +
              std::to_string(usage.cached));
  out->append(",\"output_tokens\":" + std::to_string(usage.completion) + "}");
}

void append_message_head(std::string* out, const MessageHead& head) {
  out->push_back('{');
  append_member(out, "id", head.id);
  out->append(",\"type\":\"message\",\"role\":\"assistant\",");
  append_member(out, "model", head.model);
  out->append(",\"content\":[");
}

// The arguments are JSON text; a call that was cut off has none that parses.
void append_tool_use(std::string* out, const AnswerChoice::Call& call) {
  out->append("{\"type\":\"tool_use\",");
  append_member(out, "id", call.id);
  out->push_back(',');
  append_member(out, "name", call.name);
  const auto input = json::parse(call.arguments);
  out->append(",\"input\":").append(input && input->is_object() ? json::dump(*input) : "{}");
  out->push_back('}');
}

void begin_event(std::string* out, std::string_view type) {
  out->append("event: ").append(type).append("\ndata: {\"type\":\"").append(type).append("\"");
}

}  // namespace

std::string anthropic_answer(const MessageHead& head, const AnswerChoice& choice,
                             const gateway::TokenUsage& usage, const MessageStop& stop) {
  std::string out;
  append_message_head(&out, head);
  const auto next = [&out] {
    if (out.back() != '[') out.push_back(',');
  };
  if (!choice.reasoning.empty()) {
    out += "{\"type\":\"thinking\",";
    append_member(&out, "thinking", choice.reasoning);
    out += ",\"signature\":\"\"}";
  }
  const std::string& text = choice.text.empty() ? choice.refusal : choice.text;
  if (!text.empty()) {
    next();
    out += "{\"type\":\"text\",";
    append_member(&out, "text", text);
    out += '}';
  }
  for (const AnswerChoice::Call& call : choice.calls) {
    next();
    append_tool_use(&out, call);
  }
  out += "],";
  append_stop(&out, stop);
  out += ",\"usage\":";
  append_message_usage(&out, usage);
  out += '}';
  return out;
}

void MessageWriter::start(std::string* out, int64_t input_tokens) const {
  begin_event(out, "message_start");
  out->append(",\"message\":");
  append_message_head(out, head_);
  out->append("],\"stop_reason\":null,\"stop_sequence\":null,\"usage\":");
  append_message_usage(out, {.prompt = input_tokens});
  out->append("}}\n\nevent: ping\ndata: {\"type\":\"ping\"}\n\n");
}

void MessageWriter::open(std::string* out, Block block, std::string_view content) {
  close(out);
  block_ = block;
  ++index_;
  begin_event(out, "content_block_start");
  out->append(",\"index\":" + std::to_string(index_) + ",\"content_block\":");
  out->append(content).append("}\n\n");
}

void MessageWriter::close(std::string* out) {
  if (block_ == Block::None) return;
  block_ = Block::None;
  begin_event(out, "content_block_stop");
  out->append(",\"index\":" + std::to_string(index_) + "}\n\n");
}

void MessageWriter::delta(std::string* out, std::string_view type, std::string_view member,
                          std::string_view text) const {
  begin_event(out, "content_block_delta");
  out->append(",\"index\":" + std::to_string(index_) + ",\"delta\":{\"type\":\"");
  out->append(type).append("\",");
  append_member(out, member, text);
  out->append("}}\n\n");
}

void MessageWriter::piece(std::string* out, const gateway::Delta& delta_of_choice) {
  const gateway::Delta& piece = delta_of_choice;
  if (!piece.reasoning.empty()) {
    if (block_ != Block::Thinking)
      open(out, Block::Thinking, R"({"type":"thinking","thinking":"","signature":""})");
    delta(out, "thinking_delta", "thinking", piece.reasoning);
  }
  for (const std::string* text : {&piece.text, &piece.refusal}) {
    if (text->empty()) continue;
    if (block_ != Block::Text) open(out, Block::Text, R"({"type":"text","text":""})");
    delta(out, "text_delta", "text", *text);
  }
  for (const gateway::ToolCallDelta& call : piece.tool_calls) {
    if (block_ != Block::Tool || tool_ != call.index) {
      std::string content = "{\"type\":\"tool_use\",";
      append_member(&content, "id", call.id);
      content += ',';
      append_member(&content, "name", call.name);
      open(out, Block::Tool, content + ",\"input\":{}}");
      tool_ = call.index;
    }
    if (!call.arguments.empty()) delta(out, "input_json_delta", "partial_json", call.arguments);
  }
}

void MessageWriter::end(std::string* out, const gateway::TokenUsage& usage,
                        const MessageStop& stop) {
  close(out);
  begin_event(out, "message_delta");
  out->append(",\"delta\":{");
  append_stop(out, stop);
  out->append("},\"usage\":");
  append_message_usage(out, usage);
  out->append("}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n");
}

void MessageWriter::error(std::string* out, const json::Value& body) {
  out->append("event: error\ndata: ").append(json::dump(body)).append("\n\n");
}

}  // namespace api
