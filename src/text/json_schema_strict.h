// The rules of structured outputs: which JSON Schemas strict mode takes, and OpenAI's words about
// those that it does not.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "json/json.h"

namespace text {

// Where in a schema: its keys and indices from the root.
using SchemaPath = std::vector<std::string>;
std::string context_of(const SchemaPath& path);  // "In context=('properties', 'a'), "

// InvalidArgument with reason INVALID_SCHEMA and the first thing that is wrong.
base::Status check_strict_schema(const json::Value& schema);
std::unexpected<base::Error> invalid_schema(std::string message);

// The schema that "#/$defs/a" means; null when there is none, or when it is not of this document.
const json::Value* find_reference(const json::Value& root, std::string_view reference);

}  // namespace text
