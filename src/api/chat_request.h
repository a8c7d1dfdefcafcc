// The body of POST /v1/chat/completions, checked field by field: what is wrong is refused with
// OpenAI's code and the parameter's name, what is null is absent, and what is known but not offered
// says so.
#pragma once

#include "gateway/gateway.h"
#include "json/json.h"

namespace api {

struct ChatCall {
  gateway::Generation request;  // model to choices; the caller adds id and time
  bool stream = false;
  bool include_usage = false;
  bool logprobs = false;
};

base::Result<ChatCall> parse_chat_request(const json::Value& body,
                                          bool tolerate_unknown_parameters);

}  // namespace api
