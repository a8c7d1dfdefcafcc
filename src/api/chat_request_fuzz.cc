// Arbitrary bytes as the body of a chat completion: refused with a sentence, or a request that
// keeps every limit.
#include <cstdint>

#include "api/chat_request.h"
#include "base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto body = json::parse({reinterpret_cast<const char*>(data), size});
  if (!body || !body->is_object()) return 0;
  const auto call = api::parse_chat_request(*body, size % 2 == 0);
  if (!call) {
    CHECK(!call.error().message.empty() && call.error().code == base::Code::InvalidArgument);
    return 0;
  }
  const gateway::ChatRequest& request = call->request;
  CHECK(!request.channel.empty() && !request.messages.as_array().empty());
  for (const json::Value& message : request.messages.as_array()) {
    CHECK(message["role"].is_string() && message["content"].is_string());
  }
  CHECK(request.choices >= 1 && request.choices <= 128 && request.max_tokens >= 0 &&
        request.stop.size() <= 4);
  CHECK(request.sampling.top_logprobs >= 0 && request.sampling.top_logprobs <= 20);
  return 0;
}
