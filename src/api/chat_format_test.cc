// The shapes of chat answers that no small random model gives by itself: calls of tools, refusals,
// reasoning, cut characters.
#include "api/chat_format.h"

#include <gtest/gtest.h>

#include "api/anthropic_format.h"
#include "json/json.h"

namespace api {
namespace {

const AnswerHead kHead{"chatcmpl-1", 5, "m", "fp_1"};

gateway::ToolCallDelta call(int index, std::string id, std::string name, std::string arguments) {
  return {index, std::move(id), std::move(name), std::move(arguments)};
}

// The delta of each chunk.
std::vector<std::string> deltas(const std::string& stream) {
  std::vector<std::string> out;
  for (size_t at = 0; at < stream.size();) {
    const size_t end = stream.find("\n\n", at);
    const auto chunk = json::parse(stream.substr(at + 6, end - at - 6));
    at = end + 2;
    out.push_back(json::dump((*chunk)["choices"].as_array()[0]["delta"]));
  }
  return out;
}

TEST(ChatFormat, CallsAreNamedOnceAndThenGoOn) {
  const ChunkWriter writer(kHead, {});
  std::string out;
  writer.piece(&out, {.tool_calls = {call(0, "call_1", "f", ""), call(0, "", "", "{\"a")}});
  writer.piece(&out, {.tool_calls = {call(0, "", "", "\":1}"), call(1, "call_2", "g", "{}")}});
  writer.piece(&out, {});
  EXPECT_EQ(
      deltas(out),
      (std::vector<std::string>{
          R"({"tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"f","arguments":"{\"a"}}]})",
          R"({"tool_calls":[{"index":0,"function":{"arguments":"\":1}"}},{"index":1,"id":"call_2",)"
          R"("type":"function","function":{"name":"g","arguments":"{}"}}]})"}));
}

TEST(ChatFormat, TheFormBeforeToolsHasOneCall) {
  const ChunkWriter writer(kHead, {.functions = true});
  std::string out;
  writer.piece(&out, {.tool_calls = {call(0, "call_1", "f", ""), call(0, "", "", "{}")}});
  EXPECT_EQ(deltas(out),
            std::vector<std::string>{R"({"function_call":{"name":"f","arguments":"{}"}})"});
  EXPECT_EQ(finish_reason(gateway::Finish::ToolCalls, {.functions = true}), "function_call");
  EXPECT_EQ(finish_reason(gateway::Finish::ToolCalls, {.tool_named = true}), "stop");
  EXPECT_EQ(finish_reason(gateway::Finish::ToolCalls, {}), "tool_calls");
  EXPECT_EQ(finish_reason(gateway::Finish::ContentFilter, {}), "content_filter");
}

TEST(ChatFormat, AWholeAnswerWithCallsHasNoContent) {
  AnswerChoice choice;
  choice.add({.tool_calls = {call(0, "call_1", "f", "{\"a\""), call(0, "", "", ":1}")}});
  const std::string answer =
      chat_answer(kHead, {&choice, 1},
                  {.usage = {.prompt = 9, .cached = 4, .completion = 2, .reasoning = 1},
                   .finishes = {gateway::Finish::ToolCalls}},
                  {});
  EXPECT_EQ(
      answer,
      R"({"id":"chatcmpl-1","object":"chat.completion","created":5,"model":"m","choices":[{"index":0,"message":)"
      R"({"role":"assistant","content":null,"refusal":null,"annotations":[],"tool_calls":[{"id":"call_1","type":"function",)"
      R"("function":{"name":"f","arguments":"{\"a\":1}"}}]},"logprobs":null,"finish_reason":"tool_calls"}],)"
      R"("usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11,"prompt_tokens_details":{"cached_tokens":4,)"
      R"("audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":1,"audio_tokens":0,"accepted_prediction_tokens":0,)"
      R"("rejected_prediction_tokens":0}},"service_tier":"default","system_fingerprint":"fp_1"})");
}

TEST(ChatFormat, HalfACharacterHasItsBytes) {
  const ChunkWriter writer(kHead, {.logprobs = true});
  std::string out;
  writer.piece(&out, {.tokens = {{.bytes = "\xe2\x82", .logprob = -0.5f}}});
  const json::Value chunk = json::parse(out.substr(6)).value();
  const json::Value& choice = chunk["choices"].as_array()[0];
  EXPECT_EQ(json::dump(choice["delta"]), R"({"content":""})");
  const json::Value& token = choice["logprobs"]["content"].as_array().at(0);
  EXPECT_TRUE(token["token"].as_string().starts_with("\xef\xbf\xbd"));
  EXPECT_EQ(token["bytes"], json::Value(json::Array{226, 130}));
  EXPECT_EQ(token["top_logprobs"], json::Value(json::Array{})) << "an array, also when it is empty";
}

TEST(MessageFormat, BlocksFollowEachOther) {
  MessageWriter writer({"msg_1", "m"});
  std::string out;
  writer.piece(&out, {.reasoning = "hm"});
  writer.piece(&out, {.text = "Hi"});
  writer.piece(&out, {.tool_calls = {call(0, "call_1", "f", ""), call(0, "", "", "{}")}});
  writer.piece(&out, {.tool_calls = {call(1, "call_2", "g", "{}")}});
  writer.end(&out, {.prompt = 9, .cached = 4, .completion = 2},
             {.finish = gateway::Finish::ToolCalls, .calls = true});
  std::string kinds;
  for (size_t at = 0; (at = out.find("data: ", at)) != std::string::npos; ++at) {
    const json::Value event = json::parse(out.substr(at + 6, out.find('\n', at) - at - 6)).value();
    kinds += event["type"].as_string();
    if (event["index"].is_int()) kinds += std::to_string(event["index"].as_int());
    kinds += ' ';
  }
  EXPECT_EQ(kinds,
            "content_block_start0 content_block_delta0 content_block_stop0 "
            "content_block_start1 content_block_delta1 content_block_stop1 "
            "content_block_start2 content_block_delta2 content_block_stop2 "
            "content_block_start3 content_block_delta3 content_block_stop3 "
            "message_delta message_stop ");
  EXPECT_NE(out.find(R"("stop_reason":"tool_use","stop_sequence":null},"usage":{"input_tokens":5,)"
                     R"("cache_creation_input_tokens":0,"cache_read_input_tokens":4,)"
                     R"("output_tokens":2})"),
            std::string::npos);
}

}  // namespace
}  // namespace api
