// Anthropic's Messages API end to end over a small random model.
#include <gtest/gtest.h>

#include "api/testing_server.h"

namespace api {
namespace {

using testing::ApiServer;
using testing::Reply;

ApiServer& server() {
  static ApiServer shared;
  return shared;
}

Reply post(const std::string& path, const json::Value& body) {
  return server().request("POST", path, json::dump(body),
                          "x-api-key: " + server().key() + "\r\nanthropic-version: 2023-06-01\r\n");
}

json::Value message_body(json::Object more = {}) {
  json::Value body =
      json::Object{{"model", "tiny"},
                   {"max_tokens", 12},
                   {"messages", json::Array{json::Object{{"role", "user"}, {"content", "Hi"}}}}};
  for (auto& [name, value] : more) body.set(name, std::move(value));
  return body;
}

// Tokens that were read by an earlier request are counted apart.
int64_t prompt_tokens(const json::Value& usage) {
  return usage["input_tokens"].as_int() + usage["cache_read_input_tokens"].as_int();
}

struct Event {
  std::string name;
  json::Value data;
};
std::vector<Event> events(const std::string& stream) {
  std::vector<Event> out;
  for (size_t at = 0; at < stream.size();) {
    const size_t end = stream.find("\n\n", at);
    const std::string block = stream.substr(at, end - at);
    at = end == std::string::npos ? stream.size() : end + 2;
    const size_t line = block.find("\ndata: ");
    if (!block.starts_with("event: ") || line == std::string::npos) continue;
    out.push_back({block.substr(7, line - 7), json::parse(block.substr(line + 7)).value()});
  }
  return out;
}

TEST(Messages, APlainMessageHasEveryField) {
  const Reply reply =
      post("/v1/messages", message_body({{"temperature", 0}, {"system", "Brief."}}));
  ASSERT_EQ(reply.status, 200) << reply.body;
  EXPECT_TRUE(reply.json["id"].as_string().starts_with("msg_"));
  EXPECT_EQ(reply.json["type"], json::Value("message"));
  EXPECT_EQ(reply.json["role"], json::Value("assistant"));
  EXPECT_EQ(reply.json["model"], json::Value("tiny"));
  ASSERT_EQ(reply.json["content"].as_array().size(), 1u);
  EXPECT_EQ(reply.json["content"].as_array()[0]["type"], json::Value("text"));
  EXPECT_TRUE(reply.json["stop_sequence"].is_null());
  EXPECT_GT(prompt_tokens(reply.json["usage"]), 0);
  EXPECT_GT(reply.json["usage"]["output_tokens"].as_int(), 0);
  EXPECT_EQ(reply.header("request-id"), reply.header("x-request-id"));
  EXPECT_FALSE(reply.header("anthropic-organization-id").empty());
}

TEST(Messages, AStreamHasTheExactOrder) {
  const json::Object more = {{"temperature", 0}};
  const Reply plain = post("/v1/messages", message_body(more));
  json::Object streamed = more;
  streamed.push_back({"stream", true});
  const Reply reply = post("/v1/messages", message_body(streamed));
  ASSERT_EQ(reply.status, 200) << reply.body;
  const std::vector<Event> all = events(reply.body);
  ASSERT_GE(all.size(), 7u);
  EXPECT_EQ(all[0].name, "message_start");
  EXPECT_EQ(prompt_tokens(all[0].data["message"]["usage"]), prompt_tokens(plain.json["usage"]));
  EXPECT_TRUE(all[0].data["message"]["content"].as_array().empty());
  EXPECT_EQ(all[1].name, "ping");
  EXPECT_EQ(
      json::dump(all[2].data),
      R"({"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}})");
  std::string text;
  for (const Event& event : all) {
    EXPECT_EQ(event.data["type"], json::Value(event.name));
    if (event.name == "content_block_delta") text += event.data["delta"]["text"].as_string();
  }
  EXPECT_EQ(json::Value(text), plain.json["content"].as_array()[0]["text"]);
  EXPECT_EQ(all[all.size() - 3].name, "content_block_stop");
  EXPECT_EQ(all[all.size() - 2].name, "message_delta");
  EXPECT_EQ(all[all.size() - 2].data["delta"]["stop_reason"], plain.json["stop_reason"]);
  EXPECT_EQ(all[all.size() - 2].data["usage"]["output_tokens"],
            plain.json["usage"]["output_tokens"]);
  EXPECT_EQ(all.back().name, "message_stop");
}

TEST(Messages, TokensAreCounted) {
  json::Value body = message_body();
  const Reply whole = post("/v1/messages", body);
  body.as_object().erase(body.as_object().begin() + 1);  // max_tokens
  const Reply counted = post("/v1/messages/count_tokens", body);
  ASSERT_EQ(counted.status, 200) << counted.body;
  const json::Value& usage = whole.json["usage"];
  EXPECT_EQ(counted.json["input_tokens"].as_int(),
            usage["input_tokens"].as_int() + usage["cache_read_input_tokens"].as_int());
}

struct Case {
  const char* change;
  int status;
  const char* type;
  const char* message;
};
constexpr Case kCases[] = {
    {R"({"max_tokens":null})", 400, "invalid_request_error", "max_tokens"},
    {R"({"model":"gpt-9"})", 404, "not_found_error", "gpt-9"},
    {R"({"messages":[]})", 400, "invalid_request_error", "messages"},
    {R"({"messages":[{"role":"system","content":"x"}]})", 400, "invalid_request_error",
     "'user' and 'assistant'"},
    {R"({"temperature":1.5})", 400, "invalid_request_error", "temperature"},
    {R"({"foo":1})", 400, "invalid_request_error", "foo"},
    {R"({"tool_choice":{"type":"any"}})", 400, "invalid_request_error", "tool_choice"},
    {R"({"tools":[{"name":"f"}]})", 400, "invalid_request_error", "input_schema"},
    {R"({"tools":[{"name":"web_search","type":"web_search_20250305"}]})", 400,
     "invalid_request_error", "not offered here"},
    {R"({"messages":[{"role":"user","content":[{"type":"image","source":{"type":"url",
      "url":"https://example.com/a.png"}}]}]})",
     400, "invalid_request_error", "does not read images"},
    {R"({"messages":[{"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_1"}]}]})",
     400, "invalid_request_error", "unexpected `tool_use_id` found in `tool_result` blocks"},
    {R"({"messages":[{"role":"assistant","content":[{"type":"tool_use","id":"toolu_1","name":"f",
      "input":{}}]},{"role":"user","content":"x"}]})",
     400, "invalid_request_error",
     "`tool_use` ids were found without `tool_result` blocks immediately after: toolu_1"},
};

TEST(Messages, ErrorsHaveAnthropicsShape) {
  for (const Case& c : kCases) {
    const Reply reply =
        post("/v1/messages", message_body(json::parse(c.change).value().as_object()));
    EXPECT_EQ(reply.status, c.status) << c.change << reply.body;
    EXPECT_EQ(reply.json["type"], json::Value("error"));
    EXPECT_EQ(reply.error()["type"], json::Value(c.type)) << c.change;
    ASSERT_TRUE(reply.error()["message"].is_string()) << c.change;
    EXPECT_NE(reply.error()["message"].as_string().find(c.message), std::string::npos)
        << reply.error()["message"].as_string();
  }
  const Reply stranger = server().request("POST", "/v1/messages", "{}");
  EXPECT_EQ(stranger.status, 401);
  EXPECT_EQ(stranger.error()["type"], json::Value("authentication_error"));
  EXPECT_EQ(post("/v1/messages/nothing", json::Object{}).error()["type"],
            json::Value("not_found_error"));
  ApiServer poor("0.0003");
  const Reply empty = poor.post("/v1/messages", message_body({{"max_tokens", 200}}));
  EXPECT_EQ(empty.status, 402);
  EXPECT_EQ(empty.error()["type"], json::Value("billing_error"));
  EXPECT_EQ(empty.header("x-should-retry"), "false");
}

TEST(Messages, ResultsOfToolsAndBlocksOfTextAreRead) {
  const Reply reply = post("/v1/messages", json::parse(R"({"model":"tiny","max_tokens":3,"system":
    [{"type":"text","text":"a","cache_control":{"type":"ephemeral"}}],"messages":[
    {"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]},
    {"role":"assistant","content":[{"type":"thinking","thinking":"t","signature":"s"},
      {"type":"text","text":"c"},{"type":"tool_use","id":"toolu_1","name":"f","input":{"x":1}}]},
    {"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_1","content":
      [{"type":"text","text":"5"}]},{"type":"text","text":"And?"}]}]})")
                                               .value());
  EXPECT_EQ(reply.status, 200) << reply.body;
}

TEST(Messages, ModelsAreListedForAnthropicsClients) {
  const Reply list = server().request(
      "GET", "/v1/models", "", server().authorization() + "anthropic-version: 2023-06-01\r\n");
  ASSERT_EQ(list.status, 200);
  EXPECT_EQ(list.json["data"].as_array()[0]["type"], json::Value("model"));
  EXPECT_EQ(list.json["first_id"], json::Value("tiny"));
}

}  // namespace
}  // namespace api
