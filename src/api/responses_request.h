// The body of POST /v1/responses, checked and read: what goes to the gateway, what goes into the
// response object, and which stored items stand before the input.
#pragma once

#include <optional>
#include <string>

#include "api/responses_tools.h"
#include "api/schema.h"
#include "gateway/generation.h"
#include "json/json.h"

namespace api {

extern const Schema kCreateResponseSchema;

struct ResponseRequest {
  gateway::Generation generation;  // without its input
  json::Value response = {};       // the response object: in progress, without id and time
  json::Array input = {};          // checked items; references are not resolved
  std::string instructions = {};
  std::string previous_response_id = {};
  std::string conversation_id = {};
  std::optional<FileSearchTool> search = {};
  bool include_search_results = false;
  bool logprobs = false;
  bool stream = false;
  bool store = true;
  bool background = false;
  bool truncate = false;  // drop the oldest turns when the context is too short
};

// `body` has passed kCreateResponseSchema.
base::Result<ResponseRequest> parse_response_request(const json::Value& body);

// The table's refusal of a parameter of chat completions says where it is in a response.
base::Error moved_parameter(base::Error error);

}  // namespace api
