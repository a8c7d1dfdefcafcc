// Completions and embeddings end to end over a small random model, and their exact shapes.
#include <gtest/gtest.h>

#include "api/completions_format.h"
#include "api/completions_request.h"
#include "api/testing_server.h"

namespace api {
namespace {

using testing::ApiServer;
using testing::Reply;

ApiServer& server() {
  static ApiServer shared;
  return shared;
}

const json::Value kNoEnd = json::Object{{"1", -100}};  // token 1 ends the tiny model's turn

json::Value completion_body(json::Object more = {}) {
  json::Value body = json::Object{
      {"model", "tiny"}, {"prompt", "Hello"}, {"temperature", 0}, {"logit_bias", kNoEnd}};
  for (auto& [name, value] : more) body.set(name, std::move(value));
  return body;
}

TEST(Completions, APlainAnswerHasEveryFieldAndSixteenTokens) {
  const Reply reply = server().post("/v1/completions", completion_body());
  ASSERT_EQ(reply.status, 200) << reply.body;
  EXPECT_TRUE(reply.json["id"].as_string().starts_with("cmpl-"));
  EXPECT_EQ(reply.json["object"], json::Value("text_completion"));
  const json::Value& choice = reply.json["choices"].as_array().at(0);
  EXPECT_EQ(choice["index"], json::Value(0));
  EXPECT_TRUE(choice["logprobs"].is_null());
  EXPECT_EQ(choice["finish_reason"], json::Value("length"));
  EXPECT_EQ(reply.json["usage"]["completion_tokens"], json::Value(16));
}

TEST(Completions, ChoicesOfAllPromptsAreNumberedThrough) {
  const Reply one = server().post("/v1/completions", completion_body({{"prompt", "B"}}));
  json::Array prompts = {"A", "B", "C"};
  const Reply reply =
      server().post("/v1/completions", completion_body({{"prompt", prompts}, {"n", 2}}));
  ASSERT_EQ(reply.status, 200) << reply.body;
  const json::Array& choices = reply.json["choices"].as_array();
  ASSERT_EQ(choices.size(), 6u);
  for (size_t i = 0; i < 6; ++i) EXPECT_EQ(choices[i]["index"], json::Value(static_cast<int>(i)));
  EXPECT_EQ(choices[2]["text"], one.json["choices"].as_array()[0]["text"]);
  EXPECT_EQ(reply.json["usage"]["completion_tokens"], json::Value(96));
  EXPECT_TRUE(testing::eventually([] { return server().ledger().open_holds() == 0; }));
}

TEST(Completions, MorePromptsThanRunTogether) {
  json::Array prompts;
  for (int i = 0; i < 100; ++i) prompts.push_back(json::Value("p" + std::to_string(i)));
  const Reply reply =
      server().post("/v1/completions", completion_body({{"prompt", prompts}, {"max_tokens", 1}}));
  ASSERT_EQ(reply.status, 200) << reply.body;
  EXPECT_EQ(reply.json["choices"].as_array().size(), 100u);
}

TEST(Completions, AStreamIsThePlainAnswer) {
  json::Object more = {{"prompt", json::Array{"A", "B"}}, {"logprobs", 2}, {"max_tokens", 5}};
  const Reply plain = server().post("/v1/completions", completion_body(more));
  more.push_back({"stream", true});
  more.push_back({"stream_options", json::Object{{"include_usage", true}}});
  const Reply reply = server().post("/v1/completions", completion_body(more));
  ASSERT_EQ(reply.status, 200) << reply.body;
  EXPECT_TRUE(reply.body.ends_with("data: [DONE]\n\n"));
  std::string text[2];
  json::Array offsets[2];
  json::Value usage;
  for (size_t at = 0; at < reply.body.size();) {
    const size_t end = reply.body.find("\n\n", at);
    const std::string line = reply.body.substr(at, end - at);
    at = end + 2;
    if (!line.starts_with("data: {")) continue;
    const json::Value chunk = json::parse(line.substr(6)).value();
    EXPECT_EQ(chunk["object"], json::Value("text_completion"));
    if (!chunk["usage"].is_null()) usage = chunk["usage"];
    for (const json::Value& choice : chunk["choices"].as_array()) {
      const auto index = static_cast<size_t>(choice["index"].as_int());
      text[index] += choice["text"].as_string();
      if (choice["logprobs"].is_null()) continue;
      for (const json::Value& offset : choice["logprobs"]["text_offset"].as_array())
        offsets[index].push_back(offset);
    }
  }
  for (size_t i = 0; i < 2; ++i) {
    const json::Value& choice = plain.json["choices"].as_array()[i];
    EXPECT_EQ(json::Value(text[i]), choice["text"]);
    EXPECT_EQ(json::Value(offsets[i]), choice["logprobs"]["text_offset"]);
  }
  EXPECT_EQ(usage, plain.json["usage"]);
}

// As evaluation programs read it: one probability for each token of the prompt, and one token more.
TEST(Completions, AnEchoedPromptIsScored) {
  const json::Object score = {{"echo", true}, {"logprobs", 1}, {"max_tokens", 0}};
  const Reply scored = server().post("/v1/completions", completion_body(score));
  ASSERT_EQ(scored.status, 200) << scored.body;
  const json::Value& choice = scored.json["choices"].as_array()[0];
  EXPECT_EQ(choice["text"], json::Value("Hello"));
  EXPECT_EQ(scored.json["usage"]["completion_tokens"], json::Value(0));
  const json::Array& probabilities = choice["logprobs"]["token_logprobs"].as_array();
  ASSERT_EQ(probabilities.size(), 5u);
  EXPECT_TRUE(probabilities[0].is_null());
  for (const int ending : {-100, 100}) {  // the model goes on, or ends at once
    const json::Value bias = json::Object{{"1", ending}};
    const Reply reply = server().post(
        "/v1/completions",
        completion_body(
            {{"echo", true}, {"logprobs", 1}, {"max_tokens", 1}, {"logit_bias", bias}}));
    ASSERT_EQ(reply.status, 200) << reply.body;
    const json::Value& logprobs = reply.json["choices"].as_array()[0]["logprobs"];
    ASSERT_EQ(logprobs["token_logprobs"].as_array().size(), 6u) << ending;
    for (size_t i = 1; i < 5; ++i)
      EXPECT_EQ(logprobs["token_logprobs"].as_array()[i], probabilities[i]) << ending;
  }
}

TEST(Completions, OffsetsCountCharacters) {
  std::vector<gateway::TokenProbability> tokens;
  const auto add = [&](std::string bytes, std::optional<float> logprob) {
    tokens.push_back({.bytes = std::move(bytes), .logprob = logprob});
  };
  add("\xc3\xa9t", std::nullopt);  // "ét"
  add("\xe2\x82", -0.5f);          // the first bytes of "€"
  add("\xac!", -0.25f);
  add("x", -1.0f);
  tokens[1].top = {{"y", -0.25f}};
  std::string out;
  int64_t characters = 0;
  append_completion_logprobs(&out, tokens, 1, &characters);
  EXPECT_EQ(out,
            "{\"tokens\":[\"\xc3\xa9t\",\"bytes:\\\\xe2\\\\x82\",\"bytes:\\\\xac\\\\x21\",\"x\"],"
            "\"token_logprobs\":[null,-0.5,-0.25,-1],"
            "\"top_logprobs\":[null,{\"y\":-0.25,\"bytes:\\\\xe2\\\\x82\":-0.5},"
            "{\"bytes:\\\\xac\\\\x21\":-0.25},{\"x\":-1}],\"text_offset\":[0,2,2,4]}");
  EXPECT_EQ(characters, 5);
}

struct Case {
  const char* change;
  const char* code;
  const char* param;
};
constexpr Case kCases[] = {
    {R"({"prompt":[]})", "empty_array", "prompt"},
    {R"({"prompt":[[]]})", "empty_array", "prompt[0]"},
    {R"({"prompt":["a",1]})", "invalid_type", "prompt[1]"},
    {R"({"prompt":[1,"a"]})", "invalid_type", "prompt[1]"},
    {R"({"prompt":[1,-1]})", "integer_below_min_value", "prompt[1]"},
    {R"({"prompt":{}})", "invalid_type", "prompt"},
    {R"({"max_tokens":0})", "integer_below_min_value", "max_tokens"},
    {R"({"logprobs":6})", "integer_above_max_value", "logprobs"},
    {R"({"logprobs":true})", "invalid_type", "logprobs"},
    {R"({"n":2,"best_of":1})", "invalid_value", "best_of"},
    {R"({"best_of":2,"stream":true})", "invalid_value", "best_of"},
    {R"({"messages":[]})", "unknown_parameter", "messages"},
};

TEST(Completions, EveryParameterIsNamed) {
  for (const Case& c : kCases) {
    const Reply reply = server().post("/v1/completions",
                                      completion_body(json::parse(c.change).value().as_object()));
    EXPECT_EQ(reply.status, 400) << c.change;
    EXPECT_EQ(reply.error()["code"], json::Value(c.code)) << c.change;
    EXPECT_EQ(reply.error()["param"], json::Value(c.param)) << c.change;
  }
  const Reply longer =
      server().post("/v1/completions", completion_body({{"prompt", std::string(3000, 'x')}}));
  EXPECT_EQ(longer.error()["code"], json::Value("context_length_exceeded"));
  EXPECT_EQ(longer.error()["param"], json::Value("prompt"));
}

constexpr Case kEmbeddingCases[] = {
    {R"({"input":null})", "missing_required_parameter", "input"},
    {R"({"input":""})", "empty_string", "input"},
    {R"({"input":[]})", "empty_array", "input"},
    {R"({"input":["a",""]})", "empty_string", "input[1]"},
    {R"({"input":[[]]})", "empty_array", "input[0]"},
    {R"({"input":["a",1]})", "invalid_type", "input[1]"},
    {R"({"encoding_format":"hex"})", "invalid_value", "encoding_format"},
    {R"({"dimensions":0})", "integer_below_min_value", "dimensions"},
};

TEST(Embeddings, EveryParameterIsNamed) {
  for (const Case& c : kEmbeddingCases) {
    json::Value body = json::Object{{"model", "tiny"}, {"input", "x"}};
    const json::Value change = json::parse(c.change).value();
    for (const auto& [name, value] : change.as_object()) body.set(name, value);
    const Reply reply = server().post("/v1/embeddings", body);
    EXPECT_EQ(reply.status, 400) << c.change;
    EXPECT_EQ(reply.error()["code"], json::Value(c.code)) << c.change;
    EXPECT_EQ(reply.error()["param"], json::Value(c.param)) << c.change;
  }
  json::Array many(2049, json::Value("x"));
  const Reply reply =
      server().post("/v1/embeddings", json::Object{{"model", "tiny"}, {"input", many}});
  EXPECT_EQ(reply.error()["code"], json::Value("array_above_max_length"));
}

TEST(Moderations, AreRefusedTruthfullyWithoutAnUpstream) {
  const Reply reply = server().post("/v1/moderations", json::Object{{"input", "x"}});
  EXPECT_EQ(reply.status, 404) << reply.body;
  EXPECT_EQ(reply.error()["code"], json::Value("model_not_found"));
  EXPECT_EQ(server().post("/v1/moderations", json::Object{}).error()["param"],
            json::Value("input"));
}

TEST(Models, AReleaseIsNotDeleted) {
  EXPECT_EQ(server().request("DELETE", "/v1/models/tiny", "", server().authorization()).status,
            403);
  EXPECT_EQ(
      server().request("DELETE", "/v1/models/ft%3Ax%3Ay", "", server().authorization()).status,
      404);
}

}  // namespace
}  // namespace api
