// The answer of a chat completion, whole and in pieces, in the exact shapes and order that clients
// check (API 5). All of it is appended to strings: no value is built for a piece.
#pragma once

#include <span>
#include <string>

#include "api/answer.h"
#include "gateway/generation.h"

namespace api {

struct AnswerHead {
  std::string id = {};  // "chatcmpl-…"
  int64_t created = 0;  // seconds
  std::string model = {};
  std::string fingerprint = {};
};
AnswerHead head_of(std::string_view id_prefix, const gateway::Answerer& answerer, base::Time now);

// What the request has to say about the answer's shape.
struct ChatShape {
  bool logprobs = false;
  bool include_usage = false;
  bool tools_forced = false;  // no text can come before the calls
  bool tool_named = false;    // then the answer's finish is "stop"
  bool functions = false;     // one call, as function_call
};

std::string_view finish_reason(gateway::Finish finish, const ChatShape& shape);
void append_usage(std::string* out, const gateway::TokenUsage& usage);

std::string chat_answer(const AnswerHead& head, std::span<const AnswerChoice> choices,
                        const gateway::End& end, const ChatShape& shape);

// The events of a streamed answer, each "data: …\n\n". With include_usage every chunk but the last
// has "usage":null.
class ChunkWriter {
 public:
  ChunkWriter(const AnswerHead& head, const ChatShape& shape);

  void first(std::string* out, int choice, bool calls) const;
  void piece(std::string* out, const gateway::Delta& delta) const;  // nothing when it is empty
  void finish(std::string* out, int choice, gateway::Finish reason) const;
  void usage(std::string* out, const gateway::TokenUsage& usage) const;

 private:
  void open(std::string* out, int choice) const;  // up to and with "delta":
  void close(std::string* out, std::string_view logprobs, std::string_view finish) const;

  std::string prefix_;  // up to "choices":[
  ChatShape shape_;
};

inline constexpr std::string_view kStreamDone = "data: [DONE]\n\n";

}  // namespace api
