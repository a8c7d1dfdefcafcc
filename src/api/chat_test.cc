// Chat completions end to end: over HTTP, through gateway, ledger and engine, with a small random
// model.
#include <gtest/gtest.h>

#include "api/testing_server.h"

namespace api {
namespace {

using testing::ApiServer;
using testing::chat_body;
using testing::eventually;
using testing::Reply;

ApiServer& server() {
  static ApiServer shared;
  return shared;
}

const json::Value kNoEnd = json::Object{{"1", -100}};  // token 1 ends the tiny model's turn

std::vector<json::Value> events(const std::string& stream) {
  std::vector<json::Value> out;
  size_t at = 0;
  while (at < stream.size()) {
    const size_t end = stream.find("\n\n", at);
    const std::string line = stream.substr(at, end - at);
    at = end == std::string::npos ? stream.size() : end + 2;
    if (line.starts_with("data: {")) out.push_back(json::parse(line.substr(6)).value());
  }
  return out;
}

TEST(Chat, APlainAnswerHasEveryField) {
  const Reply reply =
      server().post("/v1/chat/completions",
                    chat_body({{"temperature", 0}, {"max_tokens", 12}, {"logit_bias", kNoEnd}}));
  ASSERT_EQ(reply.status, 200) << reply.body;
  EXPECT_EQ(reply.header("content-type"), "application/json");
  EXPECT_TRUE(reply.header("x-request-id").starts_with("req_"));
  EXPECT_EQ(reply.header("openai-version"), "2020-10-01");
  EXPECT_FALSE(reply.header("openai-processing-ms").empty());
  EXPECT_EQ(reply.header("access-control-allow-origin"), "*");
  EXPECT_TRUE(reply.json["id"].as_string().starts_with("chatcmpl-"));
  EXPECT_EQ(reply.json["object"], json::Value("chat.completion"));
  EXPECT_EQ(reply.json["model"], json::Value("tiny"));
  EXPECT_EQ(reply.json["service_tier"], json::Value("default"));
  EXPECT_TRUE(reply.json["system_fingerprint"].as_string().starts_with("fp_"));
  const json::Value& choice = reply.json["choices"].as_array().at(0);
  EXPECT_EQ(choice["index"], json::Value(0));
  EXPECT_EQ(choice["message"]["role"], json::Value("assistant"));
  EXPECT_EQ(choice["message"]["content"].as_string().size(), 12u);
  EXPECT_TRUE(choice["message"]["refusal"].is_null());
  EXPECT_TRUE(choice["message"]["annotations"].as_array().empty());
  EXPECT_TRUE(choice["logprobs"].is_null());
  EXPECT_EQ(choice["finish_reason"], json::Value("length"));
  const json::Value& usage = reply.json["usage"];
  EXPECT_EQ(usage["completion_tokens"], json::Value(12));
  EXPECT_EQ(usage["total_tokens"].as_int(), usage["prompt_tokens"].as_int() + 12);
  EXPECT_EQ(usage["prompt_tokens_details"]["cached_tokens"], json::Value(0));
}

TEST(Chat, AStreamHasTheExactOrder) {
  json::Object more = {{"temperature", 0}, {"max_tokens", 10}, {"logit_bias", kNoEnd}};
  const std::string plain = server()
                                .post("/v1/chat/completions", chat_body(more))
                                .json["choices"]
                                .as_array()[0]["message"]["content"]
                                .as_string();
  more.push_back({"stream", true});
  more.push_back({"stream_options", json::Object{{"include_usage", true}}});
  const Reply reply = server().post("/v1/chat/completions", chat_body(more));
  ASSERT_EQ(reply.status, 200) << reply.body;
  EXPECT_EQ(reply.header("content-type"), "text/event-stream");
  EXPECT_EQ(reply.header("cache-control"), "no-cache");
  EXPECT_TRUE(reply.header("content-length").empty());
  EXPECT_TRUE(reply.body.ends_with("data: [DONE]\n\n"));

  const std::vector<json::Value> chunks = events(reply.body);
  ASSERT_GE(chunks.size(), 4u);
  EXPECT_EQ(
      json::dump(chunks[0]["choices"]),
      R"([{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"logprobs":null,"finish_reason":null}])");
  std::string text;
  for (size_t i = 0; i < chunks.size(); ++i) {
    EXPECT_EQ(chunks[i]["id"], chunks[0]["id"]);
    EXPECT_EQ(chunks[i]["object"], json::Value("chat.completion.chunk"));
    if (i + 1 == chunks.size()) continue;
    EXPECT_TRUE(chunks[i]["usage"].is_null());
    ASSERT_NE(chunks[i].find("usage"), nullptr);
    const json::Value& choice = chunks[i]["choices"].as_array().at(0);
    EXPECT_EQ(choice["delta"].find("role") != nullptr, i == 0) << "the role comes once";
    if (const json::Value* content = choice["delta"].find("content")) text += content->as_string();
    EXPECT_EQ(choice["finish_reason"].is_null(), i + 2 < chunks.size());
  }
  EXPECT_EQ(text, plain);
  EXPECT_EQ(json::dump(chunks[chunks.size() - 2]["choices"]),
            R"([{"index":0,"delta":{},"logprobs":null,"finish_reason":"length"}])");
  EXPECT_TRUE(chunks.back()["choices"].as_array().empty());
  EXPECT_EQ(chunks.back()["usage"]["completion_tokens"], json::Value(10));
}

TEST(Chat, WithoutIncludeUsageNoChunkNamesUsage) {
  const Reply reply =
      server().post("/v1/chat/completions", chat_body({{"stream", true}, {"max_tokens", 3}}));
  EXPECT_EQ(reply.body.find("usage"), std::string::npos);
}

TEST(Chat, ChoicesDifferAndSeedsRepeat) {
  const json::Object more = {
      {"n", 3}, {"seed", 5}, {"max_tokens", 20}, {"temperature", 1.5}, {"logit_bias", kNoEnd}};
  const Reply first = server().post("/v1/chat/completions", chat_body(more));
  ASSERT_EQ(first.status, 200) << first.body;
  const json::Array& choices = first.json["choices"].as_array();
  ASSERT_EQ(choices.size(), 3u);
  EXPECT_NE(choices[0]["message"]["content"], choices[1]["message"]["content"]);
  EXPECT_NE(choices[1]["message"]["content"], choices[2]["message"]["content"]);
  EXPECT_EQ(first.json["usage"]["completion_tokens"], json::Value(60));
  EXPECT_EQ(server().post("/v1/chat/completions", chat_body(more)).json["choices"],
            first.json["choices"]);

  json::Object one = more;
  one[0].second = 1;
  EXPECT_EQ(server()
                .post("/v1/chat/completions", chat_body(one))
                .json["choices"]
                .as_array()[0]["message"],
            choices[0]["message"]);
}

TEST(Chat, LogprobsHaveOneEntryPerToken) {
  const Reply reply = server().post("/v1/chat/completions", chat_body({{"max_tokens", 4},
                                                                       {"temperature", 0},
                                                                       {"logprobs", true},
                                                                       {"top_logprobs", 2},
                                                                       {"logit_bias", kNoEnd}}));
  ASSERT_EQ(reply.status, 200) << reply.body;
  const json::Value& choice = reply.json["choices"].as_array()[0];
  const json::Array& content = choice["logprobs"]["content"].as_array();
  ASSERT_EQ(content.size(), 4u);
  std::string bytes;
  for (const json::Value& token : content) {
    EXPECT_EQ(token["top_logprobs"].as_array().size(), 2u);
    EXPECT_LE(token["logprob"].as_double(), 0);
    for (const json::Value& byte : token["bytes"].as_array())
      bytes += static_cast<char>(byte.as_int());
  }
  EXPECT_EQ(json::Value(bytes), choice["message"]["content"]);
  const Reply none =
      server().post("/v1/chat/completions",
                    chat_body({{"max_tokens", 1}, {"logprobs", true}, {"top_logprobs", 0}}));
  EXPECT_EQ(none.status, 200);
}

TEST(Chat, StopStringsEndTheAnswer) {
  json::Object more = {{"temperature", 0}, {"max_tokens", 30}, {"logit_bias", kNoEnd}};
  const std::string full = server()
                               .post("/v1/chat/completions", chat_body(more))
                               .json["choices"]
                               .as_array()[0]["message"]["content"]
                               .as_string();
  const std::string stop = full.substr(10, 2);
  more.push_back({"stop", stop});
  const Reply reply = server().post("/v1/chat/completions", chat_body(more));
  const json::Value& choice = reply.json["choices"].as_array()[0];
  EXPECT_EQ(choice["message"]["content"].as_string(), full.substr(0, full.find(stop)));
  EXPECT_EQ(choice["finish_reason"], json::Value("stop"));
}

TEST(Chat, NullsAndContentPartsAndOldRolesAreFine) {
  json::Value body =
      json::parse(
          R"({"model":"tiny","max_tokens":2,"temperature":null,"stop":null,"tools":null,"seed":null,
      "logit_bias":null,"stream":null,"user":"u","metadata":{"a":"b"},"store":false,"service_tier":"auto","n":null,
      "messages":[{"role":"developer","content":"Be brief."},{"role":"user","name":"x",
      "content":[{"type":"text","text":"Hel"},{"type":"text","text":"lo"}]}]})")
          .value();
  EXPECT_EQ(server().post("/v1/chat/completions", body).status, 200);
}

TEST(Chat, TheBillIsExact) {
  const money::Amount before = server().ledger().available(server().account());
  const Reply reply =
      server().post("/v1/chat/completions", chat_body({{"max_tokens", 9}, {"logit_bias", kNoEnd}}));
  ASSERT_EQ(reply.status, 200);
  const int64_t in = reply.json["usage"]["prompt_tokens"].as_int();
  const money::Amount after = server().ledger().available(server().account());
  EXPECT_EQ(before.pico() - after.pico(),
            money::Uint128(in) * 10'000'000 + money::Uint128{9} * 30'000'000);
  const auto rows = server().ledger().usage({.limit = 1}).value();
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].request_id, reply.header("x-request-id"));
  EXPECT_EQ(rows[0].usage.completion_tokens, 9);
  EXPECT_EQ(rows[0].usage.release_id, std::string(64, 'a'));
  EXPECT_NE(server().log().find("\"event\":\"receipt\""), std::string::npos);
  EXPECT_EQ(server().log().find(server().key()), std::string::npos);
}

TEST(Chat, AClientThatGoesAwayFreesItsPlaceAndPaysForWhatWasMade) {
  const money::Amount before = server().ledger().available(server().account());
  std::string request_id;
  {
    net::RawClient client(server().port());
    client.send(
        server().text("POST", "/v1/chat/completions",
                      json::dump(chat_body({{"stream", true}, {"n", 4}, {"logit_bias", kNoEnd}})),
                      server().authorization()));
    request_id = ApiServer::parse(client.read_until("\"content\":\"")).header("x-request-id");
  }
  EXPECT_TRUE(eventually([] { return server().gateway().running() == 0; }));
  EXPECT_EQ(server().gateway().catalog()->find("tiny")->local()->engine().stats().active, 0);
  EXPECT_EQ(server().ledger().open_holds(), 0);
  EXPECT_EQ(server().ledger().balances(server().account()).debits_pending, money::Amount());
  const auto rows = server().ledger().usage({.limit = 1}).value();
  ASSERT_EQ(rows.size(), 1u);
  const money::Amount after = server().ledger().available(server().account());
  if (rows[0].request_id == request_id)
    EXPECT_EQ(before.pico() - after.pico(), rows[0].amount.pico());
  else
    EXPECT_EQ(before, after);  // it went before the first token
}

TEST(Chat, AnEmptyPurseIsRefusedForGood) {
  ApiServer poor("0.0003");
  const Reply reply = poor.post("/v1/chat/completions", chat_body({{"max_tokens", 200}}));
  EXPECT_EQ(reply.status, 429);
  EXPECT_EQ(reply.error()["type"], json::Value("insufficient_quota"));
  EXPECT_EQ(reply.error()["code"], json::Value("insufficient_quota"));
  EXPECT_EQ(reply.header("x-should-retry"), "false");
  EXPECT_EQ(poor.ledger().open_holds(), 0);
}

TEST(Chat, WithoutALimitTheAnswerIsAsLongAsTheBalancePays) {
  ApiServer modest("0.002");
  const Reply reply = modest.post("/v1/chat/completions", chat_body({{"logit_bias", kNoEnd}}));
  ASSERT_EQ(reply.status, 200) << reply.body;
  const int64_t in = reply.json["usage"]["prompt_tokens"].as_int();
  EXPECT_EQ(reply.json["usage"]["completion_tokens"].as_int(),
            (2'000'000'000 - in * 10'000'000) / 30'000'000);
  EXPECT_LT(modest.ledger().available(modest.account()).pico(), money::Uint128{30'000'000});
}

TEST(Chat, AnAnswerMayGoOnWhileOthersDo) {
  std::vector<std::thread> threads;
  std::atomic<int> good{0};
  for (int i = 0; i < 16; ++i) {
    threads.emplace_back([&good, i] {
      const Reply reply = server().post("/v1/chat/completions", chat_body({{"stream", i % 2 == 0},
                                                                           {"max_tokens", 40},
                                                                           {"logit_bias", kNoEnd},
                                                                           {"temperature", 0}}));
      good += reply.status == 200;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(good, 16);
  EXPECT_EQ(server().ledger().open_holds(), 0);
}

}  // namespace
}  // namespace api
