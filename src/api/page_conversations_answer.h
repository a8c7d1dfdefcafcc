// Answers that are written into the page's conversations: stored as they come, and shown to every
// page that follows the conversation.
#pragma once

#include <string>

#include "api/call.h"
#include "api/generations.h"
#include "chat/conversations.h"
#include "json/json.h"

namespace api {

json::Value message_json(const chat::Message& message);

// Runs the model on the path that ends in `answer`'s parent and streams into the call, which has
// been answered with nothing yet. `live` is under the conversation's id in Generations;
// `user_message_id` is what the page is told.
void start_page_answer(const Call& call, const chat::Message& answer, std::string user_message_id,
                       std::shared_ptr<LiveAnswer> live);

// The id of an event of the page's stream: the answer's name, a colon, the event's number.
std::string page_event_id(const LiveAnswer& answer, int64_t number);
// The number that stands in such an id; -1 when it is of another answer, or none.
int64_t number_in_page_event_id(std::string_view id, const LiveAnswer& answer);

}  // namespace api
