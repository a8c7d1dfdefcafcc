// Items of a response or a conversation: checked and put into the form in which they are stored and
// listed, and turned into the messages that a model reads. Everything that the API gives out as an
// item is taken back as it is.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>

#include "base/result.h"
#include "gateway/generation.h"
#include "json/json.h"

namespace api {

// `item` is one element of a request's input at `path` ("input[2]"). The id is left as the client
// gave it, or out. Errors: InvalidArgument with OpenAI's code and the path.
base::Result<json::Value> check_item(const json::Value& item, const std::string& path);

// A string is one message of the user; an array is checked item by item. `path` names it in errors.
// At most `items_max`.
base::Result<json::Array> check_items(const json::Value& input, const std::string& path,
                                      size_t items_max);

bool is_item_reference(const json::Value& item);

// A fresh id with the prefix of the item's type: "msg_…", "fc_…", "fco_…", "rs_…", "fs_…".
std::string new_item_id(const json::Value& item);

// The chat messages of these items, instructions (perhaps empty) first as the system's. Calls of
// one turn become one assistant message. Errors: InvalidArgument when a call and its output do not
// belong together.
base::Result<gateway::Messages> messages_of_items(std::span<const json::Value> items,
                                                  const std::string& instructions);

}  // namespace api
