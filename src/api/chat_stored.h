// Chat completions that were asked to be kept (`store`).
#pragma once

#include <string>

#include "api/call.h"
#include "json/json.h"

namespace api {

// Keeps the answer with what of its request clients read again: metadata, messages, parameters.
// Returns once it is on disk.
base::Status store_chat_completion(const Call& call, const json::Value& request,
                                   const std::string& answer);

}  // namespace api
