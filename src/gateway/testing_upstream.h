// For tests: a provider that says exactly what a test wants, and a gateway with money in front of
// it.
#pragma once

#include <gtest/gtest.h>

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "base/log.h"
#include "files/files.h"
#include "gateway/gateway.h"
#include "net/http_client.h"
#include "net/raw_server.h"

namespace gateway::testing {

inline constexpr std::string_view kCanary = "sk-upstream-CANARY-0123456789abcdef";

inline std::string event(std::string_view data) { return "data: " + std::string(data) + "\n\n"; }
inline std::string piece(std::string_view text) {
  std::string out = R"({"id":"c","object":"chat.completion.chunk","choices":[{"index":0,"delta":)"
                    R"({"content":)";
  json::append_string(&out, text);
  return event(out + R"(},"finish_reason":null}]})");
}
inline std::string finish_event(std::string_view reason = "stop") {
  return event(R"({"id":"c","choices":[{"index":0,"delta":{},"finish_reason":")" +
               std::string(reason) + R"("}]})");
}
inline std::string usage_event(int64_t prompt, int64_t completion) {
  return event(R"({"id":"c","choices":[],"usage":{"prompt_tokens":)" + std::to_string(prompt) +
               R"(,"completion_tokens":)" + std::to_string(completion) + "}}");
}
inline std::string done_event() { return event("[DONE]"); }

// An answer whose end is the connection's end, so that a test may stop at any byte.
inline std::string stream_head() {
  return "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: "
         "chunked\r\n\r\n";
}
inline std::string chunked(std::string_view bytes) {
  char size[20];
  std::snprintf(size, sizeof size, "%zx\r\n", bytes.size());
  return size + std::string(bytes) + "\r\n";
}
inline std::string last_chunk() { return "0\r\n\r\n"; }
inline std::string answer(int status, std::string_view type, std::string_view body,
                          std::string_view headers = "") {
  return "HTTP/1.1 " + std::to_string(status) + " X\r\ncontent-type: " + std::string(type) +
         "\r\ncontent-length: " + std::to_string(body.size()) + "\r\n" + std::string(headers) +
         "\r\n" + std::string(body);
}
inline std::string whole_stream(std::string_view events) {
  return stream_head() + chunked(events) + last_chunk();
}
inline std::string good_answer(std::string_view text = "Hello") {
  return whole_stream(piece(text) + finish_event() + usage_event(9, 2) + done_event());
}

// Hears everything, and waits for the end.
class Listener final : public Sink {
 public:
  void started(const Answerer& answerer) override {
    const std::lock_guard lock(mutex_);
    ++starts;
    first = answerer;
  }
  void delta(const Delta& delta) override {
    std::function<void()> action;
    {
      const std::lock_guard lock(mutex_);
      text += delta.text;
      deltas.push_back(delta);
      action = on_delta;
    }
    if (action) action();
  }
  void end(const End& value) override {
    const std::lock_guard lock(mutex_);
    EXPECT_FALSE(ended);
    result = value;
    ended = true;
    changed_.notify_all();
  }
  const End& wait() {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, std::chrono::seconds(20), [&] { return ended; }));
    return result;
  }

  int starts = 0;
  Answerer first;
  std::string text;
  std::vector<Delta> deltas;
  std::function<void()> on_delta;
  End result;
  bool ended = false;

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
};

class UpstreamTest : public ::testing::Test {
 protected:
  using Serve = std::function<bool(net::RawServer::Peer&, const std::string& request)>;

  UpstreamTest() : folder_(files::TemporaryDirectory::create("upstream-test").value()) {
    base::set_log_sink([this](std::string_view line) {
      const std::lock_guard lock(log_mutex_);
      log_ += line;
    });
    ledger_ = journal::Ledger::open(files::join(folder_.path(), "ledger.db"), clock_).value();
    EXPECT_TRUE(ledger_->deposit("2000:org_1", money::Amount::usd(1), "d", "test"));
    client_ = net::HttpClient::start({.threads = 2}).value();
    gateway_.emplace(*ledger_, metrics_, clock_, client_.get(),
                     std::vector<std::shared_ptr<Channel>>());
    caller_.org_id = "org_1";
    caller_.project_id = "proj_1";
    caller_.key_id = "key_1";
    caller_.account = "2000:org_1";
  }
  ~UpstreamTest() override {
    gateway_->cancel_all();
    EXPECT_TRUE(gateway_->wait(base::seconds(20)));
    servers_.clear();
    EXPECT_EQ(ledger_->open_holds(), 0);
    EXPECT_EQ(log().find("CANARY"), std::string::npos) << "a key stands in the log";
    gateway_.reset();
    client_.reset();
    base::set_log_sink({});
  }

  std::string log() {
    const std::lock_guard lock(log_mutex_);
    return log_;
  }

  // A provider that answers each request of each connection with `serve`, which says whether the
  // connection stays.
  std::string add_server(Serve serve) {
    servers_.push_back(std::make_unique<net::RawServer>([serve](net::RawServer::Peer& peer) {
      for (std::string request; !(request = peer.read_request()).empty();)
        if (!serve(peer, request)) return;
    }));
    return servers_.back()->url("/v1");
  }
  std::string add_server(std::string bytes) {
    return add_server(
        [bytes](net::RawServer::Peer& peer, const std::string&) { return peer.send(bytes); });
  }
  // A port that nobody listens on.
  static std::string dead_url() {
    uint16_t port = 0;
    {
      net::RawServer server([](net::RawServer::Peer&) {});
      port = server.port();
    }
    return "http://127.0.0.1:" + std::to_string(port) + "/v1";
  }

  // Upstreams "u0", "u1", ... in this order of priority, behind the one model "m".
  void route(const std::vector<std::string>& urls,
             const std::function<void(RouteOptions*)>& change = {},
             const std::function<void(UpstreamOptions*)>& change_upstream = {}) {
    std::vector<UpstreamOptions> upstreams;
    RouteOptions route;
    route.name = "m";
    for (size_t i = 0; i < urls.size(); ++i) {
      UpstreamOptions upstream;
      upstream.name = "u" + std::to_string(i);
      upstream.base_url = urls[i];
      upstream.key = base::Secret(std::string(kCanary));
      if (change_upstream) change_upstream(&upstream);
      upstreams.push_back(std::move(upstream));
      TargetOptions target;
      target.upstream = "u" + std::to_string(i);
      target.model = "their-model";
      target.priority = static_cast<int>(i);
      target.price = money::PriceQuote{1'000'000, 2'000'000, 7};
      route.targets.push_back(target);
    }
    if (change) change(&route);
    ASSERT_TRUE(gateway_->directory().set_upstreams(std::move(upstreams)));
    ASSERT_TRUE(gateway_->directory().set_routes({route}));
  }

  Generation question(int64_t max_tokens = 100) {
    Generation generation;
    generation.request_id = "req_" + std::to_string(++requests_);
    generation.model = "m";
    generation.input =
        Messages{json::Array{json::Object{{"role", "user"}, {"content", "Say hello."}}}};
    generation.max_tokens = max_tokens;
    generation.received_ns = base::monotonic_ns();
    return generation;
  }
  std::shared_ptr<Listener> ask(Generation generation) {
    auto listener = std::make_shared<Listener>();
    const auto run = gateway_->generate(caller_, std::move(generation), listener);
    EXPECT_TRUE(run) << run.error().text();
    if (run) run_ = *run;
    return listener;
  }
  std::shared_ptr<Listener> ask() { return ask(question()); }

  money::Amount spent() const {
    return money::checked_sub(money::Amount::usd(1), ledger_->available("2000:org_1")).value();
  }
  // What the tokens cost at the price of the tests.
  static money::Amount price_of(int64_t prompt, int64_t completion) {
    return money::cost({1'000'000, 2'000'000, 7}, prompt, completion).value();
  }
  journal::UsageRow last_row() const {
    ledger_->flush();
    const auto rows = ledger_->usage({.limit = 1}).value();
    EXPECT_EQ(rows.size(), 1u);
    return rows.empty() ? journal::UsageRow() : rows[0];
  }

  files::TemporaryDirectory folder_;
  base::SystemClock clock_;
  telemetry::Registry metrics_;
  std::mutex log_mutex_;
  std::string log_;
  std::unique_ptr<journal::Ledger> ledger_;
  std::unique_ptr<net::HttpClient> client_;
  std::optional<Gateway> gateway_;
  identity::Caller caller_;
  std::vector<std::unique_ptr<net::RawServer>> servers_;
  std::weak_ptr<gateway::Run> run_;  // whoever asks keeps no more than this
  int requests_ = 0;
};

}  // namespace gateway::testing
