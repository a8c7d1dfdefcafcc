#include "engine/engine.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <limits>
#include <map>
#include <mutex>
#include <sstream>

#include "base/utf8.h"
#include "engine/testing_engine.h"
#include "files/files.h"
#include "model/forward.h"
#include "model/save.h"
#include "model/testing_tiny.h"

namespace engine {
namespace {

using base::Code;
using namespace testing;

TEST(Engine, Stories260KGivesTheGoldenText) {
  const std::string folder = std::string(CHARTER_SOURCE_DIR) + "/../shared/weights/stories260K/";
  if (!files::exists(folder)) GTEST_SKIP() << "../shared/weights/stories260K is not here";
  const auto model = model::Model::load(*model::open_model(folder + "stories260K.bin"));
  ASSERT_TRUE(model) << model.error().text();
  auto engine = Engine::start(*model, options());
  ASSERT_TRUE(engine) << engine.error().text();
  std::istringstream golden(files::read_file(folder + "greedy_token_ids.txt").value());
  std::vector<int32_t> ids;
  for (int32_t id = 0; golden >> id;) ids.push_back(id);
  Request story{.prompt = {(*model)->tokenizer().bos()},
                .sampling = {.temperature = 0, .logprobs = true}};
  story.max_tokens = static_cast<int64_t>(ids.size());
  const Answer answer = ask(**engine, story);
  EXPECT_EQ(answer.finish, Finish::Length);
  std::vector<int32_t> actual;
  for (const TokenLogprob& token : answer.logprobs) actual.push_back(token.id);
  EXPECT_EQ(actual, ids);
  std::string recorded = files::read_file(folder + "greedy_text.txt").value();
  recorded.pop_back();
  for (size_t at; (at = recorded.find("<0x0A>")) != std::string::npos;)
    recorded.replace(at, 6, "\n");
  EXPECT_EQ(answer.text, recorded);
  EXPECT_GT(answer.pieces.size(), 200u);  // token by token, not in one piece
}

TEST(Engine, TheSameSeedGivesTheSameTextWhateverElseRuns) {
  Request mine = request(*start(), "Tell me", 40);
  mine.sampling.seed = 42;
  mine.sampling.top_k = 30;
  mine.sampling.frequency_penalty = 0.3f;
  auto quiet = start();
  const Answer alone = ask(*quiet, mine);
  EXPECT_EQ(alone.completion_tokens, 40);
  for (const int threads : {1, 2}) {
    Options with = options();
    with.threads = threads;
    auto busy = start(with);
    Collector collector;
    for (int i = 0; i < 12; ++i) {
      Request other =
          request(*busy, std::string(static_cast<size_t>(3 + 17 * i), static_cast<char>('a' + i)),
                  10 + 5 * i);
      if (i == 6) other = mine;
      ASSERT_TRUE(busy->submit(other, collector.sink(std::to_string(i))));
    }
    EXPECT_EQ(collector.wait("6").text, alone.text);
    busy->drain();
  }
  Request other_seed = mine;
  other_seed.sampling.seed = 43;
  EXPECT_NE(ask(*quiet, other_seed).text, alone.text);
  Request no_seed = mine;
  no_seed.sampling.seed.reset();
  EXPECT_NE(ask(*quiet, no_seed).text, ask(*quiet, no_seed).text);
}

TEST(Engine, CancelFreesThePlaceWithinOneStep) {
  auto engine = start();
  Collector collector;
  const Stats before = engine->stats();
  uint64_t id = 0, step_of_cancel = 0, step_of_end = 0;
  std::mutex mutex;
  std::unique_lock hold(mutex);  // until id is known
  const auto submitted =
      engine->submit(request(*engine, "long", 0), collector.sink("long", [&](const Event& event) {
        const std::lock_guard lock(mutex);
        if (event.completion_tokens == 5 && !event.finish) {
          engine->cancel(id);
          step_of_cancel = engine->stats().steps;
        }
        if (event.finish) step_of_end = engine->stats().steps;
      }));
  ASSERT_TRUE(submitted);
  id = *submitted;
  hold.unlock();
  const Answer answer = collector.wait("long");
  EXPECT_EQ(answer.finish, Finish::Cancelled);
  EXPECT_EQ(answer.completion_tokens, 5);
  engine->drain();
  EXPECT_LE(step_of_end, step_of_cancel + 1);
  EXPECT_EQ(engine->stats().pages_free, before.pages_free);
  EXPECT_EQ(engine->stats().cancelled, 1u);
  engine->cancel(id);  // long gone: fine
}

TEST(Engine, ACancelledRequestInTheQueueNeverRuns) {
  Options with = options();
  with.max_batch = 1;
  auto engine = start(with);
  Collector collector;
  uint64_t waiting = 0;
  std::mutex mutex;
  std::unique_lock hold(mutex);
  ASSERT_TRUE(
      engine->submit(request(*engine, "first", 30), collector.sink("first", [&](const Event&) {
        const std::lock_guard lock(mutex);
        engine->cancel(waiting);
      })));
  const auto id = engine->submit(request(*engine, "second", 30), collector.sink("second"));
  ASSERT_TRUE(id);
  waiting = *id;
  hold.unlock();
  const Answer answer = collector.wait("second");
  EXPECT_EQ(answer.finish, Finish::Cancelled);
  EXPECT_EQ(answer.completion_tokens, 0);
  EXPECT_EQ(collector.wait("first").completion_tokens, 30);
}

TEST(Engine, StopStringsAcrossTokensAreNeverShown) {
  auto engine = start();
  Request free = request(*engine, "Say", 60);
  free.sampling.seed = 7;
  const Answer whole = ask(*engine, free);
  ASSERT_EQ(whole.text.size(), 60u);  // one character a token
  Request stopped = free;
  const std::string stop = whole.text.substr(20, 4);
  const size_t cut = whole.text.find(stop);
  stopped.stop = {stop, std::string(50, 'q')};
  stopped.sampling.logprobs = true;
  const Answer answer = ask(*engine, stopped);
  EXPECT_EQ(answer.finish, Finish::Stop);
  EXPECT_EQ(answer.text, whole.text.substr(0, cut));
  EXPECT_EQ(answer.completion_tokens, static_cast<int64_t>(cut + stop.size()));
  EXPECT_EQ(answer.logprobs.size(), cut);
  // Held back while it might become the stop string, shown when it does not.
  Request almost = free;
  almost.stop = {whole.text.substr(20, 4) + "\x01"};
  const Answer shown = ask(*engine, almost);
  EXPECT_EQ(shown.text, whole.text);
  EXPECT_EQ(shown.finish, Finish::Length);
}

TEST(Engine, AStopTokenEndsTheAnswerAndIsNotCounted) {
  auto engine = start();
  Request what = request(*engine, "x", 10);
  what.ignore_stop_tokens = false;
  what.sampling.temperature = 0;
  what.sampling.logit_bias = {{engine->model().tokenizer().eos(), 100.0f}};
  const Answer answer = ask(*engine, what);
  EXPECT_EQ(answer.finish, Finish::Stop);
  EXPECT_EQ(answer.completion_tokens, 0);
  EXPECT_EQ(answer.text, "");
}

TEST(Engine, AFullQueueRefusesAndALongPromptSaysBothCounts) {
  Options with = options();
  with.max_batch = 1;
  with.queue_max = 2;
  auto engine = start(with);
  Collector collector;
  std::mutex mutex;
  std::unique_lock hold(
      mutex);  // the engine's thread waits in the first event: the queue cannot move
  std::condition_variable started;
  std::mutex started_mutex;
  bool running = false;
  ASSERT_TRUE(
      engine->submit(request(*engine, "first", 4), collector.sink("first", [&](const Event&) {
        {
          const std::lock_guard lock(started_mutex);
          running = true;
        }
        started.notify_all();
        const std::lock_guard wait(mutex);
      })));
  {
    std::unique_lock lock(started_mutex);
    started.wait(lock, [&] { return running; });
  }
  ASSERT_TRUE(engine->submit(request(*engine, "second", 4), collector.sink("second")));
  ASSERT_TRUE(engine->submit(request(*engine, "third", 4), collector.sink("third")));
  const auto refused = engine->submit(request(*engine, "fourth", 4), collector.sink("fourth"));
  hold.unlock();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::Unavailable);
  EXPECT_EQ(refused.error().reason, "server_is_overloaded");
  EXPECT_EQ(collector.wait("third").finish, Finish::Length);
  const auto long_prompt =
      engine->submit(request(*engine, std::string(300, 'x'), 4), collector.sink("long"));
  ASSERT_FALSE(long_prompt);
  EXPECT_EQ(long_prompt.error().code, Code::TooLarge);
  EXPECT_EQ(long_prompt.error().reason, "context_length_exceeded");
  EXPECT_NE(long_prompt.error().message.find("256"), std::string::npos);
  EXPECT_NE(long_prompt.error().message.find("300"), std::string::npos);
}

TEST(Engine, TheContextIsUsedToItsLastToken) {
  auto engine = start();
  const Answer answer = ask(*engine, request(*engine, std::string(250, 'x'), 0));
  EXPECT_EQ(answer.finish, Finish::Length);
  EXPECT_EQ(answer.completion_tokens, 6);
  EXPECT_EQ(ask(*engine, request(*engine, std::string(255, 'x'), 100)).completion_tokens, 1);
}

TEST(Engine, ScarceMemoryMakesRequestsWaitAndNeverFail) {
  Options with = options();
  const auto model = tiny_model();
  with.kv_bytes_max = static_cast<uint64_t>(model::KvCache::page_bytes(*model)) * 6;  // 96 tokens
  auto engine = Engine::start(model, with).value();
  EXPECT_EQ(engine->context_length(), 96);
  EXPECT_EQ(engine->stats().pages_total, 6);
  Collector collector;
  int64_t most = 0;
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(engine->submit(request(*engine, std::string(20, 'a'), 20),
                               collector.sink(std::to_string(i), [&](const Event&) {
                                 most = std::max(most, engine->stats().active);
                               })));
  }
  for (int i = 0; i < 10; ++i) {
    const Answer answer = collector.wait(std::to_string(i));
    EXPECT_EQ(answer.finish, Finish::Length);
    EXPECT_EQ(answer.completion_tokens, 20);
  }
  engine->drain();
  EXPECT_EQ(most, 2);  // three pages each
  EXPECT_EQ(engine->stats().pages_free, 6);
  with.kv_bytes_max = 10;
  EXPECT_EQ(Engine::start(model, with).error().code, Code::InvalidArgument);
}

TEST(Engine, WaitingKeysTakeTurns) {
  Options with = options();
  with.max_batch = 1;
  auto engine = start(with);
  Collector collector;
  std::mutex mutex;
  std::unique_lock hold(mutex);
  ASSERT_TRUE(engine->submit(request(*engine, "x", 2), collector.sink("0", [&](const Event&) {
    const std::lock_guard wait(mutex);
  })));
  const auto queue = [&](const std::string& name, const std::string& key) {
    Request what = request(*engine, "x", 1);
    what.fairness_key = key;
    ASSERT_TRUE(engine->submit(what, collector.sink(name)));
  };
  queue("a1", "a");
  queue("a2", "a");
  queue("a3", "a");
  queue("b1", "b");
  queue("b2", "b");
  hold.unlock();
  engine->drain();
  EXPECT_EQ(collector.ends(), (std::vector<std::string>{"0", "a1", "b1", "a2", "b2", "a3"}));
}

TEST(Engine, ALongPromptDoesNotStopOthers) {
  auto engine = start();  // 16 prompt tokens a step
  Collector collector;
  std::map<std::string, uint64_t> steps;
  ASSERT_TRUE(engine->submit(
      request(*engine, "short", 100), collector.sink("short", [&](const Event& event) {
        if (event.completion_tokens == 3) {
          ASSERT_TRUE(engine->submit(request(*engine, std::string(200, 'p'), 2),
                                     collector.sink("long", [&](const Event&) {
                                       steps.emplace("long", engine->stats().completion_tokens);
                                     })));
        }
      })));
  collector.wait("long");
  engine->drain();
  // 200 tokens take 13 steps, and in each of them the other stream writes.
  EXPECT_GE(steps["long"], 3u + 12u);
  EXPECT_EQ(collector.wait("short").completion_tokens, 100);
}

TEST(Engine, ProbabilitiesAreThoseOfTheModel) {
  auto engine = start();
  Request what = request(*engine, "p", 5);
  what.sampling = {
      .temperature = 0, .logit_bias = {{5, 100.0f}}, .logprobs = true, .top_logprobs = 3};
  const Answer biased = ask(*engine, what);
  ASSERT_EQ(biased.logprobs.size(), 5u);
  for (const TokenLogprob& token : biased.logprobs) {
    EXPECT_EQ(token.id, 5);  // forced, and the reported probability is not
    EXPECT_LT(token.logprob, 0);
    ASSERT_EQ(token.top.size(), 3u);
    EXPECT_GE(token.top[0].second, token.top[1].second);
    EXPECT_GE(token.top[0].second, token.logprob);
  }
  what.sampling = {.temperature = 0, .logprobs = true, .top_logprobs = 20};
  const Answer plain = ask(*engine, what);
  for (const TokenLogprob& token : plain.logprobs) {
    EXPECT_EQ(token.top[0].first, token.id);
    EXPECT_FLOAT_EQ(token.top[0].second, token.logprob);
  }
}

TEST(Engine, RefusesParametersOutOfRangeByName) {
  auto engine = start();
  Collector collector;
  const auto refusal = [&](auto change) {
    Request what = request(*engine, "x", 1);
    change(what);
    const auto id = engine->submit(what, collector.sink("none"));
    EXPECT_FALSE(id);
    return id ? std::string() : id.error().where;
  };
  EXPECT_EQ(refusal([](Request& r) { r.prompt.clear(); }), "prompt");
  EXPECT_EQ(refusal([](Request& r) { r.prompt = {99}; }), "prompt");
  EXPECT_EQ(refusal([](Request& r) { r.sampling.temperature = -1; }), "temperature");
  EXPECT_EQ(refusal([](Request& r) { r.sampling.top_p = std::numeric_limits<float>::quiet_NaN(); }),
            "top_p");
  EXPECT_EQ(refusal([](Request& r) { r.sampling.logit_bias = {{-1, 1.0f}}; }), "logit_bias");
  EXPECT_EQ(refusal([](Request& r) { r.sampling.top_logprobs = 21; }), "top_logprobs");
  EXPECT_EQ(refusal([](Request& r) { r.stop = {""}; }), "stop");
  EXPECT_EQ(engine->stats().requests, 0u);
}

TEST(Engine, AnOverflowInTheModelIsAnErrorOfThatRequest) {
  auto engine = Engine::start(tiny_model(kernels::Precision::F32, true), options()).value();
  const Answer answer = ask(*engine, request(*engine, "x", 5));
  EXPECT_EQ(answer.finish, Finish::Error);
  ASSERT_TRUE(answer.error);
  EXPECT_EQ(answer.error->code, Code::Internal);
}

TEST(Engine, DrainRefusesNewWorkAndDestructionCancelsOld) {
  Collector collector;
  {
    auto engine = start();
    ASSERT_TRUE(engine->submit(request(*engine, "x", 20), collector.sink("drained")));
    engine->drain();
    EXPECT_EQ(collector.wait("drained").completion_tokens, 20);
    EXPECT_EQ(engine->submit(request(*engine, "x", 1), collector.sink("late")).error().reason,
              "server_is_draining");
  }
  {
    Options with = options();
    with.max_batch = 1;
    auto engine = start(with);
    for (int i = 0; i < 20; ++i)
      ASSERT_TRUE(
          engine->submit(request(*engine, "x", 0), collector.sink("c" + std::to_string(i))));
  }
  EXPECT_EQ(collector.wait("c19").finish, Finish::Cancelled);
  EXPECT_EQ(collector.wait("c19").error->code, Code::Unavailable);
}

}  // namespace
}  // namespace engine
