// A message as Anthropic's clients read it, whole and as events.
#pragma once

#include <string>

#include "api/answer.h"
#include "gateway/generation.h"

namespace api {

struct MessageHead {
  std::string id = {};  // "msg_…"
  std::string model = {};
};

// Why a message ended; `stop` is the sequence that ended it, if one did.
struct MessageStop {
  gateway::Finish finish = gateway::Finish::Stop;
  bool calls = false;
  std::string stop = {};
};

std::string anthropic_answer(const MessageHead& head, const AnswerChoice& choice,
                             const gateway::TokenUsage& usage, const MessageStop& stop);

// The events of a streamed message. Blocks are opened when their first piece comes and closed when
// another begins.
class MessageWriter {
 public:
  explicit MessageWriter(MessageHead head) : head_(std::move(head)) {}

  void start(std::string* out, int64_t input_tokens) const;
  void piece(std::string* out, const gateway::Delta& delta);
  void end(std::string* out, const gateway::TokenUsage& usage, const MessageStop& stop);
  static void error(std::string* out, const json::Value& body);

 private:
  enum class Block : uint8_t { None, Text, Thinking, Tool };
  void open(std::string* out, Block block, std::string_view content);
  void close(std::string* out);
  void delta(std::string* out, std::string_view type, std::string_view member,
             std::string_view text) const;

  MessageHead head_;
  Block block_ = Block::None;
  int tool_ = -1;  // the call that the open block is of
  int index_ = -1;
};

}  // namespace api
