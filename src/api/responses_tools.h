// Tools, the choice among them and the form of the text, as the responses API names them: flat,
// strict unless said otherwise, hosted tools by their type.
#pragma once

#include <optional>

#include "api/schema.h"
#include "gateway/generation.h"
#include "json/json.h"

namespace api {

extern const Schema kResponseToolSchema;
extern const Schema kResponseTextSchema;

// {"type": "file_search", "vector_store_ids", "max_num_results", "filters", "ranking_options"}
struct FileSearchTool {
  json::Value tool = {};
};

// What the response object says of tools: as given, with what was left out filled in.
struct ResponseTools {
  json::Array tools = {};
  json::Value choice = "auto";
  std::optional<FileSearchTool> search = {};
};

// tools, tool_choice, parallel_tool_calls. The body has passed its table of fields.
base::Result<ResponseTools> read_response_tools(const json::Value& body,
                                                gateway::Generation* generation);
// text.format, as the response object shows it.
base::Result<json::Value> read_text_format(const json::Value& body,
                                           gateway::Generation* generation);

}  // namespace api
