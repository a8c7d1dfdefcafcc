// Arbitrary bytes as the body of a message: refused with a sentence, or a generation whose messages
// are those of chat completions.
#include <cstdint>

#include "api/anthropic_request.h"
#include "base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto body = json::parse({reinterpret_cast<const char*>(data), size});
  if (!body || !body->is_object()) return 0;
  if (!api::check_body(*body, api::kAnthropicMessageSchema, size % 2 == 0)) return 0;
  const auto call = api::parse_anthropic_request(*body);
  if (!call) {
    CHECK(!call.error().message.empty() && call.error().code == base::Code::InvalidArgument);
    return 0;
  }
  const gateway::Generation& generation = call->generation;
  const json::Array& messages = std::get<gateway::Messages>(generation.input).list.as_array();
  CHECK(!generation.model.empty() && !messages.empty() && generation.max_tokens);
  for (const json::Value& message : messages) {
    const json::Value& content = message["content"];
    CHECK(message["role"].is_string());
    CHECK(content.is_string() || (content.is_array() && call->local_refusal) ||
          (content.is_null() && message["tool_calls"].is_array()));
  }
  CHECK(generation.tool_choice != gateway::ToolChoice::Named || !generation.tool_name.empty());
  return 0;
}
