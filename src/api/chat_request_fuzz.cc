// Arbitrary bytes as the body of a chat completion: refused with a sentence, or a request that
// keeps every limit.
#include <cstdint>

#include "api/chat_request.h"
#include "api/schema.h"
#include "base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto body = json::parse({reinterpret_cast<const char*>(data), size});
  if (!body || !body->is_object()) return 0;
  if (!api::check_body(*body, api::kChatCompletionSchema, size % 2 == 0)) return 0;
  const auto call = api::parse_chat_request(*body);
  if (!call) {
    CHECK(!call.error().message.empty() && call.error().code == base::Code::InvalidArgument);
    return 0;
  }
  const gateway::Generation& request = call->generation;
  const json::Array& messages = std::get<gateway::Messages>(request.input).list.as_array();
  CHECK(!request.model.empty() && !messages.empty());
  for (const json::Value& message : messages) {
    const json::Value& content = message["content"];
    CHECK(message["role"].is_string());
    CHECK(content.is_string() || (content.is_array() && call->local_refusal) ||
          (content.is_null() && message["tool_calls"].is_array()));
  }
  CHECK(request.choices >= 1 && request.choices <= 128 && request.stop.size() <= 4);
  CHECK(!request.max_tokens || *request.max_tokens >= 1);
  CHECK(request.sampling.top_logprobs >= 0 && request.sampling.top_logprobs <= 20);
  CHECK(request.tool_choice != gateway::ToolChoice::Named || !request.tool_name.empty());
  return 0;
}
