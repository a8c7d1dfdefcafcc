// Any sequence of deltas gives events that keep the clients' rules, and a response that says the
// same as its events.
#include "api/responses_events.h"

#include <gtest/gtest.h>

#include "api/testing_response_rules.h"
#include "base/random.h"

namespace api {
namespace {

using gateway::Delta;
using gateway::Finish;

json::Value new_response(std::string_view status = "in_progress") {
  return json::Object{
      {"id", "resp_1"},   {"object", "response"},    {"created_at", 1},
      {"status", status}, {"error", nullptr},        {"incomplete_details", nullptr},
      {"model", "tiny"},  {"output", json::Array{}}, {"usage", nullptr}};
}

gateway::End end_with(Finish finish) {
  gateway::End end;
  end.finishes = {finish};
  end.usage = {.prompt = 3, .cached = 1, .completion = 5, .reasoning = 2};
  return end;
}

struct Played {
  std::string wrong;
  std::vector<std::string> events;
  json::Value response;
  std::string text;
};

Played play(const std::vector<Delta>& deltas, const gateway::End& end, bool logprobs = false) {
  Played out;
  testing::ResponseRules rules;
  ResponseEvents events(new_response(), logprobs, [&](std::string block) {
    if (out.wrong.empty()) out.wrong = rules.take(block);
    out.events.push_back(std::move(block));
  });
  events.created();
  events.in_progress();
  for (const Delta& delta : deltas) events.delta(delta);
  events.finish(response_end(end, true), {});
  events.last();
  if (out.wrong.empty()) out.wrong = rules.end();
  if (out.wrong.empty() && json::dump(rules.final_response()) != json::dump(events.response()))
    out.wrong = "the last event has another response";
  out.response = events.response();
  out.text = rules.text();
  return out;
}

Delta text(std::string words) {
  Delta delta;
  delta.text = std::move(words);
  return delta;
}

Delta call(int index, std::string id, std::string name, std::string arguments) {
  Delta delta;
  delta.tool_calls = {{index, std::move(id), std::move(name), std::move(arguments)}};
  return delta;
}

std::vector<std::string> names(const Played& played) {
  std::vector<std::string> out;
  for (const std::string& event : played.events)
    out.push_back(event.substr(16, event.find('\n') - 16));  // behind "event: response."
  return out;
}

TEST(ResponseEventsTest, TextInTheOrderThatClientsExpect) {
  const Played played = play({text("Hi"), text(" there")}, end_with(Finish::Stop));
  EXPECT_EQ(played.wrong, "");
  EXPECT_EQ(names(played), (std::vector<std::string>{
                               "created", "in_progress", "output_item.added", "content_part.added",
                               "output_text.delta", "output_text.delta", "output_text.done",
                               "content_part.done", "output_item.done", "completed"}));
  EXPECT_EQ(played.text, "Hi there");
  const json::Value& usage = played.response["usage"];
  EXPECT_EQ(usage["input_tokens"], json::Value(3));
  EXPECT_EQ(usage["input_tokens_details"]["cached_tokens"], json::Value(1));
  EXPECT_EQ(usage["output_tokens_details"]["reasoning_tokens"], json::Value(2));
  EXPECT_EQ(usage["total_tokens"], json::Value(8));
}

TEST(ResponseEventsTest, CallsInTurnsAndOneIdTwice) {
  const Played played =
      play({text("Let me see."), call(0, "call_a", "f", ""), call(0, "", "", "{\"a\""),
            call(1, "call_a", "g", ""), call(0, "", "", ":1}"), call(1, "", "", "{}")},
           end_with(Finish::ToolCalls));
  EXPECT_EQ(played.wrong, "");
  const json::Array& output = played.response["output"].as_array();
  ASSERT_EQ(output.size(), 3u);
  EXPECT_EQ(output[1]["call_id"], json::Value("call_a"));
  EXPECT_EQ(output[1]["arguments"], json::Value("{\"a\":1}"));
  EXPECT_NE(output[2]["call_id"], json::Value("call_a"));
  EXPECT_EQ(output[2]["name"], json::Value("g"));
  EXPECT_EQ(played.response["status"], json::Value("completed"));
}

TEST(ResponseEventsTest, EveryEndHasItsEvent) {
  struct Case {
    gateway::End end;
    std::string event, status, item;
  };
  gateway::End broken = end_with(Finish::Error);
  broken.error = base::Error{base::Code::Unavailable, "gone", "server_is_draining", {}, {}};
  const Case cases[] = {
      {end_with(Finish::Stop), "completed", "completed", "completed"},
      {end_with(Finish::Length), "incomplete", "incomplete", "incomplete"},
      {end_with(Finish::ContentFilter), "incomplete", "incomplete", "incomplete"},
      {end_with(Finish::Cancelled), "incomplete", "cancelled", "incomplete"},
      {broken, "failed", "failed", "incomplete"},
  };
  for (const Case& one : cases) {
    const Played played = play({text("x")}, one.end);
    EXPECT_EQ(played.wrong, "");
    EXPECT_EQ(names(played).back(), one.event);
    EXPECT_EQ(played.response["status"], json::Value(one.status));
    EXPECT_EQ(played.response["output"].as_array()[0]["status"], json::Value(one.item));
  }
  EXPECT_EQ(play({}, end_with(Finish::Length)).response["incomplete_details"]["reason"],
            json::Value("max_output_tokens"));
  EXPECT_EQ(play({}, broken).response["error"]["code"], json::Value("server_error"));
  // A client that did not ask for the cancellation is told of a failure.
  EXPECT_EQ(response_end(end_with(Finish::Cancelled), false).status, "failed");
  // A model that says nothing has said "".
  EXPECT_EQ(play({}, end_with(Finish::Stop))
                .response["output"]
                .as_array()[0]["content"]
                .as_array()[0]["text"],
            json::Value(""));
}

TEST(ResponseEventsTest, ProbabilitiesStandWithTheirText) {
  Delta delta = text("Hi");
  gateway::TokenProbability token;
  token.bytes = "Hi";
  token.logprob = -0.5F;
  token.top = {{"Hi", -0.5F}, {"\xe4", -1.0F}};
  delta.tokens = {token};
  const Played played = play({delta}, end_with(Finish::Stop), true);
  EXPECT_EQ(played.wrong, "");
  const json::Value& part = played.response["output"].as_array()[0]["content"].as_array()[0];
  const json::Value& entry = part["logprobs"].as_array()[0];
  EXPECT_EQ(entry["token"], json::Value("Hi"));
  EXPECT_EQ(entry["logprob"], json::Value(-0.5));
  EXPECT_EQ(entry["top_logprobs"].as_array()[1]["bytes"], json::Value(json::Array{int64_t{0xe4}}));
  EXPECT_EQ(play({delta}, end_with(Finish::Stop))
                .response["output"]
                .as_array()[0]["content"]
                .as_array()[0]["logprobs"],
            json::Value(json::Array{}));
}

TEST(ResponseEventsTest, ASearchComesFirstAndItsFilesAreCited) {
  testing::ResponseRules rules;
  std::string wrong;
  ResponseEvents events(new_response(), false, [&](const std::string& block) {
    if (wrong.empty()) wrong = rules.take(block);
  });
  const json::Value search = json::Object{{"id", "fs_1"},
                                          {"type", "file_search_call"},
                                          {"status", "completed"},
                                          {"queries", json::Array{"pears"}},
                                          {"results", nullptr}};
  events.created();
  events.in_progress();
  events.search(search, {json::Object{{"type", "file_citation"}, {"file_id", "file-1"}}});
  events.delta(text("数字 40"));
  events.finish(response_end(end_with(Finish::Stop), false), {});
  events.last();
  EXPECT_EQ(wrong, "");
  const json::Array& output = events.response()["output"].as_array();
  ASSERT_EQ(output.size(), 2u);
  EXPECT_EQ(output[0], search);
  const json::Value& citation = output[1]["content"].as_array()[0]["annotations"].as_array()[0];
  EXPECT_EQ(citation["file_id"], json::Value("file-1"));
  EXPECT_EQ(citation["index"], json::Value(5));
}

Delta random_delta(base::Rng& rng) {
  static const std::string kPieces[] = {"", "a", " word", "\"", "\n", "数", "\\u", "{\"k\":"};
  const auto piece = [&] { return kPieces[rng.below(std::size(kPieces))]; };
  Delta delta;
  if (rng.below(3) == 0) delta.reasoning = piece();
  if (rng.below(2) == 0) delta.text = piece();
  if (rng.below(6) == 0) delta.refusal = piece();
  if (rng.below(5) == 0) delta.choice = 1;
  for (uint64_t i = rng.below(3); i > 0 && rng.below(2) == 0; --i) {
    const int index = static_cast<int>(rng.below(4));
    delta.tool_calls.push_back({index, rng.below(2) == 0 ? "call_x" : "", "f", piece()});
  }
  for (uint64_t i = rng.below(3); i > 0; --i) {
    gateway::TokenProbability& token = delta.tokens.emplace_back();
    token.bytes = piece();
    token.logprob = -1.0F;
  }
  return delta;
}

TEST(ResponseEventsTest, AnyDeltasKeepTheRules) {
  base::Rng rng(20261121);
  const Finish finishes[] = {Finish::Stop,          Finish::Length,    Finish::ToolCalls,
                             Finish::ContentFilter, Finish::Cancelled, Finish::Error};
  for (int round = 0; round < 3000; ++round) {
    std::vector<Delta> deltas(rng.below(20));
    std::string said;
    for (Delta& delta : deltas) {
      delta = random_delta(rng);
      if (delta.choice == 0) said += delta.text;
    }
    const Played played =
        play(deltas, end_with(finishes[rng.below(std::size(finishes))]), rng.below(2) == 0);
    ASSERT_EQ(played.wrong, "") << "round " << round;
    ASSERT_EQ(played.text, said) << "round " << round;
  }
}

}  // namespace
}  // namespace api
