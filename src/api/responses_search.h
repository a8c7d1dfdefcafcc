// The file_search tool: the vector stores are searched for what the user asked last, before the
// model is, and it answers from the passages that were found.
#pragma once

#include "api/call.h"
#include "api/responses_request.h"

namespace api {

struct FoundFiles {
  json::Value item = {};       // the file_search_call
  json::Array citations = {};  // of each file once
};

// Puts the passages in front of the question in the request's messages, which are set. Errors:
// NotFound for a vector store that the project does not have, InvalidArgument for its filters.
base::Result<FoundFiles> search_files(const Call& call, ResponseRequest& request);

}  // namespace api
