// Tools, the choice among them and the form of the answer, as chat completions name them.
#pragma once

#include "api/schema.h"
#include "gateway/generation.h"
#include "json/json.h"

namespace api {

extern const Schema kChatToolSchema;
extern const Schema kChatFunctionSchema;  // of the older `functions`
extern const Schema kResponseFormatSchema;

// tools, tool_choice, parallel_tool_calls, or the older functions and function_call. The body has
// passed its table of fields.
base::Status read_chat_tools(const json::Value& body, gateway::Generation* generation);
// response_format
base::Status read_response_format(const json::Value& body, gateway::Generation* generation);

}  // namespace api
