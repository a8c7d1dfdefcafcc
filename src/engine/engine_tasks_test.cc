// What requests ask of the engine beside text: answers within a grammar, scored and embedded
// prompts, prompts that begin alike.
#include <gtest/gtest.h>

#include <cmath>

#include "engine/testing_engine.h"
#include "json/json.h"
#include "model/forward.h"
#include "text/json_schema_grammar.h"

namespace engine {
namespace {

using namespace testing;

std::shared_ptr<const text::Grammar> schema(std::string_view text) {
  return text::compile_json_schema(*json::parse(text), true).value();
}

const char* const kPerson = R"({"type":"object","properties":{
    "name":{"type":"string","maxLength":12},"age":{"type":"integer","minimum":0,"maximum":150},
    "tags":{"type":"array","items":{"enum":["red","green"]},"maxItems":3},
    "more":{"type":["number","null"]}},
    "required":["name","age","tags","more"],"additionalProperties":false})";

TEST(EngineGrammar, ARandomModelWritesWhatTheSchemaSays) {
  auto engine = start();
  const auto grammar = schema(kPerson);
  int finished = 0;
  for (uint64_t seed = 0; seed < 40; ++seed) {
    Request what = request(*engine, "Who?", 120);
    what.grammar = grammar;
    what.sampling.seed = seed;
    const Answer answer = ask(*engine, what);
    if (answer.finish == Finish::Length) continue;
    ++finished;
    EXPECT_EQ(answer.finish, Finish::Stop);
    EXPECT_TRUE(grammar->matches(answer.text)) << answer.text;
    const auto value = json::parse(answer.text);
    ASSERT_TRUE(value) << answer.text;
    EXPECT_TRUE((*value)["age"].is_int() && (*value)["age"].as_int() <= 150);
  }
  EXPECT_GT(finished, 30);
}

TEST(EngineGrammar, TheEndComesWithTheLastByteAndTruncationIsLength) {
  auto engine = start();
  Request what = request(*engine, "x", 100);
  what.grammar = schema(R"({"type":"object","properties":{"a":{"const":"abc"}},"required":["a"],)"
                        R"("additionalProperties":false})");
  const Answer whole = ask(*engine, what);
  EXPECT_EQ(whole.finish, Finish::Stop);
  EXPECT_TRUE(whole.text == R"({"a":"abc"})" || whole.text == R"({"a": "abc"})") << whole.text;
  EXPECT_EQ(whole.completion_tokens, static_cast<int64_t>(whole.text.size()));
  what.max_tokens = 5;
  const Answer cut = ask(*engine, what);
  EXPECT_EQ(cut.finish, Finish::Length);
  EXPECT_TRUE(std::string_view(R"({"a":"abc"})").starts_with(cut.text) ||
              std::string_view(R"({"a": "abc"})").starts_with(cut.text));
  what.sampling.temperature = 0;
  what.max_tokens = 100;
  what.max_tokens = ask(*engine, what).completion_tokens;  // exactly as many as it takes
  EXPECT_EQ(ask(*engine, what).finish, Finish::Stop);
}

TEST(EngineGrammar, ProbabilitiesStayThoseOfTheModel) {
  auto engine = start();
  Request what = request(*engine, "x", 20);
  what.grammar = schema(kPerson);
  what.sampling = {.temperature = 0, .logprobs = true, .top_logprobs = 2};
  const Answer answer = ask(*engine, what);
  ASSERT_FALSE(answer.logprobs.empty());
  for (const TokenLogprob& token : answer.logprobs) {
    EXPECT_TRUE(std::isfinite(token.logprob));
    EXPECT_GE(token.top[0].second, token.logprob);
  }
}

TEST(EngineGrammar, ABiasThatForbidsEverythingSaysSo) {
  auto engine = start();
  Request what = request(*engine, "x", 20);
  what.grammar = schema(kPerson);
  what.sampling.logit_bias = {{engine->model().tokenizer().find("{"), -100.0f}};
  const Answer answer = ask(*engine, what);
  EXPECT_EQ(answer.finish, Finish::Error);
  ASSERT_TRUE(answer.error);
  EXPECT_EQ(answer.error->code, base::Code::InvalidArgument);
  EXPECT_EQ(answer.error->where, "logit_bias");
}

TEST(EngineGrammar, SeededTextDoesNotDependOnWhoElseIsConstrained) {
  Request mine = request(*start(), "Who?", 60);
  mine.grammar = schema(kPerson);
  mine.sampling.seed = 5;
  auto quiet = start();
  const Answer alone = ask(*quiet, mine);
  Options with = options();
  with.threads = 2;
  auto busy = start(with);
  Collector collector;
  for (int i = 0; i < 10; ++i) {
    Request other = mine;
    if (i != 4) other.sampling.seed = static_cast<uint64_t>(100 + i);
    if (i % 3 == 1) other.grammar = text::json_object_grammar();
    if (i == 4) other = mine;
    ASSERT_TRUE(busy->submit(other, collector.sink(std::to_string(i))));
  }
  EXPECT_EQ(collector.wait("4").text, alone.text);
  busy->drain();
}

// Logits of each token of a prompt from the model itself, all in one step.
std::vector<std::vector<float>> logits_of(const std::shared_ptr<const model::Model>& model,
                                          const std::vector<int32_t>& prompt) {
  const auto count = static_cast<int64_t>(prompt.size());
  const int64_t pages = count / kernels::kPageTokens + 1;
  auto cache = model::KvCache::create(*model, pages).value();
  std::vector<int32_t> table;
  for (int64_t page = 0; page < pages; ++page) table.push_back(static_cast<int32_t>(page));
  std::vector<model::Row> rows;
  for (int32_t i = 0; i < count; ++i)
    rows.push_back({prompt[static_cast<size_t>(i)], i, table.data(), i});
  base::ThreadPool pool(1);
  model::Forward forward(model, count, count, count);
  forward.step(rows, *cache, pool);
  std::vector<std::vector<float>> out;
  for (int64_t i = 0; i < count; ++i)
    out.emplace_back(forward.logits(i), forward.logits(i) + model->config().vocab_size);
  return out;
}

TEST(EngineScore, PromptProbabilitiesAreThoseOfTheModel) {
  auto engine = start();
  Request what = request(*engine, "The quick brown fox jumps over the lazy dog, twice.", 0);
  what.task = Task::Score;
  what.prompt_logprobs = true;
  what.sampling.top_logprobs = 3;
  const Answer answer = ask(*engine, what);
  EXPECT_EQ(answer.finish, Finish::Length);
  EXPECT_EQ(answer.completion_tokens, 0);
  EXPECT_EQ(answer.text, "");
  ASSERT_EQ(answer.prompt_logprobs.size(), what.prompt.size());
  const auto logits = logits_of(engine->shared_model(), what.prompt);
  EXPECT_TRUE(answer.prompt_logprobs[0].top.empty());
  for (size_t i = 0; i < what.prompt.size(); ++i) {
    const TokenLogprob& scored = answer.prompt_logprobs[i];
    EXPECT_EQ(scored.id, what.prompt[i]);
    if (i == 0) continue;
    double total = 0;
    for (const float x : logits[i - 1]) total += std::exp(static_cast<double>(x));
    const auto id = static_cast<size_t>(scored.id);
    EXPECT_NEAR(scored.logprob, static_cast<double>(logits[i - 1][id]) - std::log(total), 1e-4);
    ASSERT_EQ(scored.top.size(), 3u);
    EXPECT_GE(scored.top[0].second, scored.top[1].second);
    EXPECT_GE(scored.top[0].second, scored.logprob);
  }
}

TEST(EngineScore, EchoAndGenerationTogether) {
  auto engine = start();
  Request what = request(*engine, "Once upon a time there was a", 6);
  what.prompt_logprobs = true;
  what.sampling = {.temperature = 0, .logprobs = true};
  const Answer both = ask(*engine, what);
  EXPECT_EQ(both.prompt_logprobs.size(), what.prompt.size());
  EXPECT_EQ(both.logprobs.size(), 6u);
  what.prompt_logprobs = false;
  EXPECT_EQ(ask(*engine, what).text, both.text);
}

TEST(EngineScore, AFullContextCanBeScored) {
  auto engine = start();
  Request what = request(*engine, std::string(256, 'z'), 0);
  what.task = Task::Score;
  what.prompt_logprobs = true;
  EXPECT_EQ(ask(*engine, what).prompt_logprobs.size(), 256u);
  what.prompt.push_back(5);
  Collector collector;
  const auto refused = engine->submit(what, collector.sink("none"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, "context_length_exceeded");
}

TEST(EngineEmbed, TheMeanOfTheHiddenStatesWhateverElseRuns) {
  auto engine = start();
  Request what = request(*engine, "A text of some length that takes more than one step.", 0);
  what.task = Task::Embed;
  const Answer alone = ask(*engine, what);
  EXPECT_EQ(alone.finish, Finish::Stop);
  ASSERT_EQ(alone.embedding.size(), 48u);
  double squares = 0;
  for (const float x : alone.embedding) squares += static_cast<double>(x) * static_cast<double>(x);
  EXPECT_NEAR(squares, 1, 1e-5);
  Collector collector;
  for (int i = 0; i < 6; ++i) {
    ASSERT_TRUE(engine->submit(
        i == 3 ? what : request(*engine, std::string(10u + 9u * static_cast<size_t>(i), 'b'), 20),
        collector.sink(std::to_string(i))));
  }
  EXPECT_EQ(collector.wait("3").embedding, alone.embedding);
  engine->drain();
  auto other = start();
  Request another = request(*other, "Something else entirely, about ships.", 0);
  another.task = Task::Embed;
  EXPECT_NE(ask(*other, another).embedding, alone.embedding);
}

TEST(EnginePrefix, WhatWasReadBeforeIsNotReadAgainAndChangesNothing) {
  const std::string system(100, 's');
  auto engine = start();
  Request first = request(*engine, system + "first question", 30);
  first.fairness_key = "project";
  first.sampling = {.seed = 9, .logprobs = true, .top_logprobs = 4};
  const Answer fresh = ask(*engine, first);
  EXPECT_EQ(fresh.cached_tokens, 0);
  const Answer again = ask(*engine, first);
  EXPECT_EQ(again.cached_tokens, 112);  // seven pages of its 114 tokens
  EXPECT_EQ(again.text, fresh.text);
  for (size_t i = 0; i < fresh.logprobs.size(); ++i) {
    EXPECT_EQ(again.logprobs[i].logprob, fresh.logprobs[i].logprob);
    EXPECT_EQ(again.logprobs[i].top, fresh.logprobs[i].top);
  }
  Request second = request(*engine, system + "another one", 10);
  second.fairness_key = "project";
  EXPECT_EQ(ask(*engine, second).cached_tokens, 96);
  second.fairness_key = "somebody else";
  EXPECT_EQ(ask(*engine, second).cached_tokens, 0);
  // The next turn: the prompt goes on with what was answered.
  Request next = first;
  for (const TokenLogprob& token : fresh.logprobs) next.prompt.push_back(token.id);
  for (int i = 0; i < 5; ++i) next.prompt.push_back(7);
  EXPECT_EQ(ask(*engine, next).cached_tokens, 128);  // of the 143 that were written
  EXPECT_EQ(engine->stats().cached_tokens, 112u + 96u + 128u);
  EXPECT_EQ(engine->stats().pages_free, engine->stats().pages_total);
}

TEST(EnginePrefix, ChoicesOfOneRequestReadItOnce) {
  auto engine = start();
  Request what = request(*engine, std::string(90, 'q'), 12);
  Collector collector;
  for (int i = 0; i < 6; ++i) {
    what.sampling.seed = static_cast<uint64_t>(i);
    ASSERT_TRUE(engine->submit(what, collector.sink(std::to_string(i))));
  }
  engine->drain();
  EXPECT_EQ(engine->stats().prompt_tokens, 90u + 5u * 10u);  // the last page is each one's own
  for (int i = 0; i < 6; ++i) {
    what.sampling.seed = static_cast<uint64_t>(i);
    auto quiet = start();
    EXPECT_EQ(ask(*quiet, what).text, collector.wait(std::to_string(i)).text);
    EXPECT_EQ(collector.wait(std::to_string(i)).cached_tokens, i == 0 ? 0 : 80);
  }
}

TEST(EnginePrefix, OneThatIsCancelledLeavesItsWorkToTheOthers) {
  auto engine = start();
  Request what = request(*engine, std::string(200, 'c'), 8);
  what.sampling.seed = 1;
  const std::string expected = ask(*start(), what).text;
  for (int round = 0; round < 20; ++round) {
    what.fairness_key = std::to_string(round);
    Collector collector;
    const auto first = engine->submit(what, collector.sink("first"));
    ASSERT_TRUE(engine->submit(what, collector.sink("second")));
    ASSERT_TRUE(engine->submit(what, collector.sink("third")));
    engine->cancel(*first);
    EXPECT_EQ(collector.wait("second").text, expected);
    EXPECT_EQ(collector.wait("third").text, expected);
    collector.wait("first");
  }
  engine->drain();
  EXPECT_EQ(engine->stats().pages_free, engine->stats().pages_total);
}

TEST(EnginePrefix, ScarceMemoryGivesCachedPagesUp) {
  Options with = options();
  with.kv_bytes_max = static_cast<uint64_t>(model::KvCache::page_bytes(start()->model())) * 20;
  auto engine = start(with);
  for (int i = 0; i < 30; ++i) {
    Request what = request(*engine, std::string(150, static_cast<char>('a' + i % 7)), 20);
    what.sampling.seed = 4;
    const Answer answer = ask(*engine, what);
    EXPECT_EQ(answer.finish, Finish::Length);
    EXPECT_EQ(answer.text, ask(*start(), what).text);
  }
}

}  // namespace
}  // namespace engine
