#include "net/http_client.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <optional>

#include "net/address.h"
#include "net/http_server.h"
#include "net/raw_server.h"

namespace net {
namespace {

// Keeps what came, and checks the order of the calls.
class Collector : public ClientSink {
 public:
  void head(int status, const std::vector<Header>& headers) override {
    const std::lock_guard lock(mutex_);
    EXPECT_EQ(status_, 0) << "one head";
    status_ = status;
    headers_ = headers;
    changed_.notify_all();
  }
  void data(std::string_view bytes) override {
    std::function<void()> action;
    {
      const std::lock_guard lock(mutex_);
      EXPECT_NE(status_, 0) << "a head before data";
      body_ += bytes;
      changed_.notify_all();
      action = on_data;
    }
    if (action) action();
  }
  void end(const base::Status& status) override {
    const std::lock_guard lock(mutex_);
    EXPECT_FALSE(end_) << "one end";
    end_ = status;
    changed_.notify_all();
  }

  // The reason of the end; "" for a good one.
  std::string wait() {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, std::chrono::seconds(20), [&] { return end_.has_value(); }))
      return "no end";
    return *end_ ? "" : end_->error().reason;
  }
  bool wait_for_bytes(size_t count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(10), [&] { return body_.size() >= count; });
  }
  int status() const { return status_; }
  const std::string& body() const { return body_; }
  base::Error error() const { return end_->error(); }

  std::function<void()> on_data;

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int status_ = 0;
  std::vector<Header> headers_;
  std::string body_;
  std::optional<base::Status> end_;
};

// A full backlog is what a host that does not answer looks like.
class SilentHost {
 public:
  SilentHost() : sockets_{socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(bind(sockets_[0], reinterpret_cast<const sockaddr*>(&address), size), 0);
    EXPECT_EQ(listen(sockets_[0], 0), 0);
    EXPECT_EQ(getsockname(sockets_[0], reinterpret_cast<sockaddr*>(&address), &size), 0);
    origin_ = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
    for (int i = 0; i < 3; ++i) {
      sockets_.push_back(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
      (void)connect(sockets_.back(), reinterpret_cast<const sockaddr*>(&address), size);
    }
  }
  ~SilentHost() {
    for (const int fd : sockets_) close(fd);
  }
  SilentHost(const SilentHost&) = delete;
  const std::string& origin() const { return origin_; }

 private:
  std::vector<int> sockets_;
  std::string origin_;
};

class EchoService : public Service {
 public:
  std::optional<Response> admit(Request&) override { return {}; }
  void handle(std::shared_ptr<Exchange> exchange) override {
    const Request& request = exchange->request();
    exchange->respond({200,
                       {{"content-type", "text/plain"},
                        {"x-type", std::string(request.header("content-type"))},
                        {"x-expect", request.has_header("expect") ? "yes" : "no"}},
                       request.method + " " + request.target + " " + request.body});
  }
  Response refuse(int status, std::string_view message, std::string_view) override {
    return {status, {}, std::string(message)};
  }
};

class HttpClientTest : public testing::Test {
 protected:
  void SetUp() override {
    auto client = HttpClient::start();
    ASSERT_TRUE(client);
    client_ = *std::move(client);
  }
  void start_echo() {
    auto server = HttpServer::listen({});
    ASSERT_TRUE(server);
    server_ = *std::move(server);
    server_->start(echo_);
  }
  std::string echo_url(std::string_view path = "/") const {
    return "http://127.0.0.1:" + std::to_string(server_->port()) + std::string(path);
  }
  static ClientRequest get(std::string url) {
    ClientRequest request;
    request.method = "GET";
    request.url = std::move(url);
    return request;
  }
  std::string end_reason(ClientRequest request, std::shared_ptr<Collector> sink = nullptr) {
    if (!sink) sink = std::make_shared<Collector>();
    client_->send(std::move(request), sink);
    return sink->wait();
  }

  EchoService echo_;
  std::unique_ptr<HttpServer> server_;
  std::unique_ptr<HttpClient> client_;
};

TEST_F(HttpClientTest, SendsEveryMethodAndReusesOneConnection) {
  start_echo();
  for (const std::string method : {"GET", "POST", "PUT", "PATCH", "DELETE"}) {
    ClientRequest request;
    request.method = method;
    request.url = echo_url("/a/../b?c=%2F");
    if (method != "GET") request.body = "body of " + method;
    const auto response = fetch(*client_, request);
    ASSERT_TRUE(response) << response.error().text();
    EXPECT_EQ(response->status, 200);
    EXPECT_EQ(response->body, method + " /a/../b?c=%2F " + request.body);
    EXPECT_EQ(response->header("x-type"), "") << "no header that nobody asked for";
    EXPECT_EQ(response->header("x-expect"), "no");
  }
  ClientRequest head;
  head.method = "HEAD";
  head.url = echo_url();
  EXPECT_EQ(fetch(*client_, head)->body, "");
  ClientRequest large;
  large.url = echo_url();
  large.headers = {{"Content-Type", "application/json"}};
  large.body.assign(3'000'000, 'x');
  const auto response = fetch(*client_, large);
  ASSERT_TRUE(response) << response.error().text();
  EXPECT_EQ(response->body, "POST / " + large.body);
  EXPECT_EQ(response->header("x-type"), "application/json");
  EXPECT_EQ(client_->stats().connections_opened, 1);
  EXPECT_EQ(server_->stats().connections_accepted, 1);
  EXPECT_EQ(client_->stats().calls_open, 0);
}

TEST_F(HttpClientTest, AThousandAtOnce) {
  start_echo();
  std::vector<std::shared_ptr<Collector>> sinks;
  for (int i = 0; i < 1000; ++i) {
    ClientRequest request;
    request.url = echo_url("/" + std::to_string(i));
    sinks.push_back(std::make_shared<Collector>());
    client_->send(std::move(request), sinks.back());
  }
  for (int i = 0; i < 1000; ++i) {
    EXPECT_EQ(sinks[i]->wait(), "");
    EXPECT_EQ(sinks[i]->body(), "POST /" + std::to_string(i) + " ");
  }
}

TEST_F(HttpClientTest, RunsOnTheServersLoops) {
  start_echo();
  // A proxy in ten lines: what comes from upstream goes to the exchange on the same thread.
  struct Proxy : EchoService {
    HttpClient* client = nullptr;
    std::string url;
    struct Sink : ClientSink {
      std::shared_ptr<Exchange> exchange;
      std::thread::id thread;
      std::string body;
      void head(int, const std::vector<Header>&) override {
        EXPECT_EQ(thread, std::this_thread::get_id());
      }
      void data(std::string_view bytes) override { body += bytes; }
      void end(const base::Status& status) override {
        exchange->respond({status ? 200 : 502, {}, body});
      }
    };
    void handle(std::shared_ptr<Exchange> exchange) override {
      auto sink = std::make_shared<Sink>();
      sink->exchange = exchange;
      sink->thread = std::this_thread::get_id();
      ClientRequest request;
      request.url = url + exchange->request().target;
      client->send(std::move(request), sink);
    }
  } proxy;
  ServerOptions options;
  options.threads = 2;
  auto front = HttpServer::listen(options);
  ASSERT_TRUE(front);
  auto attached = HttpClient::attach(**front);
  ASSERT_TRUE(attached);
  proxy.client = attached->get();
  proxy.url = "http://127.0.0.1:" + std::to_string(server_->port());
  (*front)->start(proxy);
  for (int i = 0; i < 20; ++i) {
    const auto response =
        fetch(*client_, get("http://127.0.0.1:" + std::to_string((*front)->port()) + "/through"));
    ASSERT_TRUE(response) << response.error().text();
    EXPECT_EQ(response->body, "POST /through ");
  }
  // The server stops first: what is open ends, and the client can still be asked and destroyed.
  RawServer silent([](RawServer::Peer& peer) {
    peer.read_request();
    peer.wait_for_close();
  });
  const auto open = std::make_shared<Collector>(), late = std::make_shared<Collector>();
  (*attached)->send(get(silent.url()), open);
  (*front)->stop();
  EXPECT_EQ(open->wait(), "cancelled");
  (*attached)->send(get(silent.url()), late);
  EXPECT_EQ(late->wait(), "cancelled");
  attached->reset();
}

TEST_F(HttpClientTest, ReadsChunkedAnswersPieceByPiece) {
  RawServer server([](RawServer::Peer& peer) {
    while (!peer.read_request().empty()) {
      peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-A:  b \r\n\r\n");
      for (const char* chunk : {"5\r\nhello\r\n", "1;ext\r\n \r\n", "5\r\nworld\r\n"})
        peer.send(chunk);
      peer.send("0\r\nTrailer: dropped\r\n\r\n");
    }
  });
  for (int i = 0; i < 2; ++i) {
    const auto response = fetch(*client_, get(server.url()));
    ASSERT_TRUE(response) << response.error().text();
    EXPECT_EQ(response->body, "hello world");
    EXPECT_EQ(response->header("x-a"), "b");
    EXPECT_EQ(response->header("trailer"), "");
  }
  EXPECT_EQ(server.connections(), 1);
}

// An answer that is cut off at any of its bytes is an error, never a shorter answer.
TEST_F(HttpClientTest, NoticesACutAtEveryByte) {
  for (const std::string answer :
       {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"}) {
    std::atomic<size_t> length{0};
    RawServer server([&](RawServer::Peer& peer) {
      peer.read_request();
      peer.send(std::string_view(answer).substr(0, length));
    });
    const size_t head = answer.find("\r\n\r\n") + 4;
    const size_t needed = answer.size() - (answer.ends_with('\n') ? 1 : 0);  // "0 CR LF CR" will do
    for (length = 0; length < needed; ++length) {
      const auto sink = std::make_shared<Collector>();
      const std::string reason = end_reason(get(server.url()), sink);
      const bool known = reason == "cut_off" || (length < head && reason == "bad_response");
      EXPECT_TRUE(known) << "after " << length << " bytes: " << reason;
      EXPECT_EQ(sink->status(), length >= head ? 200 : 0) << length;
    }
    EXPECT_EQ(end_reason(get(server.url())), "");
  }
}

TEST_F(HttpClientTest, NamesWhatIsNotHttp) {
  std::string answer;
  RawServer server([&](RawServer::Peer& peer) {
    peer.read_request();
    peer.send(answer);
  });
  answer = "<html>502 Bad Gateway</html>";
  EXPECT_EQ(end_reason(get(server.url())), "bad_response");
  answer = "HTTP/1.1 200 OK\r\nX: " + std::string(300'000, 'x') + "\r\n\r\n";
  EXPECT_EQ(end_reason(get(server.url())), "bad_response");
  answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n";
  EXPECT_NE(end_reason(get(server.url())), "");
  answer = "HTTP/1.1 503 Busy\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>";
  const auto response = fetch(*client_, get(server.url()));
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 503);
  EXPECT_EQ(response->body, "<html>");
}

TEST_F(HttpClientTest, KeepsItsDeadlines) {
  std::string first;
  RawServer server([&](RawServer::Peer& peer) {
    peer.read_request();
    peer.send(first);
    peer.wait_for_close();
  });
  ClientRequest request = get(server.url());
  request.first_byte_timeout = base::milliseconds(60);
  request.idle_timeout = base::milliseconds(60);
  EXPECT_EQ(end_reason(request), "timeout_first_byte");
  first = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n";
  EXPECT_EQ(end_reason(request), "timeout_first_byte");
  first = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel";
  request.first_byte_timeout = base::seconds(20);
  const auto sink = std::make_shared<Collector>();
  EXPECT_EQ(end_reason(request, sink), "timeout_idle");
  EXPECT_EQ(sink->body(), "hel");
}

TEST_F(HttpClientTest, NamesAConnectionThatFails) {
  uint16_t closed_port = 0;
  {
    RawServer server([](RawServer::Peer&) {});
    closed_port = server.port();
  }
  const int64_t start_ns = base::monotonic_ns();
  EXPECT_EQ(end_reason(get("http://127.0.0.1:" + std::to_string(closed_port))), "connect_failed");
  EXPECT_LT(base::monotonic_ns() - start_ns, 250'000'000);
  EXPECT_EQ(end_reason(get("http://no-such-host.invalid/")), "connect_failed");
}

TEST_F(HttpClientTest, NamesAConnectionThatTakesTooLong) {
  const SilentHost silent;
  ClientRequest request = get(silent.origin() + "/?key=canary");
  request.headers = {{"Authorization", "Bearer canary"}};
  request.connect_timeout = base::milliseconds(80);
  const auto sink = std::make_shared<Collector>();
  EXPECT_EQ(end_reason(request, sink), "timeout_connect");
  EXPECT_EQ(sink->error().text().find("canary"), std::string::npos);
  EXPECT_EQ(sink->error().where, silent.origin());
}

TEST_F(HttpClientTest, RefusesWhatCannotBeSent) {
  for (const std::string url :
       {"", "file:///etc/passwd", "ftp://a/", "http://", "http://a b/", "http://a/\r\nX: y"}) {
    EXPECT_EQ(end_reason(get(url)), "invalid_request") << url;
  }
  start_echo();
  ClientRequest request = get(echo_url());
  request.method = "GET / HTTP/1.1\r\nX: y\r\n\r\nGET";
  EXPECT_EQ(end_reason(request), "invalid_request");
  request.method = "GET";
  for (const Header& header :
       std::vector<Header>{{"a b", "c"}, {"", "c"}, {"a", "b\r\nX: y"}, {"a:", "b"}}) {
    request.headers = {header};
    EXPECT_EQ(end_reason(request), "invalid_request") << header.name;
  }
}

TEST_F(HttpClientTest, BoundsTheAnswer) {
  start_echo();
  ClientRequest request;
  request.url = echo_url();
  request.body.assign(100'000, 'x');
  request.response_bytes_max = 50'000;
  EXPECT_EQ(end_reason(request), "response_too_large");
}

TEST_F(HttpClientTest, CancelReachesTheSocket) {
  std::atomic<int64_t> closed_ns{0};
  RawServer server([&](RawServer::Peer& peer) {
    peer.read_request();
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello");
    if (peer.wait_for_close()) closed_ns = base::monotonic_ns();
  });
  for (const bool by_sink : {false, true}) {
    closed_ns = 0;
    const auto sink = std::make_shared<Collector>();
    std::mutex mutex;  // the call is known before the sink uses it
    std::shared_ptr<ClientCall> call;
    std::atomic<int64_t> cancelled_ns{0};
    if (by_sink) {
      sink->on_data = [&] {
        const std::lock_guard lock(mutex);
        cancelled_ns = base::monotonic_ns();
        call->cancel();
      };
    }
    {
      const std::lock_guard lock(mutex);
      call = client_->send(get(server.url()), sink);
    }
    ASSERT_TRUE(sink->wait_for_bytes(5));
    if (!by_sink) {
      cancelled_ns = base::monotonic_ns();
      call->cancel();
    }
    EXPECT_EQ(sink->wait(), "cancelled");
    EXPECT_EQ(sink->error().code, base::Code::Cancelled);
    while (closed_ns == 0) std::this_thread::yield();
    EXPECT_LT(closed_ns - cancelled_ns, 250'000'000);
    call->cancel();  // after the end: nothing
  }
  EXPECT_EQ(client_->stats().calls_open, 0);
}

TEST_F(HttpClientTest, CancelBeforeAnything) {
  RawServer server([](RawServer::Peer& peer) { peer.wait_for_close(); });
  for (int i = 0; i < 50; ++i) {
    const auto sink = std::make_shared<Collector>();
    client_->send(get(server.url()), sink)->cancel();
    EXPECT_EQ(sink->wait(), "cancelled");
  }
}

// Curl closes a connection that is being made without a word; its number is the next one's.
TEST_F(HttpClientTest, CancelWhileConnecting) {
  const SilentHost silent;
  RawServer server([](RawServer::Peer& peer) {
    peer.read_request();
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  });
  for (int i = 0; i < 200; ++i) {
    const auto cancelled = std::make_shared<Collector>(), whole = std::make_shared<Collector>();
    const int64_t opened = client_->stats().connections_opened;
    const auto call = client_->send(get(silent.origin()), cancelled);
    while (client_->stats().connections_opened == opened) std::this_thread::yield();
    call->cancel();
    client_->send(get(server.url()), whole);
    EXPECT_EQ(cancelled->wait(), "cancelled");
    ASSERT_EQ(whole->wait(), "") << i;
  }
}

TEST_F(HttpClientTest, FollowsRedirectsOnlyWhenAsked) {
  start_echo();
  std::string target = echo_url("/there");
  RawServer server([&](RawServer::Peer& peer) {
    while (!peer.read_request().empty())
      peer.send("HTTP/1.1 302 Found\r\nLocation: " + target + "\r\nContent-Length: 4\r\n\r\nhere");
  });
  ClientRequest request = get(server.url());
  EXPECT_EQ(fetch(*client_, request)->status, 302);
  EXPECT_EQ(fetch(*client_, request)->body, "here");
  request.follow_redirects = true;
  EXPECT_EQ(fetch(*client_, request)->body, "GET /there ");
  target = server.url("/again");
  EXPECT_EQ(end_reason(request), "bad_response");
  target = "file:///etc/passwd";
  EXPECT_NE(end_reason(request), "");
}

// A server may close a kept connection at the moment it is used again: without a byte of an answer
// the request goes out once more, on a new connection.
TEST_F(HttpClientTest, AKeptConnectionThatClosedIsReplaced) {
  std::atomic<int> requests{0};
  RawServer server([&](RawServer::Peer& peer) {
    for (int answered = 0; !peer.read_request().empty(); ++answered) {
      ++requests;
      if (answered == 1) return;
      peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    }
  });
  for (int i = 0; i < 3; ++i) {
    ClientRequest request;
    request.url = server.url();
    request.body = "x";
    const auto response = fetch(*client_, request);
    ASSERT_TRUE(response) << response.error().text();
    EXPECT_EQ(response->body, "ok");
  }
  EXPECT_EQ(server.connections(), 3);
  EXPECT_EQ(requests, 5);
}

TEST_F(HttpClientTest, PublicAddressesOnly) {
  start_echo();
  ClientRequest request = get(echo_url());
  EXPECT_EQ(end_reason(request), "");  // now a connection waits in the pool
  request.public_addresses_only = true;
  EXPECT_EQ(end_reason(request), "address_refused");
  request.url = "http://localhost:" + std::to_string(server_->port());
  EXPECT_EQ(end_reason(request), "address_refused");
}

TEST(Address, PublicOrNot) {
  const auto is_public = [](const char* text) {
    sockaddr_in six_or_four{};
    sockaddr_in6 six{};
    six_or_four.sin_family = AF_INET;
    six.sin6_family = AF_INET6;
    if (inet_pton(AF_INET, text, &six_or_four.sin_addr) == 1)
      return is_public_address(reinterpret_cast<const sockaddr&>(six_or_four));
    EXPECT_EQ(inet_pton(AF_INET6, text, &six.sin6_addr), 1) << text;
    return is_public_address(reinterpret_cast<const sockaddr&>(six));
  };
  for (const char* text : {"1.1.1.1", "8.8.8.8", "172.32.0.1", "192.167.1.1", "223.255.255.255",
                           "2606:4700::1111", "2002:0808:0808::1", "::ffff:8.8.8.8"})
    EXPECT_TRUE(is_public(text)) << text;
  for (const char* text : {"0.0.0.0",
                           "10.1.2.3",
                           "100.64.0.1",
                           "127.0.0.1",
                           "169.254.169.254",
                           "172.16.0.1",
                           "172.31.255.255",
                           "192.168.1.1",
                           "198.18.0.1",
                           "224.0.0.1",
                           "255.255.255.255",
                           "::",
                           "::1",
                           "fe80::1",
                           "fd00::1",
                           "ff02::1",
                           "::ffff:127.0.0.1",
                           "64:ff9b::a9fe:a9fe",
                           "2002:7f00:0001::1",
                           "2001:db8::1",
                           "2001::1"})
    EXPECT_FALSE(is_public(text)) << text;
}

TEST_F(HttpClientTest, DestroyedUnderOpenCalls) {
  RawServer server([](RawServer::Peer& peer) {
    peer.read_request();
    peer.wait_for_close();
  });
  const auto sink = std::make_shared<Collector>();
  const std::shared_ptr<ClientCall> call = client_->send(get(server.url()), sink);
  client_.reset();
  EXPECT_EQ(sink->wait(), "cancelled");
  call->cancel();
}

}  // namespace
}  // namespace net
