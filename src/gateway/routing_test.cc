// Who answers: order, retries, breakers, hedging, places, and going on in the midst of an answer.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "base/random.h"
#include "gateway/testing_upstream.h"

namespace gateway {
namespace {

using namespace testing;

class Routing : public testing::UpstreamTest {
 protected:
  // Answers well, and counts.
  std::string counting_server(std::atomic<int>* count, std::string bytes = good_answer()) {
    return add_server([count, bytes](net::RawServer::Peer& peer, const std::string&) {
      ++*count;
      return peer.send(bytes);
    });
  }
  static int64_t ms(int64_t ns) { return ns / 1'000'000; }
};

TEST_F(Routing, ADeadProviderCostsAMoment) {
  route({dead_url(), add_server(good_answer())});
  for (int i = 0; i < 3; ++i) {
    const int64_t begun = base::monotonic_ns();
    const auto listener = ask();
    EXPECT_FALSE(listener->wait().error);
    EXPECT_EQ(listener->result.answerer.release_id, "upstream:u1/their-model");
    EXPECT_LT(ms(base::monotonic_ns() - begun), 250);
  }
}

TEST_F(Routing, OnlyWhatMayPassIsTriedElsewhere) {
  for (const int status : {400, 401, 404, 408, 409, 413, 422, 429, 500, 502, 503, 529}) {
    std::atomic<int> first{0}, second{0};
    route({counting_server(&first, answer(status, "application/json",
                                          R"({"error":{"message":"m","type":"t"}})")),
           counting_server(&second)});
    const bool elsewhere = status != 400 && status != 413 && status != 422;
    const auto listener = ask();
    EXPECT_EQ(listener->wait().error.has_value(), !elsewhere) << status;
    EXPECT_EQ(first, 1) << status;
    EXPECT_EQ(second, elsewhere ? 1 : 0) << status;
  }
}

TEST_F(Routing, AFailureThatPassesIsTriedAgainAtTheSameProvider) {
  std::atomic<int> count{0};
  route({add_server([&](net::RawServer::Peer& peer, const std::string&) {
    return peer.send(++count < 3 ? answer(503, "text/plain", "busy") : good_answer());
  })});
  EXPECT_FALSE(ask()->wait().error);
  EXPECT_EQ(count, 3);
}

TEST_F(Routing, AWrongKeyIsNotTriedTwice) {
  std::atomic<int> count{0};
  route({counting_server(&count, answer(401, "application/json", R"({"error":{"message":"k"}})"))});
  EXPECT_EQ(ask()->wait().error->reason, "upstream_failed");
  EXPECT_EQ(count, 1);
}

TEST_F(Routing, AnOpenBreakerCostsNothingAndLetsOneProbeThrough) {
  std::atomic<int> first{0};
  std::atomic<bool> well{false};
  route({add_server([&](net::RawServer::Peer& peer, const std::string&) {
           ++first;
           return peer.send(well ? good_answer() : answer(500, "text/plain", "x"));
         }),
         add_server(good_answer())});
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(ask()->wait().error);
  EXPECT_EQ(first, 5);
  for (int i = 0; i < 20; ++i) EXPECT_FALSE(ask()->wait().error);
  EXPECT_EQ(first, 5);
  EXPECT_NE(metrics_.prometheus().find(
                R"(charter_upstream_breaker_open{upstream="u0",model="their-model"} 1)"),
            std::string::npos)
      << metrics_.prometheus();
}

TEST_F(Routing, WhereEveryBreakerIsOpenARefusalIsQuick) {
  route({add_server(answer(500, "text/plain", "x"))},
        [](RouteOptions* options) { options->attempts_max = 1; });
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(ask()->wait().error);
  std::vector<int64_t> times;
  for (int i = 0; i < 50; ++i) {
    auto listener = std::make_shared<Listener>();
    const int64_t begun = base::monotonic_ns();
    const auto run = gateway_->generate(caller_, question(), listener);
    times.push_back(base::monotonic_ns() - begun);
    ASSERT_FALSE(run);
    EXPECT_EQ(run.error().reason, "upstream_failed");
  }
  std::ranges::sort(times);
  EXPECT_LT(times[25], 1'000'000);
}

TEST(TargetHealth, OpensByItsRateAndClosesByAProbe) {
  constexpr int64_t kMs = 1'000'000;
  TargetHealth health;
  int64_t now = 1'000'000 * kMs;
  for (int i = 0; i < 20; ++i) health.succeeded(now);
  for (int i = 0; i < 19; ++i) health.failed(now);
  EXPECT_TRUE(health.may_try(now));
  for (int i = 0; i < 2; ++i) health.failed(now);
  EXPECT_FALSE(health.may_try(now));
  now += 1999 * kMs;
  EXPECT_FALSE(health.may_try(now));
  now += 2 * kMs;
  EXPECT_EQ(health.state(now), TargetHealth::State::HalfOpen);
  EXPECT_TRUE(health.may_try(now));
  EXPECT_FALSE(health.may_try(now));  // one probe at a time
  health.failed(now);
  now += 3999 * kMs;  // twice as long as before
  EXPECT_FALSE(health.may_try(now));
  now += 2 * kMs;
  EXPECT_TRUE(health.may_try(now));
  health.let_go();
  EXPECT_TRUE(health.may_try(now));
  health.succeeded(now);
  EXPECT_EQ(health.state(now), TargetHealth::State::Closed);
  EXPECT_TRUE(health.may_try(now));
  health.block_until(now + 5 * kMs);
  EXPECT_FALSE(health.may_try(now));
  EXPECT_TRUE(health.may_try(now + 5 * kMs));
  // Failures that are long past do not count.
  for (int i = 0; i < 4; ++i) health.failed(now);
  now += 20'000 * kMs;
  health.failed(now);
  EXPECT_TRUE(health.may_try(now));
}

TEST(OrderTargets, ByPriorityThenByTheRoutesPolicy) {
  ModelRoute route;
  base::Rng random(1);
  const auto add = [&](int priority, uint32_t weight, uint64_t price, int64_t latency_ns) {
    Target target;
    target.model = std::to_string(route.targets.size());
    target.priority = priority;
    target.weight = weight;
    target.price = {price, price, 1};
    target.health = std::make_shared<TargetHealth>();
    if (latency_ns > 0) target.health->observe_first_piece(latency_ns);
    route.targets.push_back(std::move(target));
  };
  add(1, 1, 5, 100);
  add(0, 3, 9, 300);
  add(0, 1, 2, 900);
  int first = 0;
  for (int i = 0; i < 4000; ++i) {
    const auto order = order_targets(route, random, "u");
    ASSERT_EQ(order.size(), 3u);
    EXPECT_EQ(order[2]->model, "0");
    first += order[0]->model == "1";
  }
  EXPECT_NEAR(first, 3000, 150);
  route.policy = Policy::Fastest;
  EXPECT_EQ(order_targets(route, random, "u")[0]->model, "1");
  route.policy = Policy::Cheapest;
  EXPECT_EQ(order_targets(route, random, "u")[0]->model, "2");
}

TEST_F(Routing, ACutAnswerGoesOnElsewhereFromWhatWasWritten) {
  std::string seen;
  route({add_server([](net::RawServer::Peer& peer, const std::string&) {
           peer.send(stream_head() + chunked(piece("one") + piece(" two")));
           return false;
         }),
         add_server([&](net::RawServer::Peer& peer, const std::string& request) {
           seen = request;
           return peer.send(
               whole_stream(piece(" three") + finish_event() + usage_event(12, 1) + done_event()));
         })});
  const auto listener = ask();
  const End& end = listener->wait();
  EXPECT_FALSE(end.error) << end.error->text();
  EXPECT_TRUE(end.continued);
  EXPECT_EQ(listener->starts, 1);
  EXPECT_EQ(listener->text, "one two three");
  EXPECT_EQ(end.finishes, std::vector{Finish::Stop});
  EXPECT_EQ(end.usage.completion, 3);
  EXPECT_NE(seen.find(R"({"role":"assistant","content":"one two"}])"), std::string::npos) << seen;
  EXPECT_NE(seen.find(R"("max_tokens":98)"), std::string::npos);
  EXPECT_TRUE(last_row().usage.continued);
  EXPECT_EQ(spent(), end.cost);
}

TEST_F(Routing, ACutAnswerThatMayNotGoOnIsAnError) {
  std::atomic<int> second{0};
  route({add_server([](net::RawServer::Peer& peer, const std::string&) {
           peer.send(stream_head() + chunked(piece("one")));
           return false;
         }),
         counting_server(&second)});
  Generation generation = question();
  generation.continue_after_failure = false;
  const auto listener = ask(std::move(generation));
  const End& end = listener->wait();
  ASSERT_TRUE(end.error);
  EXPECT_EQ(end.error->reason, "upstream_failed");
  EXPECT_EQ(second, 0);
  EXPECT_EQ(end.usage.completion, 1);
  EXPECT_EQ(spent(), end.cost);
}

TEST_F(Routing, ASlowProviderIsHedgedAndOnlyTheWinnerIsBilled) {
  std::atomic<bool> slow{false}, closed{false};
  route({add_server([&](net::RawServer::Peer& peer, const std::string&) {
           if (!slow) return peer.send(good_answer("fast"));
           peer.send(stream_head());
           closed = peer.wait_for_close();
           return false;
         }),
         add_server(good_answer("hedge"))},
        [](RouteOptions* options) { options->hedged = true; });
  for (int i = 0; i < 20; ++i) EXPECT_FALSE(ask()->wait().error);
  const money::Amount before = spent();
  slow = true;
  const auto listener = ask();
  const End& end = listener->wait();
  EXPECT_FALSE(end.error);
  EXPECT_EQ(listener->text, "hedge");
  EXPECT_EQ(listener->starts, 1);
  EXPECT_EQ(money::checked_sub(spent(), before), price_of(9, 2));
  for (int i = 0; i < 2000 && !closed; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_TRUE(closed);
}

TEST_F(Routing, PlacesAtAProviderAreKeptAndWaitedFor) {
  std::atomic<int> running{0}, most{0};
  route({add_server([&](net::RawServer::Peer& peer, const std::string&) {
          const int now = ++running;
          for (int before = most; before < now && !most.compare_exchange_weak(before, now);) {
          }
          std::this_thread::sleep_for(std::chrono::milliseconds(5));
          --running;
          return peer.send(good_answer());
        })},
        {}, [](UpstreamOptions* options) { options->concurrent_max = 3; });
  std::vector<std::shared_ptr<Listener>> listeners;
  for (int i = 0; i < 30; ++i) listeners.push_back(ask());
  for (const auto& listener : listeners) EXPECT_FALSE(listener->wait().error);
  EXPECT_LE(most, 3);
}

TEST_F(Routing, AFullQueueIsRefusedBeforeAnyWork) {
  std::atomic<bool> go{false};
  route({add_server([&](net::RawServer::Peer& peer, const std::string&) {
          while (!go) std::this_thread::sleep_for(std::chrono::milliseconds(1));
          return peer.send(good_answer());
        })},
        {}, [](UpstreamOptions* options) {
          options->concurrent_max = 1;
          options->queue_max = 1;
        });
  const auto first = ask(), second = ask();
  auto third = std::make_shared<Listener>();
  const auto refused = gateway_->generate(caller_, question(), third);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, "server_is_overloaded");
  // One that waits can be cancelled there.
  run_.lock()->cancel();
  EXPECT_EQ(second->wait().finishes, std::vector{Finish::Cancelled});
  EXPECT_EQ(second->starts, 0);
  go = true;
  EXPECT_FALSE(first->wait().error);
  const auto fourth = ask();
  EXPECT_FALSE(fourth->wait().error);
}

// A thousand at once, and money for a hundred: not one too many.
TEST_F(Routing, AThousandAtOnceCannotOvershootTheBalance) {
  route(
      {add_server(whole_stream(piece("x") + finish_event() + usage_event(20, 100) + done_event()))},
      [](RouteOptions* options) {
        options->targets[0].price = money::PriceQuote{0, 100'000'000, 1};  // $0.01 a request
      });
  std::vector<std::shared_ptr<Listener>> listeners(1000);
  std::atomic<int> admitted{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = t; i < 1000; i += 4) {
        Generation generation = question();
        generation.request_id = "race_" + std::to_string(i);
        listeners[i] = std::make_shared<Listener>();
        if (gateway_->generate(caller_, std::move(generation), listeners[i]))
          ++admitted;
        else
          listeners[i] = nullptr;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  int answered = 0;
  for (const auto& listener : listeners)
    if (listener) answered += !listener->wait().error;
  EXPECT_EQ(admitted, 100);
  EXPECT_EQ(answered, 100);
  EXPECT_EQ(spent(), money::Amount::usd(1));
}

}  // namespace
}  // namespace gateway
