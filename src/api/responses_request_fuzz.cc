// Arbitrary bytes as the body of a response: refused with a sentence, or a request that keeps every
// limit and whose items the model can be given.
#include <cstdint>

#include "api/responses_items.h"
#include "api/responses_request.h"
#include "base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto body = json::parse({reinterpret_cast<const char*>(data), size});
  if (!body || !body->is_object()) return 0;
  if (!api::check_body(*body, api::kCreateResponseSchema, size % 2 == 0)) return 0;
  auto request = api::parse_response_request(*body);
  if (!request) {
    CHECK(!request.error().message.empty());
    return 0;
  }
  CHECK(!request->generation.model.empty());
  CHECK(request->conversation_id.empty() || request->previous_response_id.empty());
  CHECK(!request->background || request->store);
  CHECK(!request->generation.max_tokens || *request->generation.max_tokens >= 16);
  CHECK(request->generation.tool_choice != gateway::ToolChoice::Named ||
        !request->generation.tool_name.empty());
  for (json::Value& item : request->input) {
    CHECK(item["type"].is_string());
    if (api::is_item_reference(item)) return 0;  // what it names is in a store
    // What the API gives out is taken back as it is.
    const auto again = api::check_item(item, "input[0]");
    CHECK(again && *again == item);
    CHECK(!api::new_item_id(item).empty());
  }
  const auto messages = api::messages_of_items(request->input, request->instructions);
  if (!messages) return 0;
  for (const json::Value& message : messages->list.as_array()) CHECK(message["role"].is_string());
  return 0;
}
