// What may stand in a request's body: one table of fields per body, from which the server checks
// requests with OpenAI's codes and messages, and from which /openapi.json is written. What a table
// cannot say (fields that exclude each other, unions with several shapes) its handler checks.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "json/json.h"

namespace api {

// Kinds that a field may have; several are joined with |.
enum Kind : uint16_t {
  kString = 1,
  kInteger = 2,
  kDecimal = 4,  // an integer too
  kBoolean = 8,
  kObject = 16,
  kArray = 32,
  kMap = 64,  // an object of strings: metadata (at most 16 keys of 64, values of 512 characters)
  kAny = 128,
};

struct Schema;

struct Field {
  std::string_view name;
  uint16_t kinds = kAny;
  bool required = false;
  // Bounds of numbers, of the length of strings in characters, and of arrays in elements.
  double min = -kNoBound, max = kNoBound;
  std::span<const std::string_view> values = {};  // of strings; empty: any
  const Schema* schema = nullptr;                 // of the object, or of an array's objects
  uint16_t elements = kAny;                       // kinds of an array's elements
  std::string_view summary = {};
  std::string_view missing = {};  // what is said when a required field is absent, in place of
                                  // missing_required_parameter; then without code and param
  bool name_only = false;         // a string of [a-zA-Z0-9_-] alone
  static constexpr double kNoBound = 1e300;
};

struct Schema {
  std::string_view name;  // "CreateChatCompletionRequest"
  std::span<const Field> fields;
  bool open = false;  // members beyond the fields are the handler's business
};

// Errors: InvalidArgument with OpenAI's code as reason and the path ("messages[0].role") as where:
// missing_required_parameter, invalid_type, invalid_value, unknown_parameter,
// {integer,decimal}_{above_max,below_min}_value, string_{above_max,below_min}_length,
// {empty,…}_array. Null is absent, also for a required field.
base::Status check_body(const json::Value& body, const Schema& schema, bool tolerate_unknown);

// The same as JSON Schema 2020-12, and the schemas that it refers to (by name, each once).
json::Value schema_json(const Schema& schema);
void collect_schemas(const Schema& schema, json::Value* components);

}  // namespace api
