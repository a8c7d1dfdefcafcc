// The body of POST /v1/chat/completions: its table of fields, and what becomes of it. What is null
// is absent, and what is known but not offered says so.
#pragma once

#include <optional>

#include "api/generation_request.h"
#include "api/schema.h"
#include "gateway/generation.h"
#include "json/json.h"

namespace api {

extern const Schema kChatCompletionSchema;

struct ChatCall {
  gateway::Generation generation;  // all but who and when (identify())
  Delivery delivery = {};
  bool functions = false;  // asked in the form before tools, and answered in it
  bool store = false;
  // What a model on this machine refuses the request with, when only an upstream can take it.
  std::optional<base::Error> local_refusal = {};
};

// `body` has passed kChatCompletionSchema.
base::Result<ChatCall> parse_chat_request(const json::Value& body);

}  // namespace api
