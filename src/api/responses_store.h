// Responses, conversations and their items in the store. A response is one object with its input
// and output; each item has a row that says where it is, so that a reference finds it. The events
// of a response in the background are stored as they come.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/call.h"
#include "json/json.h"
#include "objects/store.h"

namespace api {

inline constexpr std::string_view kResponseKind = "response";
inline constexpr std::string_view kResponseItemKind = "response.item";
inline constexpr std::string_view kResponseEventsKind = "response.events";
inline constexpr std::string_view kConversationKind = "conversation";
inline constexpr std::string_view kConversationItemKind = "conversation.item";

struct StoredResponse {
  std::string project_id = {};
  json::Value response = {};  // the response object
  json::Array input = {};     // with ids
};

// NotFound, as OpenAI words it, for one that is not there and one of another project alike.
base::Result<StoredResponse> load_response(const objects::Store& store, std::string_view project_id,
                                           std::string_view id);
// Also the rows of its items.
base::Status insert_response(objects::Store& store, const StoredResponse& stored, base::Time now);
// The end of one that was inserted when it began.
base::Status finish_response(objects::Store& store, const StoredResponse& stored, base::Time now);
base::Status remove_response(objects::Store& store, std::string_view project_id,
                             std::string_view id);

// The items that stand before the input of a response after `id`: the whole chain, oldest first.
// InvalidArgument, previous_response_not_found, when one is missing or has not ended.
base::Result<json::Array> load_chain(const objects::Store& store, std::string_view project_id,
                                     const std::string& id);
// References become the items that they name (else NotFound: "Item with id '…' not found."); an id
// that is not of a stored item is replaced, and every item has one.
base::Status resolve_items(const objects::Store& store, std::string_view project_id,
                           json::Array* items);

// --- conversations

base::Result<objects::Object> load_conversation(const objects::Store& store,
                                                std::string_view project_id, std::string_view id);
base::Result<json::Array> load_conversation_items(const objects::Store& store,
                                                  std::string_view project_id,
                                                  const std::string& conversation_id);
// Appends what is not in it yet; the items' ids may change when they are taken.
base::Status append_conversation_items(objects::Store& store, std::string_view project_id,
                                       const std::string& conversation_id, json::Array* items,
                                       base::Time now);

// --- events of responses in the background

base::Status append_response_events(objects::Store& store, std::string_view project_id,
                                    const std::string& response_id, int64_t first,
                                    const std::vector<std::string>& events, base::Time now);
struct StoredEvents {
  int64_t first = 0;  // sequence number of the first one
  std::vector<std::string> events = {};
};
base::Result<StoredEvents> load_response_events(const objects::Store& store,
                                                std::string_view project_id,
                                                const std::string& response_id);

// Responses that were under way when the server stopped: nobody writes them any more, so they have
// failed. Returns how many.
base::Result<int64_t> fail_interrupted_responses(objects::Store& store);

}  // namespace api
