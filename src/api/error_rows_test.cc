// Every kind of error that OpenAI's API answers with, in the order of its list, each brought about
// in a running server: status, type, code, param, message and the headers that clients obey.
#include <functional>
#include <optional>
#include <vector>

#include "api/testing_server.h"
#include "gateway/testing_upstream.h"
#include "net/raw_server.h"

namespace api {
namespace {

using testing::ApiServer;
using testing::chat_body;
using testing::Reply;
namespace provider = gateway::testing;

struct Row {
  int status;
  const char* type;
  const char* code;   // null: null
  const char* param;  // null: null
  std::string message;
  std::function<Reply()> ask;
  std::vector<std::pair<std::string, std::string>> headers = {};
};

// The time stands still, so that waits are exact.
class ErrorRows : public ::testing::Test {
 protected:
  static constexpr const char* kInvalid = "invalid_request_error";

  static base::ManualClock& clock() {
    static base::ManualClock still(base::system_now());
    return still;
  }
  static ApiServer& server() {
    static ApiServer running({.clock = &clock(), .context_length = 512});
    return running;
  }
  static void expect(const Row& row) {
    const Reply reply = row.ask();
    const auto or_null = [](const char* text) {
      return text == nullptr ? json::Value() : json::Value(text);
    };
    EXPECT_EQ(reply.status, row.status) << row.message << reply.body;
    EXPECT_EQ(reply.header("content-type"), "application/json") << row.message;
    EXPECT_EQ(reply.header("access-control-allow-origin"), "*") << row.message;
    EXPECT_TRUE(reply.header("x-request-id").starts_with("req_")) << row.message;
    ASSERT_TRUE(reply.error().is_object()) << row.message << reply.body;
    EXPECT_EQ(reply.json.as_object().size(), 1u) << reply.body;
    EXPECT_EQ(reply.error().as_object().size(), 4u) << "always all four keys" << reply.body;
    EXPECT_EQ(reply.error()["type"], json::Value(row.type)) << row.message;
    EXPECT_EQ(reply.error()["code"], or_null(row.code)) << row.message;
    EXPECT_EQ(reply.error()["param"], or_null(row.param)) << row.message;
    EXPECT_TRUE(reply.error()["message"].as_string().starts_with(row.message))
        << row.message << "\n"
        << reply.error()["message"].as_string();
    for (const auto& [name, value] : row.headers)
      EXPECT_EQ(reply.header(name), value) << row.message << name;
  }

  static std::function<Reply()> chat(const char* members) {
    return [members] {
      return server().post("/v1/chat/completions",
                           chat_body(json::parse(members).value().as_object()));
    };
  }
  static std::function<Reply()> respond(const char* body) {
    return [body] { return server().post("/v1/responses", json::parse(body).value()); };
  }
  static std::function<Reply()> get(const char* target) {
    return [target] { return server().get(target); };
  }
  static std::string key_with(std::vector<std::string> scopes) {
    const auto& founding = server().founding();
    const auto made = server().identity().create_key(founding.owner.id, founding.project.id, "k",
                                                     std::move(scopes));
    return "Authorization: Bearer " + std::string(made->secret.reveal()) + "\r\n";
  }

  // A model "elsewhere" whose provider answers as `serve` does.
  static void set_provider(std::function<void(net::RawServer::Peer&)> serve,
                           int64_t concurrent_max = 0) {
    static std::vector<std::unique_ptr<net::RawServer>> servers;
    servers.push_back(std::make_unique<net::RawServer>(std::move(serve)));
    gateway::UpstreamOptions upstream;
    upstream.name = "there";
    upstream.base_url = servers.back()->url("/v1");
    upstream.concurrent_max = concurrent_max;
    upstream.queue_max = 0;
    gateway::RouteOptions route;
    route.name = "elsewhere";
    route.attempts_max = 1;
    gateway::TargetOptions target;
    target.upstream = "there";
    target.model = "theirs";
    target.price = money::PriceQuote{1'000'000, 2'000'000, 1};
    route.targets = {target};
    gateway::ModelDirectory& directory = server().gateway().directory();
    ASSERT_TRUE(directory.set_routes({}));
    ASSERT_TRUE(directory.set_upstreams({upstream}));
    ASSERT_TRUE(directory.set_routes({route}));
  }
  static void set_provider(int status, std::string body, std::string headers = "") {
    set_provider([=](net::RawServer::Peer& peer) {
      while (!peer.read_request().empty())
        peer.send(provider::answer(status, "application/json", body, headers));
    });
  }
  static Reply ask_elsewhere(const std::string& path, json::Object more = {}) {
    json::Value body = path == "/v1/responses"     ? json::Value(json::Object{{"input", "Hello"}})
                       : path == "/v1/completions" ? json::Value(json::Object{{"prompt", "Hello"}})
                                                   : chat_body({{"max_tokens", 5}});
    body.set("model", "elsewhere");
    for (auto& [name, value] : more) body.set(name, std::move(value));
    return server().post(path, body);
  }
};

TEST_F(ErrorRows, KeysModelsAndAddresses) {
  const Row rows[] = {
      {401, kInvalid, "invalid_api_key", nullptr,
       "Incorrect API key provided: sk-ab***wxyz. You can find your API key at "
       "https://platform.openai.com/account/api-keys.",
       [] {
         return server().request("GET", "/v1/models", "",
                                 "Authorization: Bearer sk-abcdefghijklmnopqrstuvwxyz\r\n");
       }},
      {401, kInvalid, nullptr, nullptr,
       "You didn't provide an API key. You need to provide your API key in an Authorization header "
       "using Bearer auth",
       [] { return server().request("GET", "/v1/models"); }},
      {403, kInvalid, nullptr, nullptr,
       "You have insufficient permissions for this operation. Missing scopes: model.request.",
       [] {
         return server().request("POST", "/v1/chat/completions", "{}", key_with({"model.read"}));
       }},
      {404, kInvalid, "model_not_found", nullptr,
       "The model `X` does not exist or you do not have access to it.", chat(R"({"model":"X"})")},
      {404, kInvalid, "model_not_found", "model", "The model 'X' does not exist",
       get("/v1/models/X")},
      {400, kInvalid, "model_not_found", "model", "The requested model 'X' does not exist.",
       respond(R"({"model":"X","input":"Hello"})")},
      {404, kInvalid, nullptr, nullptr, "Invalid URL (POST /v1/foo)",
       [] { return server().post("/v1/foo", json::Object{}); }},
      {405, kInvalid, "method_not_supported", nullptr,
       "Not allowed to GET on /v1/embeddings. (HINT: Perhaps you meant to use a different HTTP "
       "method?)",
       get("/v1/embeddings")},
      {404, kInvalid, nullptr, "id", "No such File object: file-x", get("/v1/files/file-x")},
      {404, kInvalid, nullptr, nullptr, "No batch found with id 'batch_x'.",
       get("/v1/batches/batch_x")},
      {404, kInvalid, nullptr, nullptr, "Response with id 'resp_x' not found.",
       get("/v1/responses/resp_x")},
      {404, kInvalid, nullptr, nullptr, "Vector store with id 'vs_x' not found.",
       get("/v1/vector_stores/vs_x")},
  };
  for (const Row& row : rows) expect(row);
}

TEST_F(ErrorRows, Parameters) {
  const std::string long_user(3'000, 'u');
  const Row rows[] = {
      {400, kInvalid, "missing_required_parameter", "messages",
       "Missing required parameter: 'messages'.", chat(R"({"messages":null})")},
      {400, kInvalid, "missing_required_parameter", "messages[0].content[0].type",
       "Missing required parameter: 'messages[0].content[0].type'.",
       chat(R"({"messages":[{"role":"user","content":[{"text":"x"}]}]})")},
      {400, kInvalid, nullptr, nullptr, "you must provide a model parameter",
       chat(R"({"model":null})")},
      {400, kInvalid, "unknown_parameter", "foo", "Unknown parameter: 'foo'.",
       chat(R"({"foo":1})")},
      {400, kInvalid, "unsupported_parameter", "audio", "Unsupported parameter: 'audio' ",
       chat(R"({"audio":{}})")},
      {400, kInvalid, "unsupported_value", "tools[0].type",
       "Unsupported value: 'tools[0].type' does not support 'custom' with this model.",
       chat(R"({"tools":[{"type":"custom","custom":{"name":"c"}}]})")},
      {400, kInvalid, "invalid_type", "temperature",
       "Invalid type for 'temperature': expected a decimal, but got a string instead.",
       chat(R"({"temperature":"hot"})")},
      {400, kInvalid, "invalid_value", "messages[0].role",
       "Invalid value: 'x'. Supported values are: ",
       chat(R"({"messages":[{"role":"x","content":"x"}]})")},
      {400, kInvalid, "decimal_above_max_value", "temperature",
       "Invalid 'temperature': decimal above maximum value. Expected a value <= 2, but got 3 "
       "instead.",
       chat(R"({"temperature":3})")},
      {400, kInvalid, "decimal_below_min_value", "temperature",
       "Invalid 'temperature': decimal below minimum value. Expected a value >= 0, but got -1 "
       "instead.",
       chat(R"({"temperature":-1})")},
      {400, kInvalid, "integer_below_min_value", "n",
       "Invalid 'n': integer below minimum value. Expected a value >= 1, but got 0 instead.",
       chat(R"({"n":0})")},
      {400, kInvalid, "integer_above_max_value", "n",
       "Invalid 'n': integer above maximum value. Expected a value <= 128, but got 1000 instead.",
       chat(R"({"n":1000})")},
      {400, kInvalid, "empty_array", "messages",
       "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty "
       "array instead.",
       chat(R"({"messages":[]})")},
      {400, kInvalid, "array_above_max_length", "stop",
       "Invalid 'stop': array too long. Expected an array with maximum length 4, but got an array "
       "with length 5 instead.",
       chat(R"({"stop":["a","b","c","d","e"]})")},
      {400, kInvalid, "string_above_max_length", "metadata.a",
       "Invalid 'metadata.a': string too long. Expected a string with maximum length 512, but got "
       "a string with length 3000 instead.",
       [&] {
         return server().post("/v1/chat/completions",
                              chat_body({{"metadata", json::Object{{"a", long_user}}}}));
       }},
      {400, kInvalid, "context_length_exceeded", "messages",
       "This model's maximum context length is 512 tokens. However, your messages resulted in ",
       [&] {
         return server().post(
             "/v1/chat/completions",
             chat_body({{"messages",
                         json::Array{json::Object{{"role", "user"}, {"content", long_user}}}}}));
       }},
      {400, kInvalid, nullptr, nullptr, "We could not parse the JSON body of your request. (HINT: ",
       [] {
         return server().request("POST", "/v1/chat/completions", "{", server().authorization());
       }},
      {400, kInvalid, nullptr, "response_format",
       "Invalid schema for response_format 'NAME': In context=('properties', 'a'), "
       "'additionalProperties' is required to be supplied and to be false.",
       chat(R"({"response_format":{"type":"json_schema","json_schema":{"name":"NAME","strict":true,
         "schema":{"type":"object","properties":{"a":{"type":"object","properties":{}}},
         "required":["a"],"additionalProperties":false}}}})")},
      {400, kInvalid, "invalid_function_parameters", "tools[0].function.parameters",
       "Invalid schema for function 'f': ",
       chat(R"({"tools":[{"type":"function","function":{"name":"f","strict":true,
         "parameters":{"type":"object","properties":{}}}}]})")},
      {400, kInvalid, "previous_response_not_found", "previous_response_id",
       "Previous response with id 'resp_x' not found.",
       respond(R"({"model":"tiny","input":"Hello","previous_response_id":"resp_x"})")},
      {400, kInvalid, nullptr, "messages",
       "'messages' must contain the word 'json' in some form, to use 'response_format' of type "
       "'json_object'.",
       chat(R"({"response_format":{"type":"json_object"}})")},
      {400, kInvalid, nullptr, "messages.[1].role",
       "Invalid parameter: messages with role 'tool' must be a response to a preceeding message "
       "with 'tool_calls'.",
       chat(R"({"messages":[{"role":"user","content":"x"},{"role":"tool","content":"x"}]})")},
      {400, kInvalid, nullptr, "messages.[2].role",
       "An assistant message with 'tool_calls' must be followed by tool messages responding to "
       "each 'tool_call_id'. ",
       chat(R"({"messages":[{"role":"user","content":"x"},{"role":"assistant","tool_calls":[
         {"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]},
         {"role":"user","content":"x"}]})")},
  };
  for (const Row& row : rows) expect(row);
  EXPECT_EQ(server().ledger().open_holds(), 0);
}

TEST_F(ErrorRows, ABodyThatIsTooLarge) {
  expect({413, kInvalid, nullptr, nullptr, "", [] {
            net::RawClient client(server().port());
            client.send("POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\n" +
                        server().authorization() + "Content-Length: 999999999\r\n\r\n{");
            return ApiServer::parse(client.read_response());
          }});
}

TEST_F(ErrorRows, Rates) {
  identity::ScopeLimits row;
  row.id = server().founding().organisation.id;
  const auto ask = chat(R"({"max_tokens":4})");
  row.rates.requests_per_minute = 3;
  ASSERT_TRUE(server().identity().set_limits(row));
  for (int left = 2; left >= 0; --left) {
    const Reply passed = ask();
    EXPECT_EQ(passed.status, 200) << passed.body;
    EXPECT_EQ(passed.header("x-ratelimit-limit-requests"), "3");
    EXPECT_EQ(passed.header("x-ratelimit-remaining-requests"), std::to_string(left));
    EXPECT_EQ(passed.header("x-ratelimit-reset-requests"), left == 2   ? "20s"
                                                           : left == 1 ? "40s"
                                                                       : "1m0s");
    EXPECT_EQ(passed.header("retry-after"), "");
  }
  expect({429,
          "requests",
          "rate_limit_exceeded",
          nullptr,
          "Rate limit reached for tiny in organization " + row.id +
              " on requests per min (RPM): Limit 3, Used 3, Requested 1. Please try again in 20s.",
          ask,
          {{"retry-after", "20"},
           {"retry-after-ms", "20000"},
           {"x-ratelimit-limit-requests", "3"},
           {"x-ratelimit-remaining-requests", "0"},
           {"x-ratelimit-reset-requests", "1m0s"},
           {"x-should-retry", ""}}});
  // The same before a stream begins.
  expect({429,
          "requests",
          "rate_limit_exceeded",
          nullptr,
          "Rate limit reached for tiny",
          chat(R"({"max_tokens":4,"stream":true})"),
          {{"retry-after", "20"}}});
  clock().advance(base::seconds(20));
  EXPECT_EQ(ask().status, 200);

  row.rates = {.tokens_per_minute = 60};
  ASSERT_TRUE(server().identity().set_limits(row));
  const Reply passed = ask();
  ASSERT_EQ(passed.status, 200) << passed.body;
  const int64_t used = passed.json["usage"]["total_tokens"].as_int();
  const auto too_many = [&] {
    return server().post("/v1/chat/completions", chat_body({{"max_tokens", 60 - used}}));
  };
  const int64_t asked = passed.json["usage"]["prompt_tokens"].as_int() + 60 - used;
  const std::string wait = std::to_string(used + asked - 60) + "s";
  expect({429,
          "tokens",
          "rate_limit_exceeded",
          nullptr,
          "Rate limit reached for tiny in organization " + row.id +
              " on tokens per min (TPM): Limit 60, Used " + std::to_string(used) + ", Requested " +
              std::to_string(asked) + ". Please try again in " + wait + ".",
          too_many,
          {{"retry-after", std::to_string(used + asked - 60)},
           {"x-ratelimit-limit-tokens", "60"},
           {"x-ratelimit-remaining-tokens", std::to_string(60 - used)},
           {"x-ratelimit-reset-tokens", std::to_string(used) + "s"}}});
  row.rates = {};
  ASSERT_TRUE(server().identity().set_limits(row));
}

TEST_F(ErrorRows, MoneyIsGone) {
  ApiServer poor({.balance_usd = "0.0000001", .clock = &clock()});
  expect({429,
          "insufficient_quota",
          "insufficient_quota",
          nullptr,
          "You exceeded your current quota, please check your plan and billing details.",
          [&] { return poor.post("/v1/chat/completions", chat_body({{"max_tokens", 50}})); },
          {{"x-should-retry", "false"}, {"retry-after", ""}}});
}

TEST_F(ErrorRows, AFaultOfTheServer) {
  const std::string form =
      "--X\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nuser_data\r\n"
      "--X\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nx\r\n--X--\r\n";
  const Reply made = server().request(
      "POST", "/v1/files", form,
      server().authorization() + "Content-Type: multipart/form-data; boundary=X\r\n");
  ASSERT_EQ(made.status, 200) << made.body;
  const std::string id = made.json["id"].as_string();
  server().blobs().remove(id);  // behind the server's back
  expect({500, "server_error", nullptr, nullptr,
          "The server had an error while processing your request. Sorry about that!",
          [&] { return server().get("/v1/files/" + id + "/content"); }});
}

TEST_F(ErrorRows, Overload) {
  set_provider([](net::RawServer::Peer& peer) { peer.wait_for_close(); }, 1);
  net::RawClient first(server().port());
  json::Value body = chat_body({{"max_tokens", 5}, {"stream", true}});
  body.set("model", "elsewhere");
  first.send(
      server().text("POST", "/v1/chat/completions", json::dump(body), server().authorization()));
  ASSERT_TRUE(testing::eventually([] { return server().gateway().running() == 1; }));
  expect({503,
          "service_unavailable_error",
          "server_is_overloaded",
          nullptr,
          "Our servers are currently overloaded. Please try again later.",
          [] { return ask_elsewhere("/v1/chat/completions"); },
          {{"retry-after", "1"}}});
  first.close();
  EXPECT_TRUE(testing::eventually([] { return server().gateway().running() == 0; }));
  EXPECT_EQ(server().ledger().open_holds(), 0);
}

TEST_F(ErrorRows, AProvidersRefusalsKeepTheirNames) {
  set_provider(400, R"({"error":{"message":"Unsupported parameter: 'max_tokens' is not supported)"
                    R"( with this model. Use 'max_completion_tokens' instead.","type":)"
                    R"("invalid_request_error","param":"max_tokens","code":)"
                    R"("unsupported_parameter"}})");
  expect({400, kInvalid, "unsupported_parameter", "max_tokens",
          "Unsupported parameter: 'max_tokens' is not supported with this model. Use "
          "'max_completion_tokens' instead.",
          [] { return ask_elsewhere("/v1/chat/completions"); }});
  set_provider(400, R"({"error":{"message":"Unsupported value: 'temperature' does not support 0.5)"
                    R"( with this model.","type":"invalid_request_error","param":"temperature",)"
                    R"("code":"unsupported_value"}})");
  expect({400, kInvalid, "unsupported_value", "temperature",
          "Unsupported value: 'temperature' does not support 0.5 with this model.",
          [] { return ask_elsewhere("/v1/chat/completions", {{"temperature", 0.5}}); }});
}

TEST_F(ErrorRows, AProvidersWaitIsToldWhicheverWayItWasAsked) {
  for (const std::string path : {"/v1/chat/completions", "/v1/completions", "/v1/responses"}) {
    for (const bool stream : {false, true}) {
      // Each time anew: a provider that asked for a wait is left alone for so long.
      set_provider(429, R"({"error":{"message":"slow down"}})", "retry-after: 7\r\n");
      expect({429,
              "requests",
              "rate_limit_exceeded",
              nullptr,
              "The provider of this model limits the rate of requests.",
              [&] { return ask_elsewhere(path, {{"stream", stream}}); },
              {{"retry-after", "7"}, {"retry-after-ms", "7000"}}});
    }
  }
  set_provider(429, "{}", "retry-after-ms: 1500\r\n");
  const Reply message = ask_elsewhere("/v1/messages");
  EXPECT_EQ(message.status, 429) << message.body;
  EXPECT_EQ(message.header("retry-after"), "2");
  EXPECT_EQ(message.header("retry-after-ms"), "1500");
  EXPECT_EQ(message.json["error"]["type"], json::Value("rate_limit_error"));
}

TEST_F(ErrorRows, InMidStream) {
  const auto cut = [](net::RawServer::Peer& peer) {
    peer.read_request();
    peer.send(provider::stream_head() + provider::chunked(provider::piece("Hel")));
  };
  set_provider(cut);
  const Reply chat = ask_elsewhere("/v1/chat/completions", {{"stream", true}});
  EXPECT_EQ(chat.status, 200);
  const size_t at = chat.body.find("data: {\"error\":");
  ASSERT_NE(at, std::string::npos) << chat.body;
  const auto error = json::parse(chat.body.substr(at + 6, chat.body.find("\n\n", at) - at - 6));
  ASSERT_TRUE(error);
  EXPECT_EQ((*error)["error"].as_object().size(), 4u);
  EXPECT_EQ((*error)["error"]["type"], json::Value("server_error"));
  EXPECT_EQ((*error)["error"]["code"], json::Value("upstream_failed"));
  EXPECT_EQ(chat.body.find("[DONE]"), std::string::npos);

  set_provider(cut);
  const Reply responses = ask_elsewhere("/v1/responses", {{"stream", true}});
  EXPECT_EQ(responses.status, 200);
  const size_t failed = responses.body.find("event: response.failed\ndata: ");
  ASSERT_NE(failed, std::string::npos) << responses.body;
  const size_t data = responses.body.find("data: ", failed) + 6;
  const auto event =
      json::parse(responses.body.substr(data, responses.body.find("\n\n", data) - data));
  ASSERT_TRUE(event);
  const json::Value& said = (*event)["response"]["error"];
  EXPECT_EQ(said.as_object().size(), 2u);
  EXPECT_TRUE(said["code"].is_string());
  EXPECT_TRUE(said["message"].is_string());
  EXPECT_TRUE((*event)["sequence_number"].is_int());
}

}  // namespace
}  // namespace api
