#include "api/schema.h"

#include <gtest/gtest.h>

#include "api/routes.h"

namespace api {
namespace {

constexpr std::string_view kColours[] = {"red", "green"};
constexpr Field kInnerFields[] = {{.name = "type", .kinds = kString, .required = true}};
constexpr Schema kInner{"Inner", kInnerFields, true};
constexpr Field kFields[] = {
    {.name = "model", .kinds = kString, .required = true},
    {.name = "colour", .kinds = kString, .values = kColours},
    {.name = "temperature", .kinds = kDecimal, .min = 0, .max = 2},
    {.name = "n", .kinds = kInteger, .min = 1, .max = 128},
    {.name = "stop", .kinds = kString | kArray, .max = 4, .elements = kString},
    {.name = "items", .kinds = kArray, .min = 1, .schema = &kInner, .elements = kObject},
    {.name = "metadata", .kinds = kMap},
};
constexpr Schema kSchema{"Request", kFields};

struct Refusal {
  std::string body, code, param, message;
};

TEST(Schema, RefusesAsOpenAiDoes) {
  const Refusal refusals[] = {
      {R"({})", "missing_required_parameter", "model", "Missing required parameter: 'model'."},
      {R"({"model":null})", "missing_required_parameter", "model",
       "Missing required parameter: 'model'."},
      {R"({"model":"m","foo":1})", "unknown_parameter", "foo", "Unknown parameter: 'foo'."},
      {R"({"model":"m","temperature":"x"})", "invalid_type", "temperature",
       "Invalid type for 'temperature': expected a decimal, but got a string instead."},
      {R"({"model":"m","temperature":3})", "decimal_above_max_value", "temperature",
       "Invalid 'temperature': decimal above maximum value. Expected a value <= 2, but got 3 "
       "instead."},
      {R"({"model":"m","n":0})", "integer_below_min_value", "n",
       "Invalid 'n': integer below minimum value. Expected a value >= 1, but got 0 instead."},
      {R"({"model":"m","n":1.5})", "invalid_type", "n",
       "Invalid type for 'n': expected an integer, but got a decimal instead."},
      {R"({"model":"m","colour":"blue"})", "invalid_value", "colour",
       "Invalid value: 'blue'. Supported values are: 'red' and 'green'."},
      {R"({"model":"m","stop":7})", "invalid_type", "stop",
       "Invalid type for 'stop': expected one of a string or array of strings, but got an integer "
       "instead."},
      {R"({"model":"m","stop":["a",1]})", "invalid_type", "stop[1]",
       "Invalid type for 'stop[1]': expected a string, but got an integer instead."},
      {R"({"model":"m","items":[]})", "empty_array", "items",
       "Invalid 'items': empty array. Expected an array with minimum length 1, but got an empty "
       "array instead."},
      {R"({"model":"m","items":[{"x":1}]})", "missing_required_parameter", "items[0].type",
       "Missing required parameter: 'items[0].type'."},
      {R"({"model":"m","metadata":{"a":1}})", "invalid_type", "metadata.a",
       "Invalid type for 'metadata.a': expected a string, but got an integer instead."},
  };
  for (const Refusal& wanted : refusals) {
    const auto body = json::parse(wanted.body);
    const base::Status got = check_body(*body, kSchema, false);
    ASSERT_FALSE(got) << wanted.body;
    EXPECT_EQ(got.error().reason, wanted.code) << wanted.body;
    EXPECT_EQ(got.error().where, wanted.param) << wanted.body;
    EXPECT_EQ(got.error().message, wanted.message) << wanted.body;
  }
}

TEST(Schema, TakesWhatFits) {
  for (const char* text : {R"({"model":"m"})", R"({"model":"m","stop":"x","n":null})",
                           R"({"model":"m","items":[{"type":"a","more":1}],"metadata":{"a":"b"}})"})
    EXPECT_TRUE(check_body(*json::parse(text), kSchema, false)) << text;
  EXPECT_TRUE(check_body(*json::parse(R"({"model":"m","foo":1})"), kSchema, true));
}

TEST(OpenApi, NamesEveryRouteAndResolvesEveryReference) {
  const json::Value document = openapi_document("http://localhost");
  for (const Route* route : routes()) {
    if (route->auth == Auth::Session || !route->pattern.starts_with("/v1/")) continue;
    bool found = false;
    for (const auto& [path, operations] : document["paths"].as_object())
      for (const auto& [method, operation] : operations.as_object())
        found |= operation["summary"] == json::Value(route->summary);
    EXPECT_TRUE(found) << route->pattern;
  }
  const std::string text = json::dump(document);
  constexpr std::string_view kReference = "\"$ref\":\"#/components/schemas/";
  for (size_t at = 0; (at = text.find(kReference, at)) != std::string::npos;) {
    at += kReference.size();
    const std::string name = text.substr(at, text.find('"', at) - at);
    EXPECT_NE(document["components"]["schemas"].find(name), nullptr) << name;
  }
}

}  // namespace
}  // namespace api
