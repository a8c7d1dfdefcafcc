// A response from its admission to its end: the generation's sink that writes the items and events,
// answers the client or lets it follow, stores the response, and tells who waits for one in the
// background.
#pragma once

#include "api/call.h"
#include "api/responses_request.h"
#include "api/responses_store.h"

namespace api {

// Answers the call, now or later. The request's input has ids; `history` stands before it.
void start_response(const Call& call, ResponseRequest request, json::Array history);

// What the gateway is to read: history, input and instructions.
base::Status set_input(ResponseRequest* request, const json::Array& history);

// The gateway's refusals as this API words them: an unknown model is a fault of the parameter, a
// long prompt one of the input.
ApiError response_refusal(const base::Error& error, const std::string& model);

}  // namespace api
