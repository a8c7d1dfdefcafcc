// The bodies of POST /v1/messages and /v1/messages/count_tokens (Anthropic's Messages API): their
// tables of fields, and the generation that they ask for.
#pragma once

#include <optional>

#include "api/schema.h"
#include "gateway/generation.h"

namespace api {

extern const Schema kAnthropicMessageSchema;
extern const Schema kAnthropicCountSchema;

struct AnthropicCall {
  gateway::Generation generation;  // all but who and when (identify())
  bool stream = false;
  // What a model on this machine refuses the request with, when only an upstream can take it.
  std::optional<base::Error> local_refusal = {};
};

// `body` has passed one of the two tables.
base::Result<AnthropicCall> parse_anthropic_request(const json::Value& body);

}  // namespace api
