// JSON Schema to a grammar. Strict mode is OpenAI's structured outputs: a subset that can be kept
// to the letter, every key present and in the schema's order. What it writes is compact JSON with
// at most one blank behind a colon or a comma, strings of valid UTF-8, numbers that a double holds.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "json/json.h"
#include "text/grammar.h"

namespace text {

// Errors in OpenAI's words, without its first half ("Invalid schema for response_format 'NAME': "
// or "Invalid schema for function 'NAME': ", which the caller knows): "In context=('properties',
// 'a'), 'additionalProperties' is required to be supplied and to be false." InvalidArgument, where:
// the JSON pointer into the schema. Bounded in time and memory whatever the schema; the same schema
// is compiled once. Not strict: what cannot be kept to is widened, and the schema is a hint.
base::Result<std::shared_ptr<const Grammar>> compile_json_schema(const json::Value& schema,
                                                                 bool strict);

// Any JSON object, at most 16 levels deep.
std::shared_ptr<const Grammar> json_object_grammar();

// For grammars that hold JSON in an envelope (model/tool_format.h): draws the schema into `builder`
// as a rule.
base::Result<GrammarBuilder::Rule> add_json_schema(GrammarBuilder* builder,
                                                   const json::Value& schema, bool strict);
GrammarBuilder::Rule add_json_object(GrammarBuilder* builder);

// Open calls that JSON of the depth which readers take (json::Limits) needs.
inline constexpr int32_t kJsonOpenCallsMax = 60;

}  // namespace text
