#include "net/http_server.h"

#include <unistd.h>

#include <atomic>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "base/check.h"
#include "base/log.h"
#include "net/connection.h"

namespace net {
namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

// One event loop and its thread. The context goes before the Loop that its connections refer to.
struct LoopThread {
  Loop loop;
  asio::io_context context{1};
  std::optional<asio::executor_work_guard<asio::io_context::executor_type>> work{
      context.get_executor()};
  asio::steady_timer ticker{context};
  std::thread thread;

  explicit LoopThread(const ServerOptions& options) {
    loop.context = &context;
    loop.options = &options;
  }
};

asio::awaitable<void> tick(LoopThread& thread) {
  while (thread.work) {
    thread.ticker.expires_after(std::chrono::nanoseconds(thread.loop.options->tick.ns));
    co_await thread.ticker.async_wait(asio::as_tuple(asio::use_awaitable));
    tick_connections(thread.loop, base::monotonic_ns());
  }
}

std::string address_text(const std::string& host, uint16_t port) {
  const bool is_ipv6 = host.find(':') != std::string::npos;
  return (is_ipv6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

}  // namespace

struct HttpServer::State {
  explicit State(const ServerOptions& server_options) : options(server_options) {
    for (int i = 0; i < std::max(1, options.threads); ++i)
      loops.push_back(std::make_unique<LoopThread>(options));
    acceptor.emplace(loops[0]->context);
    backoff.emplace(loops[0]->context);
  }

  base::Status bind();
  asio::awaitable<void> accept();
  void adopt(tcp::socket socket, const tcp::endpoint& peer);
  int64_t open() const;
  int64_t busy() const;
  void on_every_loop(void (*action)(Loop&));

  const ServerOptions options;
  std::vector<std::unique_ptr<LoopThread>> loops;
  std::optional<tcp::acceptor> acceptor;      // on the first loop
  std::optional<asio::steady_timer> backoff;  // when the process has no descriptors left
  uint16_t port = 0;
  size_t next_loop = 0;
  std::atomic<int64_t> accepted{0}, refused{0};
  bool started = false;
};

base::Status HttpServer::State::bind() {
  const std::string name = address_text(options.host, options.port);
  error_code error;
  const asio::ip::address address = asio::ip::make_address(options.host, error);
  if (error) {
    return base::fail(base::Code::InvalidArgument,
                      "the address to listen on must be an IP address and a port", name);
  }
  const tcp::endpoint endpoint(address, options.port);
  acceptor->open(endpoint.protocol(), error);
  if (!error) acceptor->set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor->bind(endpoint, error);
  if (!error) acceptor->listen(4096, error);
  if (error == asio::error::address_in_use) {
    return base::fail(base::Code::Unavailable,
                      "the port is in use by another program; stop it, or choose another with "
                      "--listen (port 0 picks "
                      "a free one)",
                      name, "port_in_use");
  }
  if (error == asio::error::access_denied) {
    return base::fail(base::Code::PermissionDenied,
                      "the system does not let this user listen here; ports below 1024 "
                      "need a privilege, choose another with --listen",
                      name);
  }
  if (error) return base::fail(base::Code::Io, "cannot listen: " + error.message(), name);
  port = acceptor->local_endpoint(error).port();
  return {};
}

asio::awaitable<void> HttpServer::State::accept() {
  while (acceptor->is_open()) {
    tcp::endpoint peer;
    auto [error, socket] =
        co_await acceptor->async_accept(peer, asio::as_tuple(asio::use_awaitable));
    if (!error) {
      adopt(std::move(socket), peer);
    } else if (acceptor->is_open() && error != asio::error::connection_aborted) {
      base::log(base::Level::Warn, "a connection could not be accepted",
                {{"error", error.message()}});
      backoff->expires_after(std::chrono::milliseconds(100));
      co_await backoff->async_wait(asio::as_tuple(asio::use_awaitable));
    }
  }
}

void HttpServer::State::adopt(tcp::socket socket, const tcp::endpoint& peer) {
  accepted.fetch_add(1, std::memory_order_relaxed);
  if (open() >= static_cast<int64_t>(options.connections_max)) {
    refused.fetch_add(1, std::memory_order_relaxed);
    return;  // the socket closes
  }
  LoopThread& target = *loops[next_loop++ % loops.size()];
  error_code error;
  const int fd = socket.release(error);
  if (error) return;
  const asio::ip::address address = peer.address();
  asio::post(target.context, [&loop = target.loop, fd, is_ipv6 = address.is_v6(),
                              text = address.to_string(), loopback = address.is_loopback()] {
    if (loop.draining)
      ::close(fd);
    else
      start_connection(loop, fd, is_ipv6, text, loopback);
  });
}

int64_t HttpServer::State::open() const {
  int64_t sum = 0;
  for (const auto& thread : loops) sum += thread->loop.open.load(std::memory_order_relaxed);
  return sum;
}

int64_t HttpServer::State::busy() const {
  int64_t sum = 0;
  for (const auto& thread : loops) sum += thread->loop.busy.load(std::memory_order_relaxed);
  return sum;
}

// Runs `action` on each loop's thread and waits until all have.
void HttpServer::State::on_every_loop(void (*action)(Loop&)) {
  std::mutex mutex;
  std::condition_variable done;
  size_t left = loops.size();
  for (auto& thread : loops) {
    asio::post(thread->context, [&, loop = &thread->loop] {
      action(*loop);
      const std::lock_guard lock(mutex);
      if (--left == 0) done.notify_one();
    });
  }
  std::unique_lock lock(mutex);
  done.wait(lock, [&] { return left == 0; });
}

base::Result<std::unique_ptr<HttpServer>> HttpServer::listen(const ServerOptions& options) {
  auto state = std::make_unique<State>(options);
  TRY_VOID(state->bind());
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(state)));
}

HttpServer::HttpServer(std::unique_ptr<State> state) : state_(std::move(state)) {}
HttpServer::~HttpServer() { stop(); }

uint16_t HttpServer::port() const { return state_->port; }

void HttpServer::start(Service& service) {
  CHECK(!state_->started);
  state_->started = true;
  for (auto& thread : state_->loops) {
    thread->loop.service = &service;
    asio::co_spawn(thread->context, tick(*thread), asio::detached);
  }
  asio::co_spawn(state_->loops[0]->context, state_->accept(), asio::detached);
  for (auto& thread : state_->loops) {
    thread->loop.running = true;
    thread->thread = std::thread([&context = thread->context] { context.run(); });
  }
}

ServerStats HttpServer::stats() const {
  ServerStats stats;
  stats.connections_open = state_->open();
  stats.connections_accepted = state_->accepted.load(std::memory_order_relaxed);
  stats.connections_refused = state_->refused.load(std::memory_order_relaxed);
  for (const auto& thread : state_->loops) {
    stats.requests += thread->loop.requests.load(std::memory_order_relaxed);
    stats.refusals += thread->loop.refusals.load(std::memory_order_relaxed);
  }
  return stats;
}

bool HttpServer::drain(base::Duration limit) {
  if (!state_->started) return true;
  asio::post(state_->loops[0]->context, [this] {
    error_code ignored;
    state_->acceptor->close(ignored);
  });
  state_->on_every_loop(drain_connections);
  const int64_t deadline_ns = base::monotonic_ns() + limit.ns;
  while (state_->busy() > 0 && base::monotonic_ns() < deadline_ns) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return state_->busy() == 0;
}

void HttpServer::stop() {
  if (!state_->started || !state_->loops[0]->thread.joinable()) return;
  asio::post(state_->loops[0]->context, [this] {
    error_code ignored;
    state_->acceptor->close(ignored);
    state_->backoff->cancel();
  });
  state_->on_every_loop([](Loop& loop) {
    loop.draining = true;
    close_connections(loop);
    for (const auto& action : loop.at_stop) action();
  });
  for (auto& thread : state_->loops) {
    asio::post(thread->context, [t = thread.get()] {
      t->work.reset();
      t->ticker.cancel();
    });
  }
  for (auto& thread : state_->loops) {
    thread->thread.join();
    thread->loop.running = false;
  }
}

std::vector<Loop*> HttpServer::loops() {
  std::vector<Loop*> out;
  for (auto& thread : state_->loops) out.push_back(&thread->loop);
  return out;
}

}  // namespace net
