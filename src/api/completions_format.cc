#include "api/completions_format.h"

#include "base/bytes.h"
#include "base/utf8.h"
#include "json/json.h"

namespace api {
namespace {

// A token that is no whole text is spelled by its bytes, so that two of them never look the same.
std::string spelling(std::string_view bytes) {
  if (base::is_utf8(bytes)) return std::string(bytes);
  std::string out = "bytes:";
  for (const char c : bytes) {
    const auto byte = static_cast<uint8_t>(c);
    out += "\\x" + base::hex({&byte, 1});
  }
  return out;
}

bool continues_character(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

int64_t characters_begun(std::string_view bytes) {
  int64_t count = 0;
  for (const char c : bytes) count += continues_character(c) ? 0 : 1;
  return count;
}

// The likeliest, and the token itself.
void append_top(std::string* out, const gateway::TokenProbability& token) {
  if (!token.logprob) {
    out->append("null");
    return;
  }
  bool itself = false;
  out->push_back('{');
  const auto add = [out](std::string_view bytes, float logprob) {
    if (out->back() != '{') out->push_back(',');
    json::append_string(out, spelling(bytes));
    out->push_back(':');
    json::append_number(out, static_cast<double>(logprob));
  };
  for (const auto& [bytes, logprob] : token.top) {
    add(bytes, logprob);
    itself |= bytes == token.bytes;
  }
  if (!itself) add(token.bytes, *token.logprob);
  out->push_back('}');
}

template <class Append>
void append_list(std::string* out, std::string_view name,
                 std::span<const gateway::TokenProbability> tokens, Append append) {
  out->append(name).push_back('[');
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (i > 0) out->push_back(',');
    append(tokens[i]);
  }
  out->push_back(']');
}

void append_head(std::string* out, const AnswerHead& head) {
  out->push_back('{');
  append_member(out, "id", head.id);
  out->append(",\"object\":\"text_completion\",\"created\":" + std::to_string(head.created) + ",");
  append_member(out, "model", head.model);
  out->push_back(',');
  append_member(out, "system_fingerprint", head.fingerprint);
  out->append(",\"choices\":[");
}

void append_choice(std::string* out, size_t index, std::string_view text, std::string_view logprobs,
                   std::string_view finish) {
  out->push_back('{');
  append_member(out, "text", text);
  out->append(",\"index\":" + std::to_string(index) + ",\"logprobs\":");
  out->append(logprobs).append(",\"finish_reason\":");
  if (finish.empty())
    out->append("null");
  else
    json::append_string(out, finish);
  out->push_back('}');
}

}  // namespace

void append_completion_logprobs(std::string* out, std::span<const gateway::TokenProbability> tokens,
                                int top_logprobs, int64_t* characters) {
  append_list(out, "{\"tokens\":", tokens, [out](const gateway::TokenProbability& token) {
    json::append_string(out, spelling(token.bytes));
  });
  append_list(out, ",\"token_logprobs\":", tokens, [out](const gateway::TokenProbability& token) {
    if (token.logprob)
      json::append_number(out, static_cast<double>(*token.logprob));
    else
      out->append("null");
  });
  if (top_logprobs == 0) {
    out->append(",\"top_logprobs\":null");
  } else {
    append_list(out, ",\"top_logprobs\":", tokens,
                [out](const gateway::TokenProbability& token) { append_top(out, token); });
  }
  append_list(out, ",\"text_offset\":", tokens,
              [out, characters](const gateway::TokenProbability& token) {
                const bool inside = !token.bytes.empty() && continues_character(token.bytes[0]);
                out->append(std::to_string(*characters - (inside && *characters > 0 ? 1 : 0)));
                *characters += characters_begun(token.bytes);
              });
  out->push_back('}');
}

std::string completion_answer(const AnswerHead& head, std::span<const AnswerChoice> choices,
                              const gateway::TokenUsage& usage, const CompletionShape& shape) {
  std::string out;
  append_head(&out, head);
  for (size_t i = 0; i < choices.size(); ++i) {
    if (i > 0) out += ',';
    std::string logprobs = "null";
    int64_t characters = 0;
    if (shape.logprobs) {
      logprobs.clear();
      append_completion_logprobs(&logprobs, choices[i].tokens, shape.top_logprobs, &characters);
    }
    append_choice(&out, i, choices[i].text, logprobs,
                  finish_reason(choices[i].finish.value_or(gateway::Finish::Stop), {}));
  }
  out += "],\"usage\":";
  append_usage(&out, usage);
  out += '}';
  return out;
}

CompletionWriter::CompletionWriter(const AnswerHead& head, const CompletionShape& shape,
                                   size_t choices)
    : prefix_("data: "), shape_(shape), characters_(choices) {
  append_head(&prefix_, head);
}

void CompletionWriter::event(std::string* out, size_t index, std::string_view text,
                             std::span<const gateway::TokenProbability> tokens,
                             std::string_view finish) {
  std::string logprobs = "null";
  if (shape_.logprobs && !tokens.empty()) {
    logprobs.clear();
    append_completion_logprobs(&logprobs, tokens, shape_.top_logprobs, &characters_[index]);
  }
  out->append(prefix_);
  append_choice(out, index, text, logprobs, finish);
  out->append(shape_.include_usage ? "],\"usage\":null}\n\n" : "]}\n\n");
}

void CompletionWriter::piece(std::string* out, size_t index, const gateway::Delta& delta) {
  const bool tokens = shape_.logprobs && !delta.tokens.empty();
  if (!delta.text.empty() || tokens) event(out, index, delta.text, delta.tokens, "");
}

void CompletionWriter::finish(std::string* out, size_t index, gateway::Finish reason) {
  event(out, index, "", {}, finish_reason(reason, {}));
}

void CompletionWriter::usage(std::string* out, const gateway::TokenUsage& usage) const {
  out->append(prefix_).append("],\"usage\":");
  append_usage(out, usage);
  out->append("}\n\n");
}

}  // namespace api
