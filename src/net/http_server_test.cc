#include "net/http_server.h"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "net/raw_client.h"

namespace net {
namespace {

// Echoes, streams, and refuses whoever asks for /secret without the word.
class TestService : public Service {
 public:
  std::optional<Response> admit(Request& request) override {
    if (request.path == "/small") request.body_bytes_max = 10;
    if (request.path == "/secret" && request.header("authorization") != "Bearer word") {
      return Response{401, {{"content-type", "text/plain"}}, "no"};
    }
    return {};
  }
  void handle(std::shared_ptr<Exchange> exchange) override {
    const std::string& path = exchange->request().path;
    if (path == "/forget") return;
    if (path == "/hold" || path == "/stream") {
      if (path == "/stream")
        exchange->begin_stream({200, {{"content-type", "text/event-stream"}}, ""});
      exchange->on_close([this] {
        const std::lock_guard lock(mutex_);
        ++closes_;
        changed_.notify_all();
      });
      const std::lock_guard lock(mutex_);
      held_.push_back(std::move(exchange));
      changed_.notify_all();
      return;
    }
    exchange->respond({200,
                       {{"content-type", "text/plain"}},
                       exchange->request().method + " " + exchange->request().body});
  }
  Response refuse(int status, std::string_view message, std::string_view) override {
    return {status, {{"content-type", "text/plain"}}, std::string(message)};
  }

  std::shared_ptr<Exchange> take_held() {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, std::chrono::seconds(10), [&] { return !held_.empty(); }));
    auto exchange = std::move(held_.front());
    held_.erase(held_.begin());
    return exchange;
  }
  bool wait_for_closes(int count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(10), [&] { return closes_ >= count; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::shared_ptr<Exchange>> held_;
  int closes_ = 0;
};

class HttpServerTest : public testing::Test {
 protected:
  void start(ServerOptions options = {}) {
    options.threads = 2;
    auto server = HttpServer::listen(options);
    ASSERT_TRUE(server) << server.error().text();
    server_ = std::move(*server);
    server_->start(service_);
  }
  TestService service_;
  std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpServerTest, AnswersManyRequestsOnOneConnection) {
  start();
  RawClient client(server_->port());
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"));
    const std::string response = client.read_response();
    EXPECT_TRUE(response.starts_with("HTTP/1.1 200 OK\r\n")) << response;
    EXPECT_TRUE(response.ends_with("\r\n\r\nPOST hello")) << response;
    EXPECT_EQ(response.find("connection: close"), std::string::npos);
  }
  ASSERT_TRUE(client.send(
      "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
  EXPECT_TRUE(client.read_response().ends_with("GET "));
  EXPECT_NE(client.read_response().find("connection: close"), std::string::npos);
  EXPECT_TRUE(client.at_end());
  EXPECT_EQ(server_->stats().requests, 5);
}

TEST_F(HttpServerTest, ReadsAChunkedBodyAndAnswersContinue) {
  start();
  RawClient client(server_->port());
  client.send(
      "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nExpect: "
      "100-continue\r\n\r\n");
  EXPECT_EQ(client.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("5\r\nhel");
  client.send("lo\r\n0\r\nIgnored: yes\r\n\r\n");
  EXPECT_TRUE(client.read_response().ends_with("POST hello"));
}

TEST_F(HttpServerTest, RefusesBeforeTheBody) {
  start();
  RawClient client(server_->port());
  client.send(
      "POST /secret HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\nExpect: "
      "100-continue\r\n\r\n");
  const std::string response = client.read_response();
  EXPECT_TRUE(response.starts_with("HTTP/1.1 401 ")) << response;
  EXPECT_TRUE(client.at_end());

  RawClient other(server_->port());
  for (int i = 0; i < 2; ++i) {  // without a body the connection stays
    other.send("GET /secret HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_TRUE(other.read_response().starts_with("HTTP/1.1 401 "));
  }
  other.send("GET /secret HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer word\r\n\r\n");
  EXPECT_TRUE(other.read_response().starts_with("HTTP/1.1 200 "));
}

TEST_F(HttpServerTest, RefusesWhatIsTooLargeAndSaysSoFirst) {
  start();
  for (const std::string request :
       {"POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\nhello world",
        "POST /small HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nb\r\nhello "
        "world\r\n0\r\n\r\n"}) {
    RawClient client(server_->port());
    client.send(request);
    const std::string response = client.read_response();
    EXPECT_TRUE(response.starts_with("HTTP/1.1 413 ")) << response;
    EXPECT_NE(response.find("larger than 10 bytes"), std::string::npos);
  }
  RawClient upload(server_->port());  // the peer writes all of it before it reads
  upload.send("POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: 20000000\r\n\r\n");
  upload.send(std::string(20'000'000, 'x'));
  EXPECT_TRUE(upload.read_response().starts_with("HTTP/1.1 413 "));

  RawClient head(server_->port());
  head.send("GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(40'000, 'x'));
  EXPECT_TRUE(head.read_response().starts_with("HTTP/1.1 431 "));
}

TEST_F(HttpServerTest, RefusesAmbiguousRequestsAndCloses) {
  start();
  for (const std::string request :
       {"GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\nHost: a\n\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: "
        "chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nz\r\n"}) {
    RawClient client(server_->port());
    client.send(request);
    EXPECT_TRUE(client.read_response().starts_with("HTTP/1.1 400 ")) << request;
    EXPECT_TRUE(client.at_end()) << request;
  }
  EXPECT_EQ(server_->stats().refusals, 4);
}

TEST_F(HttpServerTest, StreamsFromAnotherThread) {
  start();
  RawClient client(server_->port());
  client.send("GET /stream HTTP/1.1\r\nHost: a\r\n\r\n");
  auto exchange = service_.take_held();
  std::thread([&] {
    for (int i = 0; i < 100; ++i)
      ASSERT_TRUE(exchange->write("data: " + std::to_string(i) + "\n\n"));
    exchange->end();
  }).join();
  const std::string response = client.read_response();
  EXPECT_NE(response.find("transfer-encoding: chunked"), std::string::npos);
  EXPECT_NE(response.find("9\r\ndata: 0\n\n\r\n"), std::string::npos) << response;
  EXPECT_NE(response.find("data: 99\n\n"), std::string::npos);
  client.send("GET /again HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(client.read_response().ends_with("GET "));
}

TEST_F(HttpServerTest, StreamsToHttp10UntilTheConnectionEnds) {
  start();
  RawClient client(server_->port());
  client.send("GET /stream HTTP/1.0\r\n\r\n");
  auto exchange = service_.take_held();
  exchange->write("data: 1\n\n");
  exchange->end();
  const std::string response = client.read_all();
  EXPECT_TRUE(response.ends_with("\r\n\r\ndata: 1\n\n")) << response;
  EXPECT_EQ(response.find("chunked"), std::string::npos);
}

TEST_F(HttpServerTest, NoticesAPeerThatGoesAway) {
  start();
  for (const std::string path : {"/stream", "/hold"}) {
    RawClient client(server_->port());
    client.send("GET " + path + " HTTP/1.1\r\nHost: a\r\n\r\n");
    auto exchange = service_.take_held();
    client.close();
    EXPECT_TRUE(service_.wait_for_closes(path == "/stream" ? 1 : 2));
    EXPECT_TRUE(exchange->closed());
    bool called = false;
    exchange->on_close([&] { called = true; });  // at once, since it has gone
    EXPECT_TRUE(called);
  }
}

TEST_F(HttpServerTest, LetsGoOfAPeerThatResetsAfterItsAnswer) {
  start();
  RawClient client(server_->port());
  client.send("GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
  service_.take_held()->respond({200, {}, "late"});  // so the connection reads while it answers
  EXPECT_TRUE(client.read_response().ends_with("late"));
  EXPECT_EQ(server_->stats().connections_open, 1);
  client.reset();
  for (int wait = 0; wait < 5000 && server_->stats().connections_open > 0; ++wait)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_EQ(server_->stats().connections_open, 0);
}

TEST_F(HttpServerTest, DropsAReaderThatIsTooSlow) {
  ServerOptions options;
  options.queued_bytes_max = 256 << 10;
  start(options);
  RawClient client(server_->port());
  client.send("GET /stream HTTP/1.1\r\nHost: a\r\n\r\n");
  auto exchange = service_.take_held();
  const std::string event(64 << 10, 'x');
  int written = 0;
  while (exchange->write(event) && written < 10'000) ++written;
  EXPECT_LT(written, 10'000);
  EXPECT_TRUE(service_.wait_for_closes(1));
}

TEST_F(HttpServerTest, KeepsAQuietEventStreamAlive) {
  ServerOptions options;
  options.comment_interval = base::milliseconds(20);
  options.tick = base::milliseconds(5);
  start(options);
  RawClient client(server_->port());
  client.send("GET /stream HTTP/1.1\r\nHost: a\r\n\r\n");
  auto exchange = service_.take_held();
  EXPECT_NE(client.read_until(": keep-alive\n\n").find(": keep-alive"), std::string::npos);
  exchange->end();
}

TEST_F(HttpServerTest, ClosesSlowRequests) {
  ServerOptions options;
  options.head_timeout = base::milliseconds(50);
  options.body_timeout = base::milliseconds(50);
  options.idle_timeout = base::milliseconds(50);
  options.tick = base::milliseconds(5);
  start(options);
  for (const std::string part :
       {"GET / HT", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\na", ""}) {
    RawClient client(server_->port());
    client.send(part);
    EXPECT_TRUE(client.at_end()) << part;
  }
}

TEST_F(HttpServerTest, AHandlerThatForgetsBecomesA500) {
  start();
  RawClient client(server_->port());
  client.send("GET /forget HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(client.read_response().starts_with("HTTP/1.1 500 "));
  client.send("GET /stream HTTP/1.1\r\nHost: a\r\n\r\n");
  service_.take_held().reset();  // begun and let go: the peer must see that the answer is cut off
  EXPECT_EQ(client.read_all().find("0\r\n\r\n"), std::string::npos);
}

TEST_F(HttpServerTest, AnswersHeadWithoutABody) {
  start();
  RawClient client(server_->port());
  client.send("HEAD /x HTTP/1.1\r\nHost: a\r\n\r\nGET /y HTTP/1.1\r\nHost: a\r\n\r\n");
  const std::string head = client.read_until("\r\n\r\n");
  EXPECT_NE(head.find("content-length: 5"), std::string::npos);
  EXPECT_TRUE(client.read_response().starts_with("HTTP/1.1 200 "));
}

TEST_F(HttpServerTest, APortInUseIsNamed) {
  start();
  ServerOptions options;
  options.port = server_->port();
  const auto second = HttpServer::listen(options);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, base::Code::Unavailable);
  EXPECT_NE(second.error().text().find(std::to_string(server_->port())), std::string::npos);
  options.host = "localhost";
  EXPECT_EQ(HttpServer::listen(options).error().code, base::Code::InvalidArgument);
}

TEST_F(HttpServerTest, DrainsRunningAnswersAndRefusesNewOnes) {
  start();
  RawClient busy(server_->port()), idle(server_->port());
  idle.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  idle.read_response();
  busy.send("GET /stream HTTP/1.1\r\nHost: a\r\n\r\n");
  auto exchange = service_.take_held();
  bool drained = false;
  std::thread drainer([&] { drained = server_->drain(base::seconds(10)); });
  EXPECT_TRUE(idle.at_end());
  exchange->write("data: last\n\n");
  exchange->end();
  exchange.reset();
  EXPECT_TRUE(busy.read_response().ends_with("data: last\n\n\r\n0\r\n\r\n"));
  drainer.join();
  EXPECT_TRUE(drained);
  RawClient late(server_->port());
  EXPECT_TRUE(!late.connected() || late.at_end());
}

TEST_F(HttpServerTest, StopsUnderRunningAnswers) {
  start();
  RawClient client(server_->port());
  client.send("GET /stream HTTP/1.1\r\nHost: a\r\n\r\n");
  auto exchange = service_.take_held();
  EXPECT_FALSE(server_->drain(base::milliseconds(1)));
  server_->stop();
  EXPECT_TRUE(exchange->closed());
  EXPECT_FALSE(exchange->write("data: too late\n\n"));
  server_.reset();
  exchange->end();
}

TEST_F(HttpServerTest, OneConnectionTooManyIsTold) {
  ServerOptions options;
  options.connections_max = 1;
  start(options);
  RawClient first(server_->port());
  first.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(first.read_response().starts_with("HTTP/1.1 200 "));
  RawClient second(server_->port());
  second.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
  const std::string answer = second.read_response();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 503 ")) << answer;
  EXPECT_NE(answer.find("\r\nretry-after: 1\r\n"), std::string::npos);
  EXPECT_TRUE(second.at_end());
  EXPECT_EQ(server_->stats().connections_refused, 1);
  first.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(first.read_response().starts_with("HTTP/1.1 200 "));
}

TEST_F(HttpServerTest, ManyConnectionsAtOnce) {
  start();
  std::vector<std::thread> threads;
  std::atomic<int> good{0};
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 25; ++i) {
        RawClient client(server_->port());
        client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nok");
        good += client.read_response().ends_with("POST ok");
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(good, 200);
}

}  // namespace
}  // namespace net
