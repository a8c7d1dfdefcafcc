// The messages of a chat completion: what the table of fields cannot say about them (which roles
// need what, and that every tool call is answered), and their form for the gateway.
#pragma once

#include <optional>

#include "api/schema.h"
#include "base/result.h"
#include "json/json.h"

namespace api {

extern const Schema kChatMessageSchema;

struct ChatMessages {
  // As gateway::Messages has them: the text parts of a message are one string; "developer" has
  // become "system", "function" "tool".
  json::Value list = {};
  // What a local model refuses the first part with that is no text; such messages keep their parts.
  std::optional<base::Error> local_refusal = {};
};

// `messages` has passed kChatMessageSchema.
base::Result<ChatMessages> read_chat_messages(const json::Value& messages);

// "'messages' must contain the word 'json' …" unless some text of them does.
base::Status require_word_json(const json::Value& messages, std::string_view parameter,
                               std::string_view format_parameter);

}  // namespace api
