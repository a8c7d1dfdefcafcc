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

// Errors in OpenAI's words, without the first half ("Invalid schema for response_format 'NAME': "
// or "Invalid schema for function 'NAME': ") that the caller knows: "In context=('properties',
// 'a'), 'additionalProperties' is required to be supplied and to be false." InvalidArgument with
// reason INVALID_SCHEMA. Bounded in time and memory whatever the schema; a schema that has been
// seen is not compiled again. Not strict: the schema is a hint, and what cannot be kept to is
// widened.
base::Result<std::shared_ptr<const Grammar>> compile_json_schema(const json::Value& schema,
                                                                 bool strict);

// Any JSON object, at most 16 levels deep.
std::shared_ptr<const Grammar> json_object_grammar();

// For grammars that hold JSON in an envelope (model/tool_format.h): the schema as a rule of
// `builder`.
base::Result<GrammarBuilder::Rule> add_json_schema(GrammarBuilder* builder,
                                                   const json::Value& schema, bool strict);
// What build() says about a builder that holds schemas, in the words of compile_json_schema().
base::Error schema_build_error(const base::Error& error);

// Open calls that JSON of the depth which readers take (json::Limits) needs.
inline constexpr int32_t kJsonOpenCallsMax = 60;

}  // namespace text
