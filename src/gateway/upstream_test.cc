// Providers that answer well, and in every way that they should not.
#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <thread>

#include "gateway/testing_upstream.h"

namespace gateway {
namespace {

using namespace testing;

class UpstreamAnswers : public testing::UpstreamTest {};

TEST_F(UpstreamAnswers, AStreamIsPassedOnAndBilledByTheProvidersCount) {
  std::string seen;
  route({add_server([&seen](net::RawServer::Peer& peer, const std::string& request) {
    seen = request;
    return peer.send(whole_stream(piece("Hel") + piece("lo") + finish_event() + usage_event(9, 2) +
                                  done_event()));
  })});
  const auto listener = ask();
  const End& end = listener->wait();
  EXPECT_FALSE(end.error) << end.error->text();
  EXPECT_EQ(listener->text, "Hello");
  EXPECT_EQ(listener->starts, 1);
  EXPECT_EQ(end.finishes, std::vector{Finish::Stop});
  EXPECT_EQ(end.usage.prompt, 9);
  EXPECT_EQ(end.usage.completion, 2);
  EXPECT_EQ(end.answerer.release_id, "upstream:u0/their-model");
  EXPECT_EQ(end.cost, price_of(9, 2));
  EXPECT_EQ(spent(), price_of(9, 2));
  const journal::UsageRow row = last_row();
  EXPECT_EQ(row.usage.upstream, "u0/their-model");
  EXPECT_EQ(row.usage.model, "m");
  EXPECT_EQ(row.price.version, 7u);

  // The key goes to the provider, and the stream and its usage are asked for.
  EXPECT_NE(seen.find("authorization: Bearer " + std::string(kCanary)), std::string::npos);
  EXPECT_NE(seen.find(R"("model":"their-model")"), std::string::npos);
  EXPECT_NE(seen.find(R"("stream":true,"stream_options":{"include_usage":true})"),
            std::string::npos);
  EXPECT_NE(seen.find(R"("max_tokens":100)"), std::string::npos);
  EXPECT_NE(seen.find("POST /v1/chat/completions HTTP/1.1\r\n"), std::string::npos);
}

TEST_F(UpstreamAnswers, TheTraceGoesOnAndNothingElseOfTheClients) {
  std::string seen;
  route({add_server([&seen](net::RawServer::Peer& peer, const std::string& request) {
    seen = request;
    return peer.send(good_answer());
  })});
  Generation generation = question();
  generation.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  ask(std::move(generation))->wait();
  EXPECT_NE(seen.find("traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
            std::string::npos);
  EXPECT_EQ(seen.find("org_1"), std::string::npos);
  EXPECT_EQ(seen.find("req_"), std::string::npos);
}

TEST_F(UpstreamAnswers, AnAnswerThatComesWholeIsTaken) {
  route({add_server(
      answer(200, "application/json",
             R"({"id":"x","choices":[{"index":0,"message":{"role":"assistant","content":"Hi"},)"
             R"("finish_reason":"length"}],"usage":{"prompt_tokens":5,"completion_tokens":1}})"))});
  const auto listener = ask();
  const End& end = listener->wait();
  EXPECT_FALSE(end.error);
  EXPECT_EQ(listener->text, "Hi");
  EXPECT_EQ(end.finishes, std::vector{Finish::Length});
  EXPECT_EQ(end.usage.completion, 1);
}

TEST_F(UpstreamAnswers, WhatNobodyHearsBeforeItsEndIsAskedForInOnePiece) {
  std::string seen;
  route({add_server([&seen](net::RawServer::Peer& peer, const std::string& request) {
    seen = request;
    return peer.send(
        answer(200, "application/json",
               R"({"choices":[{"index":0,"message":{"content":"Hi"},"finish_reason":"stop"}]})"));
  })});
  Generation generation = question();
  generation.whole = true;
  const auto listener = ask(std::move(generation));
  EXPECT_FALSE(listener->wait().error);
  EXPECT_EQ(listener->text, "Hi");
  EXPECT_EQ(seen.find("\"stream"), std::string::npos);
}

TEST_F(UpstreamAnswers, CallsOfToolsComeInOnePiecePerDelta) {
  route({add_server(whole_stream(
      event(R"({"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"call_1","type":)"
            R"("function","function":{"name":"f","arguments":""}}]}}]})") +
      event(R"({"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"call_1","function":)"
            R"({"name":"f","arguments":"{\"a\""}}]}}]})") +
      event(R"({"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":)"
            R"({"arguments":":1}"}}]}}]})") +
      finish_event("stop") + done_event()))});
  Generation generation = question();
  generation.tools = {{.name = "f"}};
  const auto listener = ask(std::move(generation));
  const End& end = listener->wait();
  EXPECT_EQ(end.finishes, std::vector{Finish::ToolCalls});
  std::string arguments;
  int named = 0;
  for (const Delta& delta : listener->deltas) {
    for (const ToolCallDelta& call : delta.tool_calls) {
      arguments += call.arguments;
      named += !call.name.empty();
      EXPECT_EQ(call.name.empty(), call.id.empty());
    }
  }
  EXPECT_EQ(arguments, R"({"a":1})");
  EXPECT_EQ(named, 1);
}

// Whatever is wrong with an answer before its first piece: a server error to the client, nothing
// billed, nothing of the provider's text about the key.
TEST_F(UpstreamAnswers, BrokenAnswersAreServerErrorsAndCostNothing) {
  const std::string leak = "Incorrect API key provided: " + std::string(kCanary);
  const std::string key_error =
      R"({"error":{"message":")" + leak +
      R"(","type":"invalid_request_error","code":"invalid_api_key","param":null}})";
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"HTML error", answer(503, "text/html", "<html>" + leak + "</html>")},
      {"HTML with 200", answer(200, "text/html", "<html>welcome</html>")},
      {"no type", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"},
      {"401", answer(401, "application/json", key_error)},
      {"403", answer(403, "application/json", key_error)},
      {"404", answer(404, "application/json", R"({"error":{"message":"no such model"}})")},
      {"500 whole", answer(500, "application/json", R"({"error":{"message":"boom"}})")},
      {"redirect", answer(302, "text/html", "", "location: http://127.0.0.1:1/\r\n")},
      {"empty stream", whole_stream("")},
      {"only done", whole_stream(done_event())},
      {"not JSON", whole_stream(event("nonsense"))},
      {"an array", whole_stream(event("[1,2]"))},
      {"bad UTF-8",
       whole_stream(event("{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\xff\"}}]}"))},
      {"a choice not asked for",
       whole_stream(event(R"({"choices":[{"index":3,"delta":{"content":"x"}}]})"))},
      {"an error inside 200", whole_stream(event(R"({"error":{"message":")" + leak +
                                                 R"(","type":"server_error","code":null}})"))},
      {"a key error inside 200", whole_stream(event(key_error))},
      {"whole, an error", answer(200, "application/json", R"({"error":{"message":"overloaded"}})")},
      {"whole, cut JSON", answer(200, "application/json", R"({"choices":[{"ind)")},
      {"whole, no choices", answer(200, "application/json", R"({"id":"x"})")},
      {"not HTTP", "SSH-2.0-OpenSSH_9.2\r\n"},
  };
  for (const auto& [name, bytes] : cases) {
    route(
        {add_server(
            [bytes](net::RawServer::Peer& peer, const std::string&) { return peer.send(bytes); })},
        [](RouteOptions* options) { options->attempts_max = 1; },
        [](UpstreamOptions* options) { options->first_byte_timeout = base::seconds(2); });
    const auto listener = ask();
    const End& end = listener->wait();
    ASSERT_TRUE(end.error) << name;
    EXPECT_EQ(end.error->code, base::Code::Unavailable) << name << ": " << end.error->text();
    EXPECT_EQ(end.error->reason, "upstream_failed") << name;
    EXPECT_EQ(end.error->text().find("CANARY"), std::string::npos) << name;
    EXPECT_EQ(end.error->text().find("sk-"), std::string::npos) << name;
    EXPECT_EQ(listener->starts, 0) << name;
    EXPECT_EQ(listener->text, "") << name;
    EXPECT_EQ(spent(), money::Amount()) << name;
  }
}

TEST_F(UpstreamAnswers, TheClientsMistakesArePassedOnWithoutSecrets) {
  route({add_server(
      answer(400, "application/json",
             R"({"error":{"message":"Bad ')" + std::string(kCanary) +
                 R"(' in messages","type":"invalid_request_error","param":"messages","code":)"
                 R"("context_length_exceeded"}})"))});
  const auto listener = ask();
  const End& end = listener->wait();
  ASSERT_TRUE(end.error);
  EXPECT_EQ(end.error->code, base::Code::InvalidArgument);
  EXPECT_EQ(end.error->reason, "context_length_exceeded");
  EXPECT_EQ(end.error->where, "messages");
  EXPECT_EQ(end.error->message, "Bad '***' in messages");
  EXPECT_EQ(servers_[0]->connections(), 1);
  EXPECT_EQ(spent(), money::Amount());
}

TEST_F(UpstreamAnswers, AFullProviderIsPassedOnWithItsWait) {
  route({add_server(answer(429, "application/json", R"({"error":{"message":"slow down"}})",
                           "retry-after: 7\r\n"))});
  const auto listener = ask();
  const End& end = listener->wait();
  ASSERT_TRUE(end.error);
  EXPECT_EQ(end.error->code, base::Code::RateLimited);
  ASSERT_TRUE(end.retry_after);
  EXPECT_EQ(end.retry_after->ns, base::seconds(7).ns);
}

TEST_F(UpstreamAnswers, UsageThatCannotBeTrueIsNotBilled) {
  struct Case {
    int64_t prompt, completion;
  };
  for (const Case lie : {Case{1'000'000'000, 2}, Case{9, 1'000'000'000}, Case{0, 0}, Case{9, 0}}) {
    route({add_server(whole_stream(piece("Hello") + piece(" you") + finish_event() +
                                   usage_event(lie.prompt, lie.completion) + done_event()))});
    const money::Amount before = spent();
    const auto listener = ask();
    const End& end = listener->wait();
    EXPECT_FALSE(end.error);
    EXPECT_EQ(end.usage.completion, 2);
    EXPECT_GT(end.usage.prompt, 0);
    EXPECT_LT(end.usage.prompt, 20);
    EXPECT_EQ(money::checked_sub(spent(), before), end.cost);
  }
  EXPECT_NE(log().find("upstream usage cannot be true"), std::string::npos);
}

// The stream is cut at every frame: never a success before the last piece is there.
TEST_F(UpstreamAnswers, ACutIsSeenAtEveryFrame) {
  const std::vector<std::string> frames = {piece("one"),   piece(" two"),     piece(" three"),
                                           finish_event(), usage_event(9, 3), done_event()};
  for (size_t count = 0; count <= frames.size(); ++count) {
    for (const bool framed : {false, true}) {
      route({add_server([&, count, framed](net::RawServer::Peer& peer, const std::string&) {
              peer.send(stream_head());
              for (size_t i = 0; i < count; ++i) peer.send(chunked(frames[i]));
              return framed && peer.send(last_chunk());
            })},
            [](RouteOptions* options) { options->attempts_max = 1; });
      Generation generation = question();
      generation.continue_after_failure = false;
      const money::Amount before = spent();
      const auto listener = ask(std::move(generation));
      const End& end = listener->wait();
      const bool whole = count >= 4;
      EXPECT_EQ(end.error.has_value(), !whole) << count << framed;
      EXPECT_EQ(end.finishes[0], whole ? Finish::Stop : Finish::Error) << count;
      const std::string texts[] = {"", "one", "one two", "one two three"};
      EXPECT_EQ(listener->text, texts[std::min<size_t>(count, 3)]);
      // What was delivered is billed: the pieces, where the provider did not come to count.
      EXPECT_EQ(end.usage.completion, std::min<int64_t>(static_cast<int64_t>(count), 3)) << count;
      EXPECT_EQ(money::checked_sub(spent(), before), end.cost);
    }
  }
}

TEST_F(UpstreamAnswers, CancelReachesTheSocketAndBillsWhatCame) {
  std::atomic<bool> closed{false};
  route({add_server([&](net::RawServer::Peer& peer, const std::string&) {
    peer.send(stream_head() + chunked(piece("one")) + chunked(piece(" two")));
    closed = peer.wait_for_close();
    return false;
  })});
  auto listener = std::make_shared<Listener>();
  std::shared_ptr<gateway::Run> run;
  std::mutex mutex;
  int heard = 0;
  listener->on_delta = [&] {
    if (++heard < 2) return;
    const std::lock_guard lock(mutex);
    run->cancel();  // from within the sink, as a client's own close may come
  };
  {
    const std::lock_guard lock(mutex);
    run = gateway_->generate(caller_, question(), listener).value();
  }
  const End& end = listener->wait();
  EXPECT_FALSE(end.error);
  EXPECT_EQ(end.finishes, std::vector{Finish::Cancelled});
  EXPECT_EQ(end.usage.completion, 2);
  for (int i = 0; i < 2000 && !closed; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_TRUE(closed);
}

// Its provider works on, and bills what it wrote.
TEST_F(UpstreamAnswers, AClientThatLeavesPaysForWhatWasAskedForInOnePiece) {
  const std::string whole =
      answer(200, "application/json",
             R"({"choices":[{"index":0,"message":{"content":"Hi"},"finish_reason":"stop"}],)"
             R"("usage":{"prompt_tokens":9,"completion_tokens":2}})");
  struct Case {
    bool leaves, answers;
    money::Amount charge;
  };
  const Case cases[] = {{true, true, price_of(9, 2)},
                        {true, false, {}},   // cut by the provider: nothing was seen
                        {false, true, {}}};  // cut by us
  for (const Case& one : cases) {
    std::latch asked(1), left(1);
    route({add_server([&](net::RawServer::Peer& peer, const std::string&) {
      asked.count_down();
      left.wait();
      return one.answers && peer.send(whole);
    })});
    const money::Amount before = spent();
    Generation generation = question();
    generation.whole = true;
    auto listener = std::make_shared<Listener>();
    const auto run = gateway_->generate(caller_, std::move(generation), listener).value();
    asked.wait();
    EXPECT_EQ(ledger_->open_holds(), 1);
    one.leaves ? run->leave() : run->cancel();
    if (!one.leaves) listener->wait();
    left.count_down();
    EXPECT_FALSE(listener->wait().error);
    EXPECT_EQ(money::checked_sub(spent(), before).value(), one.charge) << one.leaves << one.answers;
    EXPECT_EQ(ledger_->open_holds(), 0);
    if (one.answers && one.leaves) EXPECT_EQ(last_row().usage.upstream, "u0/their-model");
    servers_.clear();
  }
}

TEST_F(UpstreamAnswers, ATrickleOfCommentsIsNoAnswer) {
  route(
      {add_server([](net::RawServer::Peer& peer, const std::string&) {
        peer.send(stream_head());
        while (peer.send(chunked(": still here\n\n")))
          std::this_thread::sleep_for(std::chrono::milliseconds(20));
        return false;
      })},
      [](RouteOptions* options) { options->attempts_max = 1; },
      [](UpstreamOptions* options) { options->idle_timeout = base::milliseconds(200); });
  const auto listener = ask();
  const End& end = listener->wait();
  ASSERT_TRUE(end.error);
  EXPECT_EQ(end.error->reason, "upstream_failed");
}

TEST_F(UpstreamAnswers, AnEventWithoutEndIsCutOff) {
  route({add_server([](net::RawServer::Peer& peer, const std::string&) {
          peer.send(stream_head() + chunked("data: "));
          while (peer.send(chunked(std::string(1 << 20, 'x')))) {
          }
          return false;
        })},
        [](RouteOptions* options) { options->attempts_max = 1; });
  const auto listener = ask();
  const End& end = listener->wait();
  ASSERT_TRUE(end.error);
  EXPECT_EQ(end.error->reason, "upstream_failed");
}

TEST_F(UpstreamAnswers, AModelWithoutMeteringWritesNothing) {
  route({add_server(good_answer())}, [](RouteOptions* options) { options->metered = false; });
  const auto listener = ask();
  EXPECT_FALSE(listener->wait().error);
  EXPECT_EQ(spent(), money::Amount());
  ledger_->flush();
  EXPECT_TRUE(ledger_->usage({.limit = 1}).value().empty());
}

TEST_F(UpstreamAnswers, AnthropicIsAskedAndReadInItsOwnWay) {
  std::string seen;
  const auto named = [](std::string_view type, std::string_view data) {
    return "event: " + std::string(type) + "\ndata: " + std::string(data) + "\n\n";
  };
  route(
      {add_server([&](net::RawServer::Peer& peer, const std::string& request) {
        seen = request;
        return peer.send(whole_stream(
            named("message_start",
                  R"({"type":"message_start","message":{"usage":{"input_tokens":11,)"
                  R"("cache_read_input_tokens":4,"output_tokens":1}}})") +
            named("ping", R"({"type":"ping"})") +
            named(
                "content_block_start",
                R"({"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}})") +
            named(
                "content_block_delta",
                R"({"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi"}})") +
            named("content_block_stop", R"({"type":"content_block_stop","index":0})") +
            named(
                "content_block_start",
                R"({"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"toolu_1","name":"f","input":{}}})") +
            named("content_block_stop", R"({"type":"content_block_stop","index":1})") +
            named(
                "message_delta",
                R"({"type":"message_delta","delta":{"stop_reason":"tool_use"},"usage":{"output_tokens":6}})") +
            named("message_stop", R"({"type":"message_stop"})")));
      })},
      {}, [](UpstreamOptions* options) { options->kind = UpstreamKind::Anthropic; });
  Generation generation = question();
  generation.input = Messages{json::Array{
      json::Object{{"role", "system"}, {"content", "Be brief."}},
      json::Object{{"role", "user"}, {"content", "a"}},
      json::Object{{"role", "assistant"},
                   {"content", nullptr},
                   {"tool_calls",
                    json::Array{json::Object{
                        {"id", "toolu_0"},
                        {"type", "function"},
                        {"function", json::Object{{"name", "f"}, {"arguments", R"({"x":1})"}}}}}}},
      json::Object{{"role", "tool"}, {"tool_call_id", "toolu_0"}, {"content", "2"}},
      json::Object{{"role", "user"}, {"content", "b"}}}};
  generation.tools = {{.name = "f", .description = "d"}};
  generation.stop = {"END"};
  const auto listener = ask(std::move(generation));
  const End& end = listener->wait();
  ASSERT_FALSE(end.error) << end.error->text();
  EXPECT_EQ(listener->text, "Hi");
  EXPECT_EQ(end.finishes, std::vector{Finish::ToolCalls});
  EXPECT_EQ(end.usage.prompt, 15);
  EXPECT_EQ(end.usage.cached, 4);
  EXPECT_EQ(end.usage.completion, 6);
  std::string arguments;
  for (const Delta& delta : listener->deltas)
    for (const ToolCallDelta& call : delta.tool_calls) arguments += call.arguments;
  EXPECT_EQ(arguments, "{}");
  const auto body = json::parse(seen.substr(seen.find("\r\n\r\n") + 4)).value();
  EXPECT_EQ(
      json::dump(body["messages"]),
      R"([{"role":"user","content":[{"type":"text","text":"a"}]},)"
      R"({"role":"assistant","content":[{"type":"tool_use","id":"toolu_0","name":"f","input":{"x":1}}]},)"
      R"({"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_0","content":"2"},{"type":"text","text":"b"}]}])");
  EXPECT_EQ(body["system"], json::Value("Be brief."));
  EXPECT_EQ(json::dump(body["stop_sequences"]), R"(["END"])");
  EXPECT_NE(seen.find("x-api-key: "), std::string::npos);
  EXPECT_NE(seen.find("anthropic-version: 2023-06-01"), std::string::npos);
  EXPECT_EQ(seen.find("authorization"), std::string::npos);
}

}  // namespace
}  // namespace gateway
