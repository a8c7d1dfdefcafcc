// /v1/responses and /v1/conversations over the whole server: what clients send, expect and check.
#include <gtest/gtest.h>

#include "api/responses_store.h"
#include "api/testing_response_rules.h"
#include "api/testing_server.h"

namespace api {
namespace {

using testing::ApiServer;
using testing::eventually;
using testing::Reply;
using testing::ResponseRules;

class ResponsesTest : public ::testing::Test {
 protected:
  static ApiServer& server() {
    static ApiServer shared;
    return shared;
  }
  static Reply create(json::Object more = {}) {
    json::Value body =
        json::Object{{"model", "tiny"}, {"input", "Hello"}, {"max_output_tokens", 16}};
    for (auto& [name, value] : more) body.set(name, std::move(value));
    return server().post("/v1/responses", body);
  }
  static Reply remove(const std::string& target) {
    return server().request("DELETE", target, "", server().authorization());
  }
  static Reply post(const std::string& target, json::Object body = {}) {
    return server().post(target, std::move(body));
  }
  static std::string id_of(const Reply& reply) {
    return reply.json["id"].is_string() ? reply.json["id"].as_string() : "none: " + reply.body;
  }
  static std::vector<std::string> blocks(const std::string& stream) {
    std::vector<std::string> out;
    for (size_t at = 0; at < stream.size();) {
      const size_t end = stream.find("\n\n", at) + 2;
      out.push_back(stream.substr(at, end - at));
      at = end;
    }
    return out;
  }
  static json::Value message(std::string_view role, std::string_view text) {
    return json::Object{{"role", role}, {"content", text}};
  }
};

TEST_F(ResponsesTest, AWholeResponseHasEveryKeyAndIsKept) {
  const Reply reply = create({{"metadata", json::Object{{"topic", "sums"}}}});
  ASSERT_EQ(reply.status, 200) << reply.body;
  for (const char* key : {"id",
                          "object",
                          "created_at",
                          "status",
                          "background",
                          "completed_at",
                          "error",
                          "incomplete_details",
                          "instructions",
                          "max_output_tokens",
                          "model",
                          "output",
                          "parallel_tool_calls",
                          "previous_response_id",
                          "reasoning",
                          "service_tier",
                          "store",
                          "temperature",
                          "text",
                          "tool_choice",
                          "tools",
                          "top_logprobs",
                          "top_p",
                          "truncation",
                          "usage",
                          "user",
                          "metadata"}) {
    EXPECT_NE(reply.json.find(key), nullptr) << key;
  }
  EXPECT_EQ(reply.json["object"], json::Value("response"));
  const json::Value& item = reply.json["output"].as_array()[0];
  EXPECT_EQ(item["type"], json::Value("message"));
  EXPECT_EQ(item["content"].as_array()[0]["annotations"], json::Value(json::Array{}));
  const int64_t total = reply.json["usage"]["total_tokens"].as_int();
  EXPECT_EQ(total, reply.json["usage"]["input_tokens"].as_int() +
                       reply.json["usage"]["output_tokens"].as_int());

  const Reply kept = server().get("/v1/responses/" + id_of(reply));
  EXPECT_EQ(kept.json, reply.json);
  const Reply deleted = remove("/v1/responses/" + id_of(reply));
  EXPECT_EQ(deleted.json["deleted"], json::Value(true));
  const Reply gone = server().get("/v1/responses/" + id_of(reply));
  EXPECT_EQ(gone.status, 404);
  EXPECT_EQ(gone.error()["message"],
            json::Value("Response with id '" + id_of(reply) + "' not found."));
  EXPECT_EQ(server().get("/v1/responses/" + id_of(create({{"store", false}}))).status, 404);
}

TEST_F(ResponsesTest, AStreamKeepsTheRulesAndSaysWhatIsStored) {
  const Reply reply = create({{"stream", true}, {"temperature", 0}});
  ASSERT_EQ(reply.status, 200) << reply.body;
  EXPECT_EQ(reply.header("content-type"), "text/event-stream");
  ResponseRules rules;
  for (const std::string& block : blocks(reply.body)) ASSERT_EQ(rules.take(block), "") << block;
  EXPECT_EQ(rules.end(), "");
  const json::Value& response = rules.final_response();
  EXPECT_EQ(server().get("/v1/responses/" + response["id"].as_string()).json, response);
  const Reply plain = create({{"temperature", 0}});
  EXPECT_EQ(plain.json["output"].as_array()[0]["content"],
            response["output"].as_array()[0]["content"]);
}

TEST_F(ResponsesTest, ProbabilitiesWhenTheyAreAskedFor) {
  const Reply reply =
      create({{"include", json::Array{"message.output_text.logprobs"}}, {"top_logprobs", 2}});
  ASSERT_EQ(reply.status, 200) << reply.body;
  const json::Value& part = reply.json["output"].as_array()[0]["content"].as_array()[0];
  ASSERT_FALSE(part["logprobs"].as_array().empty());
  EXPECT_EQ(part["logprobs"].as_array()[0]["top_logprobs"].as_array().size(), 2u);
}

TEST_F(ResponsesTest, AChainReadsEverythingBeforeIt) {
  const Reply first = create({{"instructions", "Be brief."}});
  const Reply second = create({{"previous_response_id", id_of(first)}, {"input", "And then?"}});
  ASSERT_EQ(second.status, 200) << second.body;
  const Reply third = create({{"previous_response_id", id_of(second)}, {"input", "And then?"}});
  // The same turns as items, without the instructions, which are not inherited.
  json::Array items{message("user", "Hello")};
  items.push_back(first.json["output"].as_array()[0]);
  items.push_back(message("user", "And then?"));
  items.push_back(
      json::Object{{"type", "item_reference"}, {"id", second.json["output"].as_array()[0]["id"]}});
  items.push_back(message("user", "And then?"));
  const Reply flat = create({{"input", items}});
  ASSERT_EQ(flat.status, 200) << flat.body;
  EXPECT_EQ(third.json["usage"]["input_tokens"], flat.json["usage"]["input_tokens"]);
  EXPECT_GT(third.json["usage"]["input_tokens"].as_int(),
            second.json["usage"]["input_tokens"].as_int());

  const Reply missing = create({{"previous_response_id", "resp_none"}});
  EXPECT_EQ(missing.status, 400);
  EXPECT_EQ(missing.error()["code"], json::Value("previous_response_not_found"));
  EXPECT_EQ(missing.error()["param"], json::Value("previous_response_id"));
  const Reply unknown = create(
      {{"input", json::Array{json::Object{{"type", "item_reference"}, {"id", "msg_none"}}}}});
  EXPECT_EQ(unknown.status, 404);
  EXPECT_EQ(unknown.error()["message"], json::Value("Item with id 'msg_none' not found."));
}

TEST_F(ResponsesTest, InputItemsArePaged) {
  json::Array items;
  for (int i = 0; i < 5; ++i) items.push_back(message("user", "question " + std::to_string(i)));
  const Reply reply = create({{"input", items}});
  const std::string list = "/v1/responses/" + id_of(reply) + "/input_items";
  std::vector<std::string> seen;
  std::string after;
  for (int page = 0; page < 10; ++page) {
    const Reply part = server().get(list + "?limit=2&order=asc" + after);
    ASSERT_EQ(part.status, 200) << part.body;
    for (const json::Value& item : part.json["data"].as_array())
      seen.push_back(item["content"].as_array()[0]["text"].as_string());
    if (part.json["has_more"] == json::Value(false)) break;
    after = "&after=" + part.json["last_id"].as_string();
  }
  ASSERT_EQ(seen.size(), 5u);
  EXPECT_EQ(seen.front(), "question 0");
  EXPECT_EQ(seen.back(), "question 4");
  const Reply newest = server().get(list + "?limit=1");
  EXPECT_EQ(newest.json["data"].as_array()[0]["content"].as_array()[0]["text"],
            json::Value("question 4"));
  EXPECT_EQ(server().get(list + "?limit=0").error()["code"],
            json::Value("integer_below_min_value"));
  EXPECT_EQ(server().get(list + "?after=msg_none").status, 404);
}

TEST_F(ResponsesTest, AConversationGrowsByInputAndOutput) {
  const Reply made =
      post("/v1/conversations", {{"items", json::Array{message("user", "I am Ann.")}},
                                 {"metadata", json::Object{{"a", "b"}}}});
  ASSERT_EQ(made.status, 200) << made.body;
  const std::string path = "/v1/conversations/" + id_of(made);
  const Reply reply = create({{"conversation", json::Object{{"id", id_of(made)}}}});
  ASSERT_EQ(reply.status, 200) << reply.body;
  EXPECT_EQ(reply.json["conversation"]["id"], json::Value(id_of(made)));
  const Reply items = server().get(path + "/items?order=asc");
  ASSERT_EQ(items.json["data"].as_array().size(), 3u) << items.body;
  EXPECT_EQ(items.json["data"].as_array()[2], reply.json["output"].as_array()[0]);

  const Reply alone = create();
  EXPECT_GT(reply.json["usage"]["input_tokens"].as_int(),
            alone.json["usage"]["input_tokens"].as_int());
  const std::string item = path + "/items/" + items.json["first_id"].as_string();
  EXPECT_EQ(server().get(item).json["role"], json::Value("user"));
  EXPECT_EQ(remove(item).json["object"], json::Value("conversation"));
  EXPECT_EQ(server().get(item).status, 404);
  EXPECT_EQ(post(path, {{"metadata", json::Object{{"a", "c"}}}}).json["metadata"]["a"],
            json::Value("c"));
  const Reply both = create({{"conversation", id_of(made)}, {"previous_response_id", "resp_1"}});
  EXPECT_EQ(both.status, 400);
  EXPECT_EQ(remove(path).json["object"], json::Value("conversation.deleted"));
  EXPECT_EQ(server().get(path + "/items").status, 404);
  EXPECT_EQ(create({{"conversation", id_of(made)}}).status, 404);
}

TEST_F(ResponsesTest, InTheBackgroundItIsPolledAndFollowedFromAnyEvent) {
  const Reply begun = create({{"background", true}, {"max_output_tokens", 40}});
  ASSERT_EQ(begun.status, 200) << begun.body;
  EXPECT_EQ(begun.json["status"], json::Value("queued"));
  const std::string path = "/v1/responses/" + id_of(begun);
  ASSERT_TRUE(eventually([&] {
    const std::string status = server().get(path).json["status"].as_string();
    return status != "queued" && status != "in_progress";
  }));
  const Reply ended = server().get(path);
  const Reply all = server().get(path + "?stream=true");
  const std::vector<std::string> events = blocks(all.body);
  ResponseRules rules;
  for (const std::string& block : events) ASSERT_EQ(rules.take(block), "") << block;
  EXPECT_EQ(rules.final_response(), ended.json);
  EXPECT_TRUE(events[1].starts_with("event: response.queued\n"));
  for (size_t after = 0; after < events.size(); ++after) {
    std::string rest;
    for (size_t i = after + 1; i < events.size(); ++i) rest += events[i];
    const Reply part = server().get(path + "?stream=true&starting_after=" + std::to_string(after));
    ASSERT_EQ(part.body, rest) << after;
  }
  EXPECT_EQ(post(path + "/cancel").json, ended.json);  // it has ended: nothing to cancel
  const Reply foreground = post("/v1/responses/" + id_of(create()) + "/cancel");
  EXPECT_EQ(foreground.status, 400);
  EXPECT_EQ(foreground.error()["message"], json::Value("Cannot cancel a synchronous response."));
}

TEST_F(ResponsesTest, CancellingInTheBackgroundLetsGoOfTheEngine) {
  bool cancelled = false;
  for (int attempt = 0; attempt < 50 && !cancelled; ++attempt) {
    const Reply begun = create({{"background", true}, {"max_output_tokens", 400}});
    const Reply end = post("/v1/responses/" + id_of(begun) + "/cancel");
    ASSERT_EQ(end.status, 200) << end.body;
    cancelled = end.json["status"] == json::Value("cancelled");
    if (cancelled) EXPECT_TRUE(end.json["usage"].is_object());
  }
  EXPECT_TRUE(cancelled);
  EXPECT_TRUE(eventually([] { return server().ledger().open_holds() == 0; }));
}

TEST_F(ResponsesTest, WhatAStopOfTheServerCutOffHasFailed) {
  objects::Store& store = server().objects();
  const std::string project = server().founding().project.id;
  json::Value response = create().json;
  response.set("id", "resp_cut");
  response.set("status", "in_progress");
  response.set("background", true);
  response.set("output", json::Array{});
  ASSERT_TRUE(insert_response(store, {project, response, {}}, base::system_now()));
  ASSERT_TRUE(append_response_events(store, project, "resp_cut", 0, {"event: a\ndata: 0\n\n"},
                                     base::system_now()));
  EXPECT_EQ(fail_interrupted_responses(store).value(), 1);
  EXPECT_EQ(fail_interrupted_responses(store).value(), 0);
  const Reply failed = server().get("/v1/responses/resp_cut");
  EXPECT_EQ(failed.json["status"], json::Value("failed"));
  EXPECT_EQ(failed.json["error"]["code"], json::Value("server_error"));
  // A client that had seen more events than were stored gets the last one all the same.
  const Reply rest = server().get("/v1/responses/resp_cut?stream=true&starting_after=7");
  EXPECT_TRUE(rest.body.starts_with(
      "event: response.failed\ndata: {\"type\":\"response.failed\",\"sequence_number\":8,"))
      << rest.body;
}

TEST_F(ResponsesTest, TokensOfAnInputAreCounted) {
  const Reply count = post("/v1/responses/input_tokens", {{"model", "tiny"}, {"input", "Hello"}});
  ASSERT_EQ(count.status, 200) << count.body;
  EXPECT_EQ(count.json["object"], json::Value("response.input_tokens"));
  EXPECT_EQ(count.json["input_tokens"], create().json["usage"]["input_tokens"]);
}

TEST_F(ResponsesTest, AClientThatGoesAwayEndsItsResponse) {
  for (int i = 0; i < 20; ++i) {
    net::RawClient client(server().port());
    client.send(
        server().text("POST", "/v1/responses",
                      R"({"model":"tiny","input":"Hello","stream":true,"max_output_tokens":400})",
                      server().authorization()));
    client.read_until("event: response.created");
  }
  EXPECT_TRUE(eventually([] { return server().ledger().open_holds() == 0; }));
}

TEST_F(ResponsesTest, ErrorsAreThoseOfOpenAi) {
  struct Case {
    json::Object more;
    int status;
    std::string code, param, message;
  };
  const json::Value output_alone = json::Array{
      json::Object{{"type", "function_call_output"}, {"call_id", "call_1"}, {"output", "x"}}};
  const Case cases[] = {
      {{{"model", "none"}},
       400,
       "model_not_found",
       "model",
       "The requested model 'none' does not exist."},
      {{{"model", nullptr}},
       400,
       "missing_required_parameter",
       "model",
       "Missing required parameter: 'model'."},
      {{{"input", nullptr}},
       400,
       "missing_required_parameter",
       "input",
       "Missing required parameter: 'input'."},
      {{{"messages", json::Array{}}},
       400,
       "unsupported_parameter",
       "messages",
       "Unsupported parameter: 'messages'. In the Responses API, this parameter has moved to "
       "'input'. Try again with the new parameter."},
      {{{"n", 2}}, 400, "unknown_parameter", "n", "Unknown parameter: 'n'."},
      {{{"max_output_tokens", 15}},
       400,
       "integer_below_min_value",
       "max_output_tokens",
       "Invalid 'max_output_tokens': integer below minimum value. Expected a value >= 16, but got "
       "15 instead."},
      {{{"temperature", "hot"}},
       400,
       "invalid_type",
       "temperature",
       "Invalid type for 'temperature': expected a decimal, but got a string instead."},
      {{{"input", json::Array{message("robot", "x")}}},
       400,
       "invalid_value",
       "input[0].role",
       "Invalid value: 'robot'. Supported values are: 'assistant', 'system', 'developer', and "
       "'user'."},
      {{{"input", json::Array{json::Object{{"role", "user"}}}}},
       400,
       "missing_required_parameter",
       "input[0].content",
       "Missing required parameter: 'input[0].content'."},
      {{{"input", output_alone}},
       400,
       "",
       "input",
       "No tool call found for function call output with call_id call_1."},
      {{{"tool_choice", "required"}},
       400,
       "",
       "tool_choice",
       "Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' are "
       "specified."},
      {{{"tools", json::Array{json::Object{{"type", "function"}}}}},
       400,
       "missing_required_parameter",
       "tools[0].name",
       "Missing required parameter: 'tools[0].name'."},
      {{{"background", true}, {"store", false}},
       400,
       "",
       "background",
       "Invalid value for 'background': a response in the background must be stored: leave 'store' "
       "out or true."},
  };
  for (const Case& one : cases) {
    const Reply reply = create(one.more);
    EXPECT_EQ(reply.status, one.status) << reply.body;
    EXPECT_EQ(reply.error()["type"], json::Value("invalid_request_error")) << reply.body;
    EXPECT_EQ(reply.error()["code"], one.code.empty() ? json::Value() : json::Value(one.code));
    EXPECT_EQ(reply.error()["param"], json::Value(one.param)) << reply.body;
    EXPECT_EQ(reply.error()["message"], json::Value(one.message));
  }
  const Reply hosted = create({{"tools", json::Array{json::Object{{"type", "web_search"}}}}});
  EXPECT_EQ(hosted.error()["param"], json::Value("tools[0].type"));
  EXPECT_NE(hosted.error()["message"].as_string().find("'function' and 'file_search'"),
            std::string::npos);
}

TEST_F(ResponsesTest, ALongConversationLosesItsOldestTurnsWhenItMay) {
  json::Array items;
  for (int i = 0; i < 60; ++i) {
    items.push_back(message("user", "a question that is as long as a line of text can well be"));
    items.push_back(message("assistant", "an answer"));
  }
  items.push_back(message("user", "Hello"));
  const Reply refused = create({{"input", items}});
  EXPECT_EQ(refused.status, 400);
  EXPECT_EQ(refused.error()["code"], json::Value("context_length_exceeded")) << refused.body;
  EXPECT_EQ(refused.error()["param"], json::Value("input"));
  const Reply cut = create({{"input", items}, {"truncation", "auto"}});
  EXPECT_EQ(cut.status, 200) << cut.body;
}

}  // namespace
}  // namespace api
