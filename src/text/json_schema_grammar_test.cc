#include "text/json_schema_grammar.h"

#include <gtest/gtest.h>

#include <chrono>

namespace text {
namespace {

json::Value parsed(std::string_view text) {
  auto value = json::parse(text);
  EXPECT_TRUE(value) << text;
  return *std::move(value);
}

// The schema as the only property "v" of a strict object, and texts of its value.
class Values {
 public:
  explicit Values(std::string_view schema, bool strict = true) {
    json::Value root = parsed(
        R"({"type":"object","properties":{},"required":["v"],"additionalProperties":false})");
    root.find("properties")->set("v", parsed(schema));
    auto compiled = compile_json_schema(root, strict);
    if (!compiled) error_ = compiled.error().message;
    if (compiled) grammar_ = *compiled;
  }
  bool takes(std::string_view value) const {
    EXPECT_NE(grammar_, nullptr) << error_;
    return grammar_ && grammar_->matches("{\"v\": " + std::string(value) + "}");
  }
  const std::string& error() const { return error_; }

 private:
  std::shared_ptr<const Grammar> grammar_;
  std::string error_;
};

std::string error_of(std::string_view schema) {
  const auto compiled = compile_json_schema(parsed(schema), true);
  return compiled ? "" : compiled.error().message;
}

TEST(JsonSchemaGrammar, KeysComeInTheSchemasOrderAndBlanksAreBounded) {
  const auto grammar = compile_json_schema(parsed(R"({"type":"object","properties":{
      "b":{"type":"integer"},"a":{"type":"boolean"}},
      "required":["a","b"],"additionalProperties":false})"),
                                           true)
                           .value();
  EXPECT_TRUE(grammar->matches(R"({"b":1,"a":true})"));
  EXPECT_TRUE(grammar->matches(R"({"b": 1, "a": true})"));
  EXPECT_FALSE(grammar->matches(R"({"a":true,"b":1})"));
  EXPECT_FALSE(grammar->matches(R"({"b":1})"));
  EXPECT_FALSE(grammar->matches(R"({"b":  1,"a":true})"));
  EXPECT_FALSE(grammar->matches("{\"b\":\n1,\"a\":true}"));
  EXPECT_FALSE(grammar->matches(R"({"b":1,"a":true,"c":2})"));
  EXPECT_FALSE(grammar->matches(R"({"b":1,"a":true} )"));
}

TEST(JsonSchemaGrammar, StringsAreUtf8AndEscapesAreWhole) {
  const Values v(R"({"type":"string"})");
  EXPECT_TRUE(v.takes(R"("")"));
  EXPECT_TRUE(v.takes("\"é 😀 \\n \\u00e9 \\ud83d\\ude00 \\\\ \\\"\""));
  EXPECT_FALSE(v.takes("\"\xC3\""));
  EXPECT_FALSE(v.takes("\"\xED\xA0\x80\""));      // a surrogate in UTF-8
  EXPECT_FALSE(v.takes("\"\xC0\xAF\""));          // an overlong form
  EXPECT_FALSE(v.takes("\"\xF4\x90\x80\x80\""));  // beyond U+10FFFF
  EXPECT_FALSE(v.takes(R"("\ud83d")"));
  EXPECT_FALSE(v.takes(R"("\ude00")"));
  EXPECT_FALSE(v.takes(R"("\ud83dx")"));
  EXPECT_FALSE(v.takes("\"a\nb\""));
  EXPECT_FALSE(v.takes(R"("\x")"));
}

TEST(JsonSchemaGrammar, NumbersAreThoseOfJson) {
  const Values integer(R"({"type":"integer"})"), number(R"({"type":"number"})");
  for (const char* text : {"0", "-1", "17", "999999999999999999"}) {
    EXPECT_TRUE(integer.takes(text)) << text;
  }
  for (const char* text : {"-0", "01", "1.0", "1e3", "+1", "", "-", "1000000000000000000"}) {
    EXPECT_FALSE(integer.takes(text)) << text;
  }
  for (const char* text : {"0", "-0.5", "3.25", "1e5", "1E-10", "-12.5e+3", "0.1"})
    EXPECT_TRUE(number.takes(text)) << text;
  for (const char* text : {".5", "1.", "01.5", "1e", "1e999", "NaN", "--1"})
    EXPECT_FALSE(number.takes(text)) << text;
}

TEST(JsonSchemaGrammar, BoundsOfNumbers) {
  const Values v(R"({"type":"integer","minimum":-12,"maximum":345})");
  for (int i = -500; i <= 500; ++i)
    EXPECT_EQ(v.takes(std::to_string(i)), i >= -12 && i <= 345) << i;
  const Values open(R"({"type":"integer","exclusiveMinimum":7,"exclusiveMaximum":9})");
  EXPECT_TRUE(open.takes("8"));
  EXPECT_FALSE(open.takes("7"));
  EXPECT_FALSE(open.takes("9"));
  const Values from(R"({"type":"integer","minimum":95})");
  for (const char* text : {"95", "100", "123456"}) EXPECT_TRUE(from.takes(text)) << text;
  for (const char* text : {"94", "9", "-95", "0"}) EXPECT_FALSE(from.takes(text)) << text;
  const Values real(R"({"type":"number","minimum":-0.25,"exclusiveMaximum":1.5})");
  for (const char* text : {"-0.25", "-0.1", "0", "0.000", "1", "1.499", "1.4"})
    EXPECT_TRUE(real.takes(text)) << text;
  for (const char* text : {"-0.26", "-0.251", "1.5", "1.50", "2", "-1", "1.6"})
    EXPECT_FALSE(real.takes(text)) << text;
  const Values below(R"({"type":"number","maximum":-1e-3})");
  EXPECT_TRUE(below.takes("-0.001"));
  EXPECT_TRUE(below.takes("-17.5"));
  EXPECT_FALSE(below.takes("-0.0009"));
  EXPECT_FALSE(below.takes("0"));
}

TEST(JsonSchemaGrammar, Multiples) {
  const Values seven(R"({"type":"integer","multipleOf":7,"minimum":-50,"maximum":500})");
  for (int i = -100; i <= 600; ++i)
    EXPECT_EQ(seven.takes(std::to_string(i)), i % 7 == 0 && i >= -50 && i <= 500) << i;
  const Values quarter(R"({"type":"number","multipleOf":0.25})");
  for (const char* text : {"0", "0.5", "0.25", "3.75", "-2.50", "12"})
    EXPECT_TRUE(quarter.takes(text)) << text;
  for (const char* text : {"0.1", "0.2", "0.250", "3.26"})
    EXPECT_FALSE(quarter.takes(text)) << text;
  EXPECT_NE(Values(R"({"type":"integer","multipleOf":0})").error(), "");
  EXPECT_NE(Values(R"({"type":"integer","multipleOf":123457})")
                .error()
                .find("In context=('properties', 'v'), 'multipleOf'"),
            std::string::npos);
}

TEST(JsonSchemaGrammar, ChoicesConstantsAndTypes) {
  const Values v(R"({"enum":["a","ab","é",1,null,{"x":[1]}]})");
  for (const char* text : {R"("a")", R"("ab")", "\"é\"", "1", "null", R"({"x":[1]})"})
    EXPECT_TRUE(v.takes(text)) << text;
  for (const char* text : {R"("b")", "2", "true"}) EXPECT_FALSE(v.takes(text)) << text;
  const Values nullable(R"({"type":["string","null"]})");
  EXPECT_TRUE(nullable.takes("null"));
  EXPECT_TRUE(nullable.takes(R"("x")"));
  EXPECT_FALSE(nullable.takes("1"));
  const Values any(R"({"anyOf":[{"type":"integer"},
      {"type":"object","properties":{"k":{"const":"a"},"n":{"type":"null"}},
       "required":["k","n"],"additionalProperties":false},
      {"type":"object","properties":{"k":{"const":"b"}},"required":["k"],
       "additionalProperties":false}]})");
  EXPECT_TRUE(any.takes("5"));
  EXPECT_TRUE(any.takes(R"({"k":"a","n":null})"));
  EXPECT_TRUE(any.takes(R"({"k":"b"})"));
  EXPECT_FALSE(any.takes(R"({"k":"a"})"));
  EXPECT_FALSE(any.takes(R"({"k":"c"})"));
}

TEST(JsonSchemaGrammar, LengthsOfArraysAndStrings) {
  const Values v(R"({"type":"array","items":{"type":"integer"},"minItems":1,"maxItems":3})");
  EXPECT_FALSE(v.takes("[]"));
  EXPECT_TRUE(v.takes("[1]"));
  EXPECT_TRUE(v.takes("[1, 2,3]"));
  EXPECT_FALSE(v.takes("[1,2,3,4]"));
  EXPECT_FALSE(v.takes("[1,]"));
  const Values any(R"({"type":"array","items":{"type":"integer"}})");
  EXPECT_TRUE(any.takes("[]"));
  EXPECT_FALSE(any.takes("[,1]"));
  EXPECT_FALSE(any.takes("[1,]"));
  const Values two(R"({"type":"string","minLength":2,"maxLength":3})");
  EXPECT_TRUE(two.takes(R"("é\n")"));
  EXPECT_TRUE(two.takes(R"("\ud83d\ude00ab")"));
  EXPECT_FALSE(two.takes(R"("a")"));
  EXPECT_FALSE(two.takes(R"("abcd")"));
}

TEST(JsonSchemaGrammar, ReferencesAndRecursion) {
  const auto grammar = compile_json_schema(parsed(R"({"type":"object","properties":{
      "name":{"$ref":"#/$defs/name"},
      "children":{"type":"array","items":{"$ref":"#"}},
      "next":{"anyOf":[{"$ref":"#/$defs/node"},{"type":"null"}]}},
      "required":["name","children","next"],"additionalProperties":false,
      "$defs":{"name":{"type":"string","description":"x"},
        "node":{"type":"object","properties":{"next":{"anyOf":[{"$ref":"#/$defs/node"},
          {"type":"null"}]}},"required":["next"],"additionalProperties":false}}})"),
                                           true)
                           .value();
  EXPECT_TRUE(grammar->matches(R"({"name":"r","children":[{"name":"c","children":[],"next":null}],)"
                               R"("next":{"next":{"next":null}}})"));
  EXPECT_FALSE(grammar->matches(R"({"name":"r","children":[{"name":"c"}],"next":null})"));
  std::string deep = R"("next":null})";
  for (int i = 0; i < 30; ++i) deep = R"("next":{)" + deep + "}";
  EXPECT_TRUE(grammar->matches(R"({"name":"r","children":[],)" + deep));
}

TEST(JsonSchemaGrammar, PatternsAndFormats) {
  const Values v(R"({"type":"string","pattern":"^[A-Z]{2}\\d+$"})");
  EXPECT_TRUE(v.takes(R"("AB1")"));
  EXPECT_FALSE(v.takes(R"("ABC")"));
  EXPECT_FALSE(v.takes(R"("AB1x")"));
  const Values anywhere(R"({"type":"string","pattern":"a|é+\"$"})");
  EXPECT_TRUE(anywhere.takes(R"("xxax")"));
  EXPECT_TRUE(anywhere.takes("\"xéé\\\"\""));
  EXPECT_FALSE(anywhere.takes(R"("xx")"));
  const auto format = [](const char* name) {
    return Values("{\"type\":\"string\",\"format\":\"" + std::string(name) + "\"}");
  };
  EXPECT_TRUE(format("date").takes(R"("2024-02-29")"));
  EXPECT_FALSE(format("date").takes(R"("2023-02-29")"));
  EXPECT_FALSE(format("date").takes(R"("2023-04-31")"));
  EXPECT_TRUE(format("date-time").takes(R"("2023-04-30T23:59:59.5+02:00")"));
  EXPECT_TRUE(format("ipv4").takes(R"("255.0.10.1")"));
  EXPECT_FALSE(format("ipv4").takes(R"("256.0.10.1")"));
  EXPECT_TRUE(format("ipv6").takes(R"("fe80::1")"));
  EXPECT_FALSE(format("ipv6").takes(R"("1:2:3:4:5:6:7:8:9")"));
  EXPECT_TRUE(format("uuid").takes(R"("123e4567-e89b-12d3-a456-426614174000")"));
  EXPECT_TRUE(format("email").takes(R"("a.b@example.org")"));
  EXPECT_NE(format("color").error(), "");
  for (const char* bad : {"(", "a)", "[b-a]", "*", "(?=a)", "\\\\1", "a{2,1}", "\\\\b", "[", "a**",
                          "x^", "((((((((((((((((((((((((((((((((((((((((((((((("}) {
    const Values refused("{\"type\":\"string\",\"pattern\":\"" + std::string(bad) + "\"}");
    EXPECT_NE(refused.error().find("In context=('properties', 'v'), the pattern"),
              std::string::npos)
        << bad << ": " << refused.error();
  }
}

TEST(JsonSchemaGrammar, RefusesInOpenAisWords) {
  EXPECT_EQ(error_of(R"({"type":"object","properties":{"a":{"type":"object","properties":{}}},
                         "required":["a"],"additionalProperties":false})"),
            "In context=('properties', 'a'), 'additionalProperties' is required to be supplied and "
            "to be false.");
  EXPECT_EQ(error_of(R"({"type":"object","properties":{"a":{"type":"string"}}})"),
            "In context=(), 'additionalProperties' is required to be supplied and to be false.");
  EXPECT_EQ(error_of(R"({"type":"object","properties":{"a":{"type":"string"},"b":{"type":"string"}},
                         "required":["a"],"additionalProperties":false})"),
            "In context=(), 'required' is required to be supplied and to be an array including "
            "every key in properties. Missing 'b'.");
  EXPECT_EQ(error_of(R"({"type":"array","items":{"type":"string"}})"),
            "schema must be a JSON Schema of 'type: \"object\"', got 'type: \"array\"'.");
  EXPECT_EQ(error_of(R"({"type":"object","properties":{"a":{}},"required":["a"],
                         "additionalProperties":false})"),
            "In context=('properties', 'a'), schema must have a 'type' key.");
  EXPECT_EQ(error_of(R"({"type":"object","properties":{"a":{"oneOf":[{"type":"null"}]}},
                         "required":["a"],"additionalProperties":false})"),
            "In context=('properties', 'a'), 'oneOf' is not permitted.");
  EXPECT_EQ(error_of(R"({"type":"object","properties":{"a":{"$ref":"#/$defs/x"}},"required":["a"],
                         "additionalProperties":false})"),
            "In context=('properties', 'a'), reference to component '#/$defs/x' which was not "
            "found in the schema.");
  EXPECT_EQ(error_of(R"({"type":"object","properties":{"a":{"type":"array"}},"required":["a"],
                         "additionalProperties":false})"),
            "In context=('properties', 'a'), array schema missing items.");
}

TEST(JsonSchemaGrammar, RefusesWhatNothingFits) {
  EXPECT_NE(error_of(R"({"type":"object","properties":{"a":{"$ref":"#"}},"required":["a"],
                         "additionalProperties":false})")
                .find("no value can fit the schema"),
            std::string::npos);
  EXPECT_EQ(Values(R"({"type":"integer","minimum":3,"maximum":2})").error(),
            "In context=('properties', 'v'), no value can fit the schema: its bounds exclude each "
            "other, or it contains itself without end.");
}

TEST(JsonSchemaGrammar, RefusesOverTheLimits) {
  std::string nested = R"({"type":"string"})";
  for (int i = 0; i < 10; ++i) {
    nested = R"({"type":"object","properties":{"a":)" + nested +
             R"(},"required":["a"],"additionalProperties":false})";
  }
  EXPECT_EQ(error_of(nested), "");
  EXPECT_NE(error_of(R"({"type":"object","properties":{"a":)" + nested +
                     R"(},"required":["a"],"additionalProperties":false})"),
            "");
  std::string properties, required, values;
  for (int i = 0; i < 5001; ++i) {
    const std::string name = "\"p" + std::to_string(i) + "\"";
    properties += (i > 0 ? "," : "") + name + R"(:{"type":"string"})";
    required += (i > 0 ? "," : "") + name;
    if (i < 1001) values += (i > 0 ? "," : "") + name;
  }
  EXPECT_NE(error_of(R"({"type":"object","properties":{)" + properties + R"(},"required":[)" +
                     required + R"(],"additionalProperties":false})")
                .find("5000 properties"),
            std::string::npos);
  EXPECT_NE(Values(R"({"enum":[)" + values + "]}").error().find("1000 enum values"),
            std::string::npos);
}

// Bounds on time and memory: each of these would grow without them.
TEST(JsonSchemaGrammar, ExplodingSchemasAreRefusedOrWidenedAtOnce) {
  const auto before = std::chrono::steady_clock::now();
  EXPECT_NE(Values(R"({"type":"string","pattern":"(a|b)*a(a|b){30}"})").error(), "");
  EXPECT_NE(Values(R"s({"type":"string","pattern":"((((a{900}){900}){900}){900})"})s").error(), "");
  std::string chain = R"("d0":{"type":"string"})";
  for (int i = 1; i < 5000; ++i) {
    chain += ",\"d" + std::to_string(i) + "\":{\"anyOf\":[{\"$ref\":\"#/$defs/d" +
             std::to_string(i - 1) + "\"},{\"type\":\"null\"}]}";
  }
  const auto referring = compile_json_schema(
      parsed(R"({"type":"object","properties":{"a":{"$ref":"#/$defs/d4999"}},"required":["a"],
                 "additionalProperties":false,"$defs":{)" +
             chain + "}}"),
      true);
  EXPECT_TRUE(referring) << referring.error().message;
  std::string all = "{\"type\":\"object\",\"properties\":{";
  for (int i = 0; i < 2000; ++i)
    all += (i > 0 ? ",\"p" : "\"p") + std::to_string(i) + R"(":{"allOf":[{"$ref":"#/$defs/b"}]})";
  std::string large = "1";
  for (int i = 0; i < 20000; ++i) large += ",1";
  const auto copying =
      compile_json_schema(parsed(all + R"(},"$defs":{"b":{"examples":[)" + large + "]}}}"), false);
  EXPECT_TRUE(copying) << copying.error().message;
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - before;
  EXPECT_LT(took.count(), 8.0);
}

TEST(JsonSchemaGrammar, NotStrictIsAHint) {
  const auto grammar = compile_json_schema(parsed(R"({"type":"object","properties":{
      "a":{"type":"integer"},"b":{"not":{}},"c":{"$ref":"#/nowhere"}},"required":["b","d"]})"),
                                           false)
                           .value();
  EXPECT_TRUE(grammar->matches(R"({"a":1,"b":[],"c":null,"d":0})"));
  EXPECT_TRUE(grammar->matches(R"({"b":"x","d":0})"));
  EXPECT_FALSE(grammar->matches(R"({"a":1})"));
  EXPECT_FALSE(grammar->matches(R"({,"b":1,"d":0})"));
  const auto optional =
      compile_json_schema(parsed(R"({"properties":{"a":{"type":"integer"},"b":true}})"), false)
          .value();
  for (const char* text : {"{}", R"({"a":1})", R"({"b":1})", R"({"a":1, "b":2})"})
    EXPECT_TRUE(optional->matches(text)) << text;
  EXPECT_FALSE(optional->matches(R"({"a":1,})"));
  const auto map = compile_json_schema(
      parsed(R"({"type":"object","additionalProperties":{"type":"integer"}})"), false);
  EXPECT_TRUE((*map)->matches(R"({"x":1,"y":2})"));
  EXPECT_FALSE((*map)->matches(R"({"x":"1"})"));
  for (const char* schema : {"true", "{}", "[]", "3", R"({"type":17})", R"({"enum":3})"})
    EXPECT_TRUE(compile_json_schema(parsed(schema), false)) << schema;
}

TEST(JsonSchemaGrammar, AnyObjectOfBoundedDepth) {
  const auto grammar = json_object_grammar();
  EXPECT_TRUE(grammar->matches(R"({"a": [1, {"b": null}], "c": "d"})"));
  EXPECT_FALSE(grammar->matches("[1]"));
  EXPECT_FALSE(grammar->matches("{}x"));
  std::string deep = "{\"a\":1}";
  for (int i = 0; i < 15; ++i) deep = "{\"a\":" + deep + "}";
  EXPECT_TRUE(grammar->matches(deep));
  EXPECT_FALSE(grammar->matches("{\"a\":" + deep + "}"));
}

TEST(JsonSchemaGrammar, ASchemaIsCompiledOnce) {
  const json::Value schema =
      parsed(R"({"type":"object","properties":{"once":{"type":"null"}},"required":["once"],)"
             R"("additionalProperties":false})");
  EXPECT_EQ(*compile_json_schema(schema, true), *compile_json_schema(schema, true));
}

}  // namespace
}  // namespace text
