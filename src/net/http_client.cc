#include "net/http_client.h"

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

#include "base/check.h"
#include "net/client_loop.h"
#include "net/connection.h"
#include "net/http_server.h"

namespace net {
namespace asio = boost::asio;

namespace {

base::Status init_curl() {
  static const CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (code == CURLE_OK) return {};
  return base::fail(base::Code::Internal, "the HTTP client's library does not start");
}

struct OwnThread {
  asio::io_context context{1};
  std::optional<asio::executor_work_guard<asio::io_context::executor_type>> work{
      context.get_executor()};
  std::thread thread;
};

}  // namespace

struct HttpClient::State {
  std::vector<std::unique_ptr<OwnThread>> threads;  // of start()
  std::vector<Loop*> server_loops;                  // of attach(), one for each of `loops`
  std::vector<std::shared_ptr<ClientLoop>> loops;
  std::atomic<size_t> next{0};

  bool runs(size_t index) const { return server_loops.empty() || server_loops[index]->running; }
};

base::Result<std::unique_ptr<HttpClient>> HttpClient::start(const ClientOptions& options) {
  TRY_VOID(init_curl());
  auto state = std::make_unique<State>();
  for (int i = 0; i < std::max(1, options.threads); ++i) {
    auto own = std::make_unique<OwnThread>();
    state->loops.push_back(std::make_shared<ClientLoop>(own->context, options));
    own->thread = std::thread([&context = own->context] { context.run(); });
    state->threads.push_back(std::move(own));
  }
  return std::unique_ptr<HttpClient>(new HttpClient(std::move(state)));
}

base::Result<std::unique_ptr<HttpClient>> HttpClient::attach(HttpServer& server,
                                                             const ClientOptions& options) {
  TRY_VOID(init_curl());
  auto state = std::make_unique<State>();
  state->server_loops = server.loops();
  for (Loop* loop : state->server_loops) {
    auto client_loop = std::make_shared<ClientLoop>(*loop->context, options);
    loop->at_stop.push_back([weak = std::weak_ptr<ClientLoop>(client_loop)] {
      if (const auto kept = weak.lock()) kept->stop();
    });
    state->loops.push_back(std::move(client_loop));
  }
  return std::unique_ptr<HttpClient>(new HttpClient(std::move(state)));
}

HttpClient::HttpClient(std::unique_ptr<State> state) : state_(std::move(state)) {}

HttpClient::~HttpClient() {
  std::mutex mutex;
  std::condition_variable done;
  size_t left = state_->loops.size();
  const auto stop_one = [&](ClientLoop& loop) {
    loop.stop();
    const std::lock_guard lock(mutex);
    if (--left == 0) done.notify_one();
  };
  for (size_t i = 0; i < state_->loops.size(); ++i) {
    ClientLoop* loop = state_->loops[i].get();
    if (state_->runs(i))
      asio::post(loop->context(), [&, loop] { stop_one(*loop); });
    else
      stop_one(*loop);
  }
  std::unique_lock lock(mutex);
  done.wait(lock, [&] { return left == 0; });
  for (const auto& own : state_->threads) {
    own->work.reset();
    own->thread.join();
  }
}

std::shared_ptr<ClientCall> HttpClient::send(ClientRequest request,
                                             std::shared_ptr<ClientSink> sink) {
  CHECK(sink);
  ClientLoop* chosen = nullptr;
  for (const auto& loop : state_->loops) {
    if (loop->on_thread()) chosen = loop.get();
  }
  if (!chosen)
    chosen =
        state_->loops[state_->next.fetch_add(1, std::memory_order_relaxed) % state_->loops.size()]
            .get();
  auto call = std::make_shared<Call>(*chosen, std::move(request), std::move(sink));
  chosen->send(call);
  return call;
}

ClientStats HttpClient::stats() const {
  ClientStats stats;
  for (const auto& loop : state_->loops) {
    stats.calls += loop->calls();
    stats.calls_open += loop->calls_open();
    stats.connections_opened += loop->connections_opened();
  }
  return stats;
}

std::string_view ClientResponse::header(std::string_view lower_case_name) const {
  for (const Header& header : headers) {
    if (header.name == lower_case_name) return header.value;
  }
  return {};
}

namespace {

class FetchSink final : public ClientSink {
 public:
  void head(int status, const std::vector<Header>& headers) override {
    response_.status = status;
    response_.headers = headers;
  }
  void data(std::string_view bytes) override { response_.body += bytes; }
  void end(const base::Status& status) override {
    const std::lock_guard lock(mutex_);
    status_ = status;
    ended_.notify_one();
  }
  base::Result<ClientResponse> wait() {
    std::unique_lock lock(mutex_);
    ended_.wait(lock, [this] { return status_.has_value(); });
    TRY_VOID(*status_);
    return std::move(response_);
  }

 private:
  std::mutex mutex_;
  std::condition_variable ended_;
  std::optional<base::Status> status_;
  ClientResponse response_;
};

}  // namespace

base::Result<ClientResponse> fetch(HttpClient& client, ClientRequest request) {
  const auto sink = std::make_shared<FetchSink>();
  client.send(std::move(request), sink);
  return sink->wait();
}

}  // namespace net
