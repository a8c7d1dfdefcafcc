// Anthropic's conversations as the gateway has them: blocks of text, calls of tools and their
// results become messages of chat completions.
#pragma once

#include <optional>

#include "api/schema.h"
#include "base/result.h"
#include "json/json.h"

namespace api {

extern const Schema kAnthropicTurnSchema;   // one of `messages`
extern const Schema kAnthropicBlockSchema;  // of a turn's or the system's content

struct AnthropicMessages {
  json::Value list = {};  // as gateway::Messages has them
  std::optional<base::Error> local_refusal = {};
};

// `system` is a string, an array of text blocks, or null. Both have passed their tables.
base::Result<AnthropicMessages> read_anthropic_messages(const json::Value& system,
                                                        const json::Value& messages);

}  // namespace api
