// What bad requests get: status, code and parameter as in OpenAI's API, and a server that goes on.
#include <gtest/gtest.h>

#include "api/testing_server.h"

namespace api {
namespace {

using testing::ApiServer;
using testing::chat_body;
using testing::Reply;

ApiServer& server() {
  static ApiServer shared;
  return shared;
}

struct Case {
  const char* change;  // members that replace those of a good body
  int status;
  const char* code;  // null: null
  const char* param;
  const char* message;
};

constexpr Case kCases[] = {
    {R"({"model":null})", 400, nullptr, nullptr, "you must provide a model parameter"},
    {R"({"model":""})", 400, nullptr, nullptr, "you must provide a model parameter"},
    {R"({"model":3})", 400, "invalid_type", "model",
     "Invalid type for 'model': expected a string, but got an integer instead."},
    {R"({"model":"gpt-9"})", 404, "model_not_found", nullptr,
     "The model `gpt-9` does not exist or you do not have access to it."},
    {R"({"messages":null})", 400, "missing_required_parameter", "messages",
     "Missing required parameter: 'messages'."},
    {R"({"messages":[]})", 400, "empty_array", "messages",
     "Expected an array with minimum length 1"},
    {R"({"messages":"hi"})", 400, "invalid_type", "messages",
     "expected an array of objects, but got a string instead."},
    {R"({"messages":["hi"]})", 400, "invalid_type", "messages[0]", "expected an object"},
    {R"({"messages":[{"content":"x"}]})", 400, "missing_required_parameter", "messages[0].role",
     "'messages[0].role'"},
    {R"({"messages":[{"role":"wizard","content":"x"}]})", 400, "invalid_value", "messages[0].role",
     "Invalid value: 'wizard'. Supported values are: "},
    {R"({"messages":[{"role":"user"}]})", 400, "missing_required_parameter", "messages[0].content",
     "messages[0].content"},
    {R"({"messages":[{"role":"user","content":5}]})", 400, "invalid_type", "messages[0].content",
     "expected one of a string"},
    {R"({"messages":[{"role":"user","content":[{"text":"x"}]}]})", 400,
     "missing_required_parameter", "messages[0].content[0].type", "type"},
    {R"({"messages":[{"role":"user","content":null}]})", 400, nullptr, "messages.[0].content",
     "Invalid value for 'content': expected a string, got null."},
    {R"({"messages":[{"role":"user","content":[{"type":"smell"}]}]})", 400, "invalid_value",
     "messages[0].content[0].type",
     "Supported values are: 'text', 'image_url', 'input_audio', 'refusal', 'audio', and 'file'."},
    {R"({"messages":[{"role":"user","content":[{"type":"image_url"}]}]})", 400,
     "missing_required_parameter", "messages[0].content[0].image_url", "image_url"},
    {R"({"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:,"}}]}]})",
     400, nullptr, "messages.[0].content.[0].type",
     "Invalid content type. image_url is only supported by certain models."},
    {R"({"messages":[{"role":"user","content":"x"},{"role":"tool","content":"x"}]})", 400, nullptr,
     "messages.[1].role",
     "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with "
     "'tool_calls'."},
    {R"({"messages":[{"role":"user","content":"x"},{"role":"assistant","content":null,"tool_calls":[
      {"id":"call_1","type":"function","function":{"name":"f","arguments":"{}"}}]},
      {"role":"user","content":"x"}]})",
     400, nullptr, "messages.[2].role",
     "An assistant message with 'tool_calls' must be followed by tool messages responding to each "
     "'tool_call_id'. The following tool_call_ids did not have response messages: call_1"},
    {R"({"messages":[{"role":"assistant","tool_calls":[
      {"id":"call_1","type":"function","function":{"name":"f","arguments":"{}"}}]}]})",
     400, nullptr, "messages.[0].role", "did not have response messages: call_1"},
    {R"({"messages":[{"role":"assistant","tool_calls":[
      {"id":"call_1","type":"function","function":{"name":"f","arguments":"{}"}}]},
      {"role":"tool","content":"x"}]})",
     400, "missing_required_parameter", "messages[1].tool_call_id", "tool_call_id"},
    {R"({"messages":[{"role":"assistant","tool_calls":[
      {"id":"call_1","type":"function","function":{"name":"f","arguments":"{}"}}]},
      {"role":"tool","tool_call_id":"call_2","content":"x"}]})",
     400, nullptr, "messages.[1].tool_call_id",
     "Invalid parameter: 'tool_call_id' of 'call_2' not found in 'tool_calls' of previous "
     "message."},
    {R"({"messages":[{"role":"assistant","tool_calls":[{"id":"call_1","type":"function"}]}]})", 400,
     "missing_required_parameter", "messages[0].tool_calls[0].function", "function"},
    {R"({"messages":[{"role":"assistant","tool_calls":[
      {"id":"call_1","type":"function","function":{"name":"f","arguments":{}}}]}]})",
     400, "invalid_type", "messages[0].tool_calls[0].function.arguments", "a string"},
    {R"({"messages":[{"role":"assistant"}]})", 400, "missing_required_parameter",
     "messages[0].content", "messages[0].content"},
    {R"({"temperature":"hot"})", 400, "invalid_type", "temperature",
     "Invalid type for 'temperature': expected a decimal, but got a string instead."},
    {R"({"temperature":3})", 400, "decimal_above_max_value", "temperature",
     "Invalid 'temperature': decimal above maximum value. Expected a value <= 2, but got 3 "
     "instead."},
    {R"({"temperature":-0.5})", 400, "decimal_below_min_value", "temperature",
     "Expected a value >= 0, but got -0.5 instead."},
    {R"({"top_p":1.5})", 400, "decimal_above_max_value", "top_p", "top_p"},
    {R"({"presence_penalty":-3})", 400, "decimal_below_min_value", "presence_penalty", "-2"},
    {R"({"n":0})", 400, "integer_below_min_value", "n",
     "Invalid 'n': integer below minimum value. Expected a value >= 1, but got 0 instead."},
    {R"({"n":1000})", 400, "integer_above_max_value", "n", "128"},
    {R"({"n":1.5})", 400, "invalid_type", "n", "expected an integer, but got a decimal instead."},
    {R"({"max_tokens":0})", 400, "integer_below_min_value", "max_tokens", "max_tokens"},
    {R"({"max_tokens":5,"max_completion_tokens":5})", 400, "invalid_value", "max_tokens",
     "at the same time"},
    {R"({"stop":["a","b","c","d","e"]})", 400, "array_above_max_length", "stop",
     "maximum length 4"},
    {R"({"stop":[1]})", 400, "invalid_type", "stop[0]", "a string"},
    {R"({"stream":"yes"})", 400, "invalid_type", "stream", "a boolean"},
    {R"({"stream_options":{"include_usage":true}})", 400, nullptr, "stream_options",
     "only allowed when 'stream' is enabled"},
    {R"({"top_logprobs":3})", 400, nullptr, "top_logprobs",
     "only allowed when 'logprobs' is enabled"},
    {R"({"logprobs":true,"top_logprobs":21})", 400, "integer_above_max_value", "top_logprobs",
     "20"},
    {R"({"logit_bias":{"x":1}})", 400, "invalid_value", "logit_bias", "logit_bias"},
    {R"({"logit_bias":{"1":101}})", 400, "decimal_above_max_value", "logit_bias.1", "100"},
    {R"({"logit_bias":{"1":"x"}})", 400, "invalid_type", "logit_bias.1", "a decimal"},
    {R"({"seed":"x"})", 400, "invalid_type", "seed", "an integer"},
    {R"({"tools":{}})", 400, "invalid_type", "tools", "an array of objects"},
    {R"({"tools":[{"function":{"name":"f"}}]})", 400, "missing_required_parameter", "tools[0].type",
     "Missing required parameter: 'tools[0].type'."},
    {R"({"tools":[{"type":"function"}]})", 400, "missing_required_parameter", "tools[0].function",
     "tools[0].function"},
    {R"({"tools":[{"type":"function","function":{}}]})", 400, "missing_required_parameter",
     "tools[0].function.name", "name"},
    {R"({"tools":[{"type":"function","function":{"name":"a b"}}]})", 400, "invalid_value",
     "tools[0].function.name",
     "Invalid 'tools[0].function.name': string does not match pattern. Expected a string that "
     "matches the pattern '^[a-zA-Z0-9_-]+$'."},
    {R"({"tools":[{"type":"function","function":{"name":""}}]})", 400, "empty_string",
     "tools[0].function.name", "Expected a string with minimum length 1, but got an empty string"},
    {R"({"tools":[{"type":"function","function":{"name":
      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}}]})",
     400, "string_above_max_length", "tools[0].function.name",
     "maximum length 64, but got a string with length 65"},
    {R"({"tools":[{"type":"function","function":{"name":"f"}},
      {"type":"function","function":{"name":"f"}}]})",
     400, "invalid_value", "tools[1].function.name", "unique"},
    {R"({"tools":[{"type":"retrieval"}]})", 400, "invalid_value", "tools[0].type",
     "Supported values are: 'function' and 'custom'."},
    {R"({"tools":[{"type":"custom","custom":{"name":"c"}}]})", 400, "unsupported_value",
     "tools[0].type", "custom"},
    {R"({"tools":[{"type":"function","function":{"name":"f","parameters":"x"}}]})", 400,
     "invalid_type", "tools[0].function.parameters", "an object"},
    {R"({"tool_choice":"auto"})", 400, nullptr, "tool_choice",
     "'tool_choice' is only allowed when 'tools' are specified."},
    {R"({"tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":"maybe"})", 400,
     "invalid_value", "tool_choice", "'none', 'auto', and 'required'"},
    {R"({"tools":[{"type":"function","function":{"name":"f"}}],
      "tool_choice":{"type":"function","function":{"name":"g"}}})",
     400, nullptr, "tool_choice", "no function named 'g' was specified in the 'tools' parameter"},
    {R"({"tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":{"type":"function"}})",
     400, "missing_required_parameter", "tool_choice.function", "function"},
    {R"({"function_call":"auto"})", 400, nullptr, "function_call", "'functions' are specified"},
    {R"({"functions":[]})", 400, "empty_array", "functions", "minimum length 1"},
    {R"({"functions":[{"name":"f"}],"function_call":{"name":"g"}})", 400, nullptr, "function_call",
     "no function named 'g' was specified in the 'functions' parameter"},
    {R"({"response_format":{}})", 400, "missing_required_parameter", "response_format.type", ""},
    {R"({"response_format":{"type":"xml"}})", 400, "invalid_value", "response_format.type",
     "Supported values are: 'text', 'json_object', and 'json_schema'."},
    {R"({"response_format":{"type":"json_object"}})", 400, nullptr, "messages",
     "'messages' must contain the word 'json' in some form, to use 'response_format' of type "
     "'json_object'."},
    {R"({"response_format":{"type":"json_schema"}})", 400, "missing_required_parameter",
     "response_format.json_schema", ""},
    {R"({"response_format":{"type":"json_schema","json_schema":{"schema":{}}}})", 400,
     "missing_required_parameter", "response_format.json_schema.name", ""},
    {R"({"response_format":{"type":"json_schema","json_schema":{"name":"a"}}})", 400,
     "missing_required_parameter", "response_format.json_schema.schema", ""},
    {R"({"metadata":{"a":1}})", 400, "invalid_type", "metadata.a", "a string"},
    {R"({"reasoning_effort":"huge"})", 400, "invalid_value", "reasoning_effort", "'minimal'"},
    {R"({"service_tier":"gold"})", 400, "invalid_value", "service_tier", "'priority'"},
    {R"({"stream_options":{"x":1},"stream":true})", 400, "unknown_parameter", "stream_options.x",
     "Unknown parameter: 'stream_options.x'."},
    {R"({"audio":{}})", 400, "unsupported_parameter", "audio", "audio"},
    {R"({"modalities":["audio"]})", 400, "unsupported_parameter", "modalities", "modalities"},
    {R"({"no_such_parameter":1})", 400, "unknown_parameter", "no_such_parameter",
     "Unknown parameter: 'no_such_parameter'."},
};

void expect_error(const Reply& reply, const Case& c) {
  EXPECT_EQ(reply.status, c.status) << c.change << reply.body;
  const json::Value& error = reply.error();
  ASSERT_TRUE(error.is_object()) << c.change;
  ASSERT_EQ(error.as_object().size(), 4u) << "always all four keys";
  EXPECT_EQ(error["type"], json::Value("invalid_request_error")) << c.change;
  EXPECT_EQ(error["code"], c.code == nullptr ? json::Value() : json::Value(c.code)) << c.change;
  EXPECT_EQ(error["param"], c.param == nullptr ? json::Value() : json::Value(c.param)) << c.change;
  EXPECT_NE(error["message"].as_string().find(c.message), std::string::npos)
      << error["message"].as_string();
}

TEST(BadInput, EveryParameterIsNamed) {
  for (const Case& c : kCases) {
    expect_error(
        server().post("/v1/chat/completions", chat_body(json::parse(c.change).value().as_object())),
        c);
  }
  // Errors come before a stream begins, with their status.
  expect_error(
      server().post("/v1/chat/completions", chat_body({{"stream", true}, {"model", "gpt-9"}})),
      kCases[3]);
}

TEST(BadInput, AContextThatIsTooLong) {
  for (const int length : {300, 100'000}) {
    json::Value body = chat_body();
    body.set("messages",
             json::Array{json::Object{{"role", "user"},
                                      {"content", std::string(static_cast<size_t>(length), 'x')}}});
    const Reply reply = server().post("/v1/chat/completions", body);
    EXPECT_EQ(reply.status, 400);
    EXPECT_EQ(reply.error()["code"], json::Value("context_length_exceeded"));
    EXPECT_EQ(reply.error()["param"], json::Value("messages"));
    EXPECT_TRUE(reply.error()["message"].as_string().starts_with(
        "This model's maximum context length is 256 tokens. However, your messages resulted in "));
  }
  EXPECT_EQ(server().ledger().open_holds(), 0);
}

TEST(BadInput, BodiesThatAreNotJson) {
  for (const std::string body : {"", "{", "[1,2]", "null", "\xff\xfe", R"({"a":1,"a":2})",
                                 R"({"model":"\ud800"})", "{} x"}) {
    const Reply reply =
        server().request("POST", "/v1/chat/completions", body, server().authorization());
    EXPECT_EQ(reply.status, 400) << body;
    EXPECT_TRUE(reply.error()["message"].as_string().starts_with(
        "We could not parse the JSON body of your request. (HINT: "));
  }
  std::string deep(5000, '[');
  EXPECT_EQ(server().request("POST", "/v1/chat/completions", deep, server().authorization()).status,
            400);
}

TEST(BadInput, ABodyThatIsTooLarge) {
  net::RawClient client(server().port());
  client.send("POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\n" + server().authorization() +
              "Content-Length: 999999999\r\n\r\n{");
  const Reply reply = ApiServer::parse(client.read_response());
  EXPECT_EQ(reply.status, 413);
  EXPECT_EQ(reply.error().as_object().size(), 4u);
}

TEST(BadInput, Keys) {
  const Reply none = server().request("GET", "/v1/models");
  EXPECT_EQ(none.status, 401);
  EXPECT_TRUE(none.error()["code"].is_null());
  EXPECT_TRUE(none.error()["message"].as_string().starts_with("You didn't provide an API key."));
  EXPECT_EQ(none.header("access-control-allow-origin"), "*");

  const std::string wrong = "sk-abcdefghijklmnopqrstuvwxyz";
  const Reply bad =
      server().request("GET", "/v1/models", "", "Authorization: Bearer " + wrong + "\r\n");
  EXPECT_EQ(bad.status, 401);
  EXPECT_EQ(bad.error()["code"], json::Value("invalid_api_key"));
  EXPECT_NE(bad.error()["message"].as_string().find("sk-ab***wxyz"), std::string::npos);
  EXPECT_EQ(bad.body.find(wrong), std::string::npos);

  const auto key =
      server()
          .identity()
          .create_key(server().founding().owner.id, server().founding().project.id, "short-lived")
          .value();
  const std::string header = "authorization: bearer " + std::string(key.secret.reveal()) + "\r\n";
  EXPECT_EQ(server().request("GET", "/v1/models", "", header).status, 200);
  ASSERT_TRUE(server().identity().revoke_key(key.key.id));
  EXPECT_EQ(server().request("GET", "/v1/models", "", header).status, 401);
}

TEST(BadInput, RoutesAndMethods) {
  const Reply unknown = server().post("/v1/nothing", json::Object{});
  EXPECT_EQ(unknown.status, 404);
  EXPECT_EQ(unknown.error()["message"], json::Value("Invalid URL (POST /v1/nothing)"));
  const Reply wrong = server().get("/v1/embeddings");
  EXPECT_EQ(wrong.status, 405);
  EXPECT_EQ(wrong.error()["code"], json::Value("method_not_supported"));
  EXPECT_EQ(wrong.error()["message"],
            json::Value("Not allowed to GET on /v1/embeddings. (HINT: Perhaps you meant to use a "
                        "different HTTP method?)"));
  EXPECT_EQ(wrong.header("access-control-allow-origin"), "*");
  const Reply model = server().get("/v1/models/a%2Fb");
  EXPECT_EQ(model.status, 404);
  EXPECT_EQ(model.error()["param"], json::Value("model"));
  EXPECT_EQ(model.error()["message"], json::Value("The model 'a/b' does not exist"));
  const Reply preflight = server().request("OPTIONS", "/v1/chat/completions");
  EXPECT_EQ(preflight.status, 204);
  EXPECT_NE(preflight.header("access-control-allow-headers").find("authorization"),
            std::string::npos);
}

TEST(BadInput, EveryKindOfErrorHasItsStatusAndHeaders) {
  using base::Code;
  struct Kind {
    base::Error error;
    int status;
    const char* type;
    const char* code;
    const char* header;  // "name: value"
  };
  const Kind kinds[] = {
      {{Code::RateLimited, "Rate limit reached.", "rate_limit_exceeded", "tokens", {}},
       429,
       "tokens",
       "rate_limit_exceeded",
       "retry-after: 1"},
      {{Code::RateLimited, "Rate limit reached.", "rate_limit_exceeded", "requests", {}},
       429,
       "requests",
       "rate_limit_exceeded",
       "retry-after: 1"},
      {{Code::QuotaExceeded, "the balance is $0", "insufficient_quota", "2000:org", {}},
       429,
       "insufficient_quota",
       "insufficient_quota",
       "x-should-retry: false"},
      {{Code::Unavailable, "x", "server_is_overloaded", "", {}},
       503,
       "service_unavailable_error",
       "server_is_overloaded",
       "retry-after: 1"},
      {{Code::Unimplemented, "x", "", "", {}},
       501,
       "invalid_request_error",
       "",
       "x-should-retry: false"},
      {{Code::Unimplemented, "x", "unsupported_parameter", "suffix", {}},
       400,
       "invalid_request_error",
       "unsupported_parameter",
       ""},
      {{Code::AlreadyExists, "x", "", "", {}}, 409, "invalid_request_error", "", ""},
      {{Code::PermissionDenied, "x", "", "", {}}, 403, "invalid_request_error", "", ""},
      {{Code::TooLarge, "x", "", "", {}}, 413, "invalid_request_error", "", ""},
      {{Code::Internal, "a secret detail", "", "", {}}, 500, "server_error", "", ""},
  };
  for (const Kind& kind : kinds) {
    const ApiError error = to_api_error(kind.error);
    EXPECT_EQ(error.status, kind.status) << kind.error.text();
    EXPECT_EQ(error.type, kind.type) << kind.error.text();
    EXPECT_EQ(error.code, kind.code) << kind.error.text();
    EXPECT_EQ(error.message.find("secret"), std::string::npos);
    std::string headers;
    for (const net::Header& header : error.headers) headers += header.name + ": " + header.value;
    EXPECT_EQ(headers, kind.header) << kind.error.text();
  }
  EXPECT_TRUE(to_api_error(kinds[2].error)
                  .message.starts_with("You exceeded your current quota, please check your plan "
                                       "and billing details. The balance is $0."));
}

TEST(BadInput, AKeyWithoutTheScopeIsRefused) {
  const auto key = server()
                       .identity()
                       .create_key(server().founding().owner.id, server().founding().project.id,
                                   "narrow", {"model.read"})
                       .value();
  const std::string header = "authorization: Bearer " + std::string(key.secret.reveal()) + "\r\n";
  EXPECT_EQ(server().request("GET", "/v1/models", "", header).status, 200);
  const Reply reply = server().request("POST", "/v1/chat/completions", "{}", header);
  EXPECT_EQ(reply.status, 403);
  EXPECT_EQ(reply.error()["type"], json::Value("invalid_request_error"));
  EXPECT_TRUE(reply.error()["message"].as_string().ends_with("Missing scopes: model.request."));
}

// Whatever is sent in the place of a key: no answer and no line of the log has it.
TEST(BadInput, NoSecretIsSaidAgain) {
  const std::string canary = "sk-canary-5f2c9a7e1b3d48c6a0e9";
  const std::string bodies[] = {"", "{",
                                R"({"model":"gpt-9","messages":[{"role":"user","content":"x"}]})"};
  for (const std::string path :
       {"/v1/models", "/v1/chat/completions", "/v1/messages", "/v1/nothing"}) {
    for (const std::string& body : bodies) {
      for (const std::string name : {"Authorization: Bearer ", "x-api-key: "}) {
        const Reply reply =
            server().request(body.empty() ? "GET" : "POST", path, body, name + canary + "\r\n");
        EXPECT_GE(reply.status, 400);
        EXPECT_EQ((reply.head + reply.body).find(canary), std::string::npos) << path;
      }
    }
  }
  server().post("/v1/chat/completions", chat_body({{"max_tokens", 1}}));
  server().post("/v1/chat/completions", chat_body({{"temperature", 9}}));
  EXPECT_EQ(server().log().find(canary), std::string::npos);
  EXPECT_EQ(server().log().find(server().key()), std::string::npos);
}

TEST(BadInput, HeadAndOptionsAreAnswered) {
  net::RawClient client(server().port());
  client.send(server().text("HEAD", "/v1/models", "", server().authorization()));
  const std::string head = client.read_until("\r\n\r\n");
  EXPECT_TRUE(head.starts_with("HTTP/1.1 200"));
  client.send(server().text("GET", "/v1/models", "", server().authorization()));
  EXPECT_EQ(ApiServer::parse(client.read_response()).status, 200) << "HEAD had no body";
  const Reply preflight = server().request("OPTIONS", "/v1/nothing", "", "Origin: http://x\r\n");
  EXPECT_EQ(preflight.status, 204);
  EXPECT_EQ(preflight.header("access-control-allow-origin"), "*");
}

TEST(BadInput, HeadersThatMeanNothingHereAreIgnored) {
  const Reply reply = server().request(
      "POST", "/v1/chat/completions?x=1", json::dump(chat_body({{"max_tokens", 1}})),
      server().authorization() +
          "Content-Type: application/json; charset=utf-8\r\nIdempotency-Key: k\r\n"
          "OpenAI-Organization: org-x\r\nOpenAI-Beta: assistants=v2\r\nX-Stainless-Lang: js\r\n");
  EXPECT_EQ(reply.status, 200) << reply.body;
  EXPECT_EQ(reply.header("openai-organization"), server().founding().organisation.id);
}

TEST(Models, AreListedAndFound) {
  const Reply list = server().get("/v1/models");
  ASSERT_EQ(list.status, 200);
  ASSERT_EQ(list.json["data"].as_array().size(), 1u);
  const json::Value& model = list.json["data"].as_array()[0];
  EXPECT_EQ(model["id"], json::Value("tiny"));
  EXPECT_EQ(model["object"], json::Value("model"));
  EXPECT_TRUE(model["created"].is_int());
  EXPECT_EQ(server().get("/v1/models/tiny").json, model);
}

TEST(Operations, HealthReadinessMetrics) {
  EXPECT_EQ(server().request("GET", "/healthz").status, 200);
  EXPECT_EQ(server().request("GET", "/readyz").json["status"], json::Value("ready"));
  server().post("/v1/chat/completions", chat_body({{"max_tokens", 1}}));
  const Reply metrics = server().request("GET", "/metrics");
  EXPECT_EQ(metrics.status, 200);
  EXPECT_NE(metrics.body.find("charter_requests_total{model=\"tiny\"} "), std::string::npos);
  EXPECT_NE(metrics.body.find("charter_engine_active{model=\"tiny\"} "), std::string::npos);
}

}  // namespace
}  // namespace api
