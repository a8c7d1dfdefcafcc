#include "net/http_server.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
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
#include "net/listen.h"
#include "net/tls.h"

namespace net {
namespace asio = boost::asio;
using boost::system::error_code;

namespace {

// Connections over the limit that are told so, at a time; more are closed without a word.
constexpr int64_t kTurnedAwayMax = 256;

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

// `Protocol` has no acceptor of its own: this one takes TCP and unix-domain sockets alike.
using Acceptor = asio::basic_socket_acceptor<asio::generic::stream_protocol>;

struct Listener {
  Acceptor acceptor;           // on the first loop
  asio::steady_timer backoff;  // when the process has no descriptors left
  int family = 0;
  uint16_t port = 0;
  bool tls = false;

  void close() {
    error_code ignored;
    acceptor.close(ignored);
    backoff.cancel();
  }
};

}  // namespace

struct HttpServer::State {
  explicit State(const ServerOptions& server_options) : options(server_options) {
    for (int i = 0; i < std::max(1, options.threads); ++i)
      loops.push_back(std::make_unique<LoopThread>(options));
  }
  ~State() {
    if (has_unix_file) ::unlink(options.unix_socket.c_str());
  }

  base::Status bind();
  base::Status add_listener(base::Result<Listening> listening, bool tls);
  asio::awaitable<void> accept(Listener& listener);
  void adopt(int fd, const Listener& listener, const Acceptor::endpoint_type& peer);
  void close_listeners();
  int64_t open() const;
  int64_t busy() const;
  void on_every_loop(void (*action)(Loop&));

  const ServerOptions options;
  std::vector<std::unique_ptr<LoopThread>> loops;
  std::vector<std::unique_ptr<Listener>> listeners;
  bool has_unix_file = false;
  std::mutex tls_mutex;
  std::shared_ptr<asio::ssl::context> tls;  // under tls_mutex
  size_t next_loop = 0;
  std::atomic<int64_t> accepted{0}, refused{0};
  bool started = false;
};

base::Status HttpServer::State::add_listener(base::Result<Listening> listening, bool with_tls) {
  TRY_VOID(listening);
  asio::io_context& context = loops[0]->context;
  auto listener =
      std::make_unique<Listener>(Listener{Acceptor(context), asio::steady_timer(context),
                                          listening->family, listening->port, with_tls});
  error_code error;
  const int protocol = listening->family == AF_UNIX ? 0 : IPPROTO_TCP;
  listener->acceptor.assign(asio::generic::stream_protocol(listening->family, protocol),
                            listening->fd, error);
  if (error) {
    ::close(listening->fd);
    return base::fail(base::Code::Io, "cannot listen: " + error.message());
  }
  listeners.push_back(std::move(listener));
  return {};
}

base::Status HttpServer::State::bind() {
  std::vector<TcpAddress> addresses = options.more_addresses;
  if (!options.host.empty())
    addresses.insert(addresses.begin(), {options.host, options.port, options.tls});
  if (std::ranges::any_of(addresses, &TcpAddress::tls)) {
    TRY(tls, load_tls(options.certificate_file, options.key_file));
  }
  for (const TcpAddress& address : addresses)
    TRY_VOID(add_listener(listen_tcp(address.host, address.port), address.tls));
  if (options.unix_socket.empty()) return {};
  TRY_VOID(add_listener(listen_unix(options.unix_socket), false));
  has_unix_file = true;
  return {};
}

asio::awaitable<void> HttpServer::State::accept(Listener& listener) {
  while (listener.acceptor.is_open()) {
    Acceptor::endpoint_type peer;
    auto [error, socket] =
        co_await listener.acceptor.async_accept(peer, asio::as_tuple(asio::use_awaitable));
    if (!error) {
      const int fd = socket.release(error);
      if (!error) adopt(fd, listener, peer);
    } else if (listener.acceptor.is_open() && error != asio::error::connection_aborted) {
      base::log(base::Level::Warn, "a connection could not be accepted",
                {{"error", error.message()}});
      listener.backoff.expires_after(std::chrono::milliseconds(100));
      co_await listener.backoff.async_wait(asio::as_tuple(asio::use_awaitable));
    }
  }
}

void HttpServer::State::adopt(int fd, const Listener& listener,
                              const Acceptor::endpoint_type& peer) {
  accepted.fetch_add(1, std::memory_order_relaxed);
  const int64_t limit = static_cast<int64_t>(options.connections_max), now_open = open();
  if (now_open >= limit) {
    refused.fetch_add(1, std::memory_order_relaxed);
    if (now_open >= limit + kTurnedAwayMax) {
      ::close(fd);
      return;
    }
  }
  PeerName name = name_peer(peer.data(), peer.size());
  Accepted taken{fd,      listener.family,  std::move(name.address), name.is_loopback,
                 nullptr, now_open >= limit};
  if (listener.tls) {
    const std::lock_guard lock(tls_mutex);
    taken.tls = tls;
  }
  LoopThread& target = *loops[next_loop++ % loops.size()];
  asio::post(target.context, [&loop = target.loop, taken = std::move(taken)]() mutable {
    if (loop.draining)
      ::close(taken.fd);
    else
      start_connection(loop, std::move(taken));
  });
}

// On the first loop's thread, once that runs.
void HttpServer::State::close_listeners() {
  for (const auto& listener : listeners) listener->close();
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

uint16_t HttpServer::port() const { return state_->listeners[0]->port; }

std::vector<uint16_t> HttpServer::ports() const {
  std::vector<uint16_t> out;
  for (const auto& listener : state_->listeners) {
    if (listener->family != AF_UNIX) out.push_back(listener->port);
  }
  return out;
}

base::Status HttpServer::reload_tls() {
  TRY(auto fresh, load_tls(state_->options.certificate_file, state_->options.key_file));
  const std::lock_guard lock(state_->tls_mutex);
  state_->tls = std::move(fresh);
  return {};
}

void HttpServer::start(Service& service) {
  CHECK(!state_->started);
  state_->started = true;
  for (auto& thread : state_->loops) {
    thread->loop.service = &service;
    asio::co_spawn(thread->context, tick(*thread), asio::detached);
  }
  for (const auto& listener : state_->listeners)
    asio::co_spawn(state_->loops[0]->context, state_->accept(*listener), asio::detached);
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
  asio::post(state_->loops[0]->context, [this] { state_->close_listeners(); });
  state_->on_every_loop(drain_connections);
  const int64_t deadline_ns = base::monotonic_ns() + limit.ns;
  while (state_->busy() > 0 && base::monotonic_ns() < deadline_ns) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return state_->busy() == 0;
}

void HttpServer::stop() {
  if (!state_->started || !state_->loops[0]->thread.joinable()) return;
  asio::post(state_->loops[0]->context, [this] { state_->close_listeners(); });
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
