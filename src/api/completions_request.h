// The body of POST /v1/completions: its table of fields, and the generations that it asks for, one
// per prompt.
#pragma once

#include <vector>

#include "api/generation_request.h"
#include "gateway/generation.h"

namespace api {

extern const Schema kCompletionSchema;

struct CompletionCall {
  gateway::Generation generation;  // all but its input
  std::vector<gateway::Input> prompts = {};
  Delivery delivery = {};
};

// `body` has passed kCompletionSchema.
base::Result<CompletionCall> parse_completion_request(const json::Value& body);

}  // namespace api
