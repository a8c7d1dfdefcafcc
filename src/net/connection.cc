#include "net/connection.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <vector>

#include "base/log.h"
#include "net/handler_scope.h"
#include "net/http_chunked.h"
#include "net/http_head.h"
#include "net/spool.h"

namespace net {
namespace asio = boost::asio;
using boost::system::error_code;
using Socket = asio::generic::stream_protocol::socket;  // TCP and unix-domain alike

namespace {

constexpr size_t kReadBytes = 16u << 10;
constexpr size_t kPipelineBytesMax = 64u << 10;  // read ahead while an answer is under way
constexpr size_t kLingerBytesMax = 64u << 20;    // of a refused body, read and dropped
constexpr base::Duration kLingerTimeout = base::seconds(3);
constexpr size_t kSpoolBlockBytes = 256u << 10;

std::string body_too_large(const Request& request) {
  return "The request's body is larger than " + std::to_string(request.body_bytes_max) +
         " bytes, the limit of this address.";
}

}  // namespace

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  enum class Next : unsigned char { Handle, NextRequest, Close };

  Connection(Loop& loop, Socket socket, Accepted accepted)
      : loop_(loop),
        socket_(std::move(socket)),
        answered_(*loop.context, asio::steady_timer::time_point::max()),
        accepted_(std::move(accepted)) {
    if (accepted_.tls) tls_.emplace(socket_, *accepted_.tls);
    loop_.connections.insert(this);
    loop_.open.fetch_add(1, std::memory_order_relaxed);
  }
  ~Connection() {
    loop_.connections.erase(this);
    loop_.open.fetch_sub(1, std::memory_order_relaxed);
  }

  asio::awaitable<void> run();
  void tick(int64_t now_ns);
  void drain();
  void close();

 private:
  asio::awaitable<bool> shake_hands();
  asio::awaitable<bool> read_some();
  asio::awaitable<void> close_tls();
  asio::awaitable<bool> read_head(Head* head);
  asio::awaitable<Next> admit_and_read_body(Head* head);
  asio::awaitable<bool> read_body(const Head& head, Request* request);
  asio::awaitable<bool> read_fixed_body(uint64_t length, Request* request);
  asio::awaitable<bool> read_chunked_body(Request* request);
  asio::awaitable<bool> spool_fixed_body(uint64_t length, Request* request);
  asio::awaitable<bool> cannot_spool(const base::Error& error, const Request& request);
  bool spools(const Request& request, uint64_t body_bytes) const;
  void send_continue();
  asio::awaitable<void> watch_until_answered();
  void probe();
  asio::awaitable<void> linger();
  asio::awaitable<bool> refuse(int status, std::string_view message, std::string_view path);
  asio::awaitable<bool> refuse(Response response, std::string method);
  asio::awaitable<void> turn_away(std::string_view path);
  void queue_answer(Response response, std::string method, bool keep_alive);
  void begin_exchange(Request request, bool keep_alive);
  void pump();
  void start_write();
  void written(error_code error, size_t bytes);
  void end_writing();
  void finish_exchange();
  void set_deadline(base::Duration from_now) {
    read_deadline_ns_ = base::monotonic_ns() + from_now.ns;
  }

  Loop& loop_;
  Socket socket_;
  std::optional<asio::ssl::stream<Socket&>> tls_;  // over socket_
  // A condition: cancelled when all has been written, the exchange is over, or the connection.
  asio::steady_timer answered_;
  const Accepted accepted_;

  std::array<char, kReadBytes> read_buffer_;
  std::string in_;                      // read, not yet consumed
  std::shared_ptr<Exchange> exchange_;  // being answered
  std::string writing_, next_;          // at the socket; after it
  size_t written_ = 0;                  // of writing_
  bool write_pending_ = false;
  bool exchange_ended_ = false;
  bool keep_alive_ = true;
  bool closed_ = false;
  bool tls_closed_ = false;
  bool read_ended_ = false;       // by the peer's end or by an error
  bool half_closed_ = false;      // the peer sends nothing more, and perhaps still reads
  int64_t read_deadline_ns_ = 0;  // 0: none
  int64_t write_deadline_ns_ = 0;
  int64_t last_write_ns_ = 0;
};

asio::awaitable<void> Connection::run() {
  const std::shared_ptr<Connection> self = shared_from_this();
  if (tls_ && !co_await shake_hands()) co_return close();
  while (!closed_ && keep_alive_) {
    Head head;
    if (!co_await read_head(&head)) break;
    if (accepted_.one_too_many) {
      co_await turn_away(head.request.path);
      break;
    }
    const Next next = co_await admit_and_read_body(&head);
    if (next == Next::Close) break;
    if (next == Next::NextRequest) continue;
    read_deadline_ns_ = 0;
    loop_.requests.fetch_add(1, std::memory_order_relaxed);
    begin_exchange(std::move(head.request), head.keep_alive && !loop_.draining);
    co_await watch_until_answered();
  }
  if (tls_ && !tls_closed_ && !closed_) co_await close_tls();
  close();
}

asio::awaitable<bool> Connection::shake_hands() {
  set_deadline(loop_.options->head_timeout);
  const auto [error] = co_await tls_->async_handshake(asio::ssl::stream_base::server,
                                                      asio::as_tuple(asio::use_awaitable));
  co_return !error && !closed_;
}

// Says to the peer that nothing more comes, so that it can tell an end from a cut. Asio waits for
// the peer's word as well, without limit: the deadline stands before.
asio::awaitable<void> Connection::close_tls() {
  set_deadline(kLingerTimeout);
  while (write_pending_ && !closed_)
    co_await answered_.async_wait(asio::as_tuple(asio::use_awaitable));
  if (closed_) co_return;
  co_await tls_->async_shutdown(asio::as_tuple(asio::use_awaitable));
}

// Appends what the peer sent to in_. False when nothing more comes, or a deadline has closed the
// connection.
asio::awaitable<bool> Connection::read_some() {
  if (read_ended_) co_return false;  // and no event would ever tell again
  const auto [error, count] =
      tls_ ? co_await tls_->async_read_some(asio::buffer(read_buffer_),
                                            asio::as_tuple(asio::use_awaitable))
           : co_await socket_.async_read_some(asio::buffer(read_buffer_),
                                              asio::as_tuple(asio::use_awaitable));
  in_.append(read_buffer_.data(), count);
  half_closed_ = error == asio::error::eof && !tls_;
  read_ended_ = error && error != asio::error::operation_aborted;
  co_return !error && !closed_;
}

asio::awaitable<bool> Connection::read_head(Head* head) {
  set_deadline(loop_.options->idle_timeout);
  bool begun = false;
  while (true) {
    while (in_.starts_with("\r\n"))
      in_.erase(0, 2);  // RFC 9112 2.2: an empty line before the request line
    if (const size_t length = head_length(in_);
        length > 0 && length <= loop_.options->head_bytes_max) {
      HeadResult result = parse_head(std::string_view(in_).substr(0, length));
      if (result.failure)
        co_return co_await refuse(result.failure->status, result.failure->message, "");
      *head = std::move(*result.head);
      in_.erase(0, length);
      break;
    }
    if (in_.size() > loop_.options->head_bytes_max) {
      co_return co_await refuse(431,
                                "The request's head is larger than " +
                                    std::to_string(loop_.options->head_bytes_max) + " bytes.",
                                "");
    }
    if (!in_.empty() && !begun) {
      begun = true;
      set_deadline(loop_.options->head_timeout);
    }
    if (loop_.draining && in_.empty()) co_return false;
    if (!co_await read_some()) co_return false;
  }
  Request& request = head->request;
  request.remote_address = accepted_.remote_address;
  request.remote_is_loopback = accepted_.remote_is_loopback;
  request.via_unix_socket = accepted_.family == AF_UNIX;
  request.via_tls = tls_.has_value();
  request.received_ns = base::monotonic_ns();
  request.body_bytes_max = loop_.options->body_bytes_max;
  co_return true;
}

asio::awaitable<Connection::Next> Connection::admit_and_read_body(Head* head) {
  Request& request = head->request;
  std::optional<Response> answer = loop_.service->admit(request);
  const bool has_body = head->chunked || head->content_length.value_or(0) > 0;
  if (answer && !has_body && head->keep_alive && !loop_.draining &&
      next_.size() < kPipelineBytesMax) {
    // Nothing of this request is left in the stream, so the connection stays good for the next.
    queue_answer(std::move(*answer), request.method, true);
    co_return Next::NextRequest;
  }
  bool good = true;
  if (answer) {
    good = co_await refuse(std::move(*answer), request.method);
  } else if (head->content_length.value_or(0) > request.body_bytes_max) {
    good = co_await refuse(413, body_too_large(request), request.path);
  } else if (has_body) {
    if (head->expects_continue && in_.empty()) send_continue();
    good = co_await read_body(*head, &request);
  }
  co_return good ? Next::Handle : Next::Close;
}

void Connection::send_continue() {
  next_ += "HTTP/1.1 100 Continue\r\n\r\n";
  pump();
}

asio::awaitable<bool> Connection::read_body(const Head& head, Request* request) {
  if (head.chunked) co_return co_await read_chunked_body(request);
  const uint64_t length = *head.content_length;
  if (spools(*request, length)) co_return co_await spool_fixed_body(length, request);
  co_return co_await read_fixed_body(length, request);
}

bool Connection::spools(const Request& request, uint64_t body_bytes) const {
  return request.spool && body_bytes > loop_.options->spool_bytes_min &&
         !loop_.options->spool_directory.empty();
}

asio::awaitable<bool> Connection::read_fixed_body(uint64_t length, Request* request) {
  while (in_.size() < length) {
    set_deadline(loop_.options->body_timeout);
    if (!co_await read_some()) co_return false;
  }
  if (in_.size() == length) {
    request->body = std::exchange(in_, {});
  } else {
    request->body = in_.substr(0, length);
    in_.erase(0, length);
  }
  co_return true;
}

// The file's pages are the system's to write back when it likes, so the loop waits for no disk
// unless memory is short.
asio::awaitable<bool> Connection::spool_fixed_body(uint64_t length, Request* request) {
  auto file = SpoolFile::create(loop_.options->spool_directory);
  if (!file) co_return co_await cannot_spool(file.error(), *request);
  while (true) {
    const uint64_t left = length - file->size();
    if (in_.size() >= std::min<uint64_t>(left, kSpoolBlockBytes)) {
      const size_t count = static_cast<size_t>(std::min<uint64_t>(left, in_.size()));
      if (const base::Status status = file->append(std::string_view(in_).substr(0, count)); !status)
        co_return co_await cannot_spool(status.error(), *request);
      in_.erase(0, count);
      if (file->size() == length) break;
    }
    set_deadline(loop_.options->body_timeout);
    if (!co_await read_some()) co_return false;
  }
  auto mapped = file->map();
  if (!mapped) co_return co_await cannot_spool(mapped.error(), *request);
  request->spooled = *std::move(mapped);
  co_return true;
}

asio::awaitable<bool> Connection::cannot_spool(const base::Error& error, const Request& request) {
  base::log(base::Level::Error, "a request's body could not be kept", {{"error", error.text()}});
  co_return co_await refuse(503, "The server has no room for the request's body now.",
                            request.path);
}

asio::awaitable<bool> Connection::read_chunked_body(Request* request) {
  ChunkedDecoder decoder(request->body_bytes_max);
  std::optional<SpoolFile> file;
  while (true) {
    in_.erase(0, decoder.feed(in_, &request->body));
    if (decoder.state() == ChunkedDecoder::State::Malformed)
      co_return co_await refuse(400, "The request's body is not well-formed chunks.",
                                request->path);
    if (decoder.state() == ChunkedDecoder::State::TooLarge)
      co_return co_await refuse(413, body_too_large(*request), request->path);
    if (!file && spools(*request, request->body.size())) {
      auto created = SpoolFile::create(loop_.options->spool_directory);
      if (!created) co_return co_await cannot_spool(created.error(), *request);
      file.emplace(*std::move(created));
    }
    const bool done = decoder.state() == ChunkedDecoder::State::Done;
    if (file && (done || request->body.size() >= kSpoolBlockBytes)) {
      if (const base::Status status = file->append(request->body); !status)
        co_return co_await cannot_spool(status.error(), *request);
      request->body.clear();
    }
    if (done) break;
    set_deadline(loop_.options->body_timeout);
    if (!co_await read_some()) co_return false;
  }
  if (!file) co_return true;
  request->body = {};
  auto mapped = file->map();
  if (!mapped) co_return co_await cannot_spool(mapped.error(), *request);
  request->spooled = *std::move(mapped);
  co_return true;
}

asio::awaitable<bool> Connection::refuse(int status, std::string_view message,
                                         std::string_view path) {
  loop_.refusals.fetch_add(1, std::memory_order_relaxed);
  co_return co_await refuse(loop_.service->refuse(status, message, path), "");
}

// Sends the answer as the connection's last, and returns false for the caller to pass on.
asio::awaitable<bool> Connection::refuse(Response response, std::string method) {
  keep_alive_ = false;
  queue_answer(std::move(response), std::move(method), false);
  co_await linger();
  co_return false;
}

asio::awaitable<void> Connection::turn_away(std::string_view path) {
  Response response =
      loop_.service->refuse(503, "The server has too many connections. Try again shortly.", path);
  response.headers.push_back({"retry-after", "1"});
  co_await refuse(std::move(response), "");
}

void Connection::queue_answer(Response response, std::string method, bool keep_alive) {
  Request request;
  request.method = std::move(method);
  Exchange exchange(std::move(request), keep_alive, SIZE_MAX, nullptr);
  exchange.respond(std::move(response));
  exchange.collect(&next_);
  pump();
}

// Closing with unread bytes makes the kernel reset the connection, and the peer may lose the
// answer: so read on for a while, and drop what comes.
asio::awaitable<void> Connection::linger() {
  set_deadline(kLingerTimeout);
  if (tls_) co_await close_tls();
  size_t dropped = 0;
  while (dropped < kLingerBytesMax && !closed_) {
    const auto [error, count] = co_await socket_.async_read_some(
        asio::buffer(read_buffer_), asio::as_tuple(asio::use_awaitable));
    dropped += count;
    if (error) break;
  }
  tls_closed_ = true;
}

void Connection::begin_exchange(Request request, bool keep_alive) {
  asio::io_context* context = loop_.context;
  exchange_ended_ = false;
  last_write_ns_ = base::monotonic_ns();
  auto wake = [weak = weak_from_this(), context] {
    const auto send = [weak] {
      if (const auto connection = weak.lock()) connection->pump();
    };
    if (!HandlerScope::defer(*context, send)) asio::post(*context, send);
  };
  exchange_ = std::make_shared<Exchange>(std::move(request), keep_alive,
                                         loop_.options->queued_bytes_max, std::move(wake));
  loop_.busy.fetch_add(1, std::memory_order_relaxed);
  const HandlerScope scope(*context);
  loop_.service->handle(guard_exchange(exchange_, [service = loop_.service](const Request& of) {
    return service->refuse(500, "The server gave no answer. This is a fault of the server.",
                           of.path);
  }));
}

// While an answer is under way the socket is read as well: that is how a peer that goes away is
// noticed within one step. What a pipelining peer sends meanwhile stays in in_ for the next round,
// up to a limit. (Under TLS no read is left open then: finish_exchange must not have to cancel it.)
//
// A peer that has sent its last byte may have gone, or may still be reading (shutdown(SHUT_WR)):
// TCP tells the two apart only when something is sent to it.
asio::awaitable<void> Connection::watch_until_answered() {
  while (exchange_ && !closed_) {
    if (half_closed_) {
      probe();
      co_await socket_.async_wait(Socket::wait_error, asio::as_tuple(asio::use_awaitable));
      if (exchange_) close();
    } else if (in_.size() < (tls_ ? 1 : kPipelineBytesMax)) {
      const bool more = co_await read_some();
      const bool may_read_on = half_closed_ && exchange_ && exchange_->request().version_minor == 1;
      if (!more && exchange_ && !may_read_on) close();
    } else {
      co_await answered_.async_wait(asio::as_tuple(asio::use_awaitable));
    }
  }
}

// Sends what every client skips; one that has gone answers with a reset.
void Connection::probe() {
  last_write_ns_ = base::monotonic_ns();
  if (exchange_->answered())
    exchange_->write_comment();
  else
    send_continue();
}

// Sends what there is to send, as far as the socket takes it at once; the rest when it takes more.
void Connection::pump() {
  while (!closed_ && !write_pending_) {
    if (exchange_) {
      const Exchange::Stage stage = exchange_->collect(&next_);
      if (stage == Exchange::Stage::Aborted) return close();
      exchange_ended_ = stage == Exchange::Stage::Ended;
    }
    if (writing_.empty() && !next_.empty()) {
      writing_.swap(next_);
      written_ = 0;
    }
    if (writing_.empty()) {
      if (exchange_ && exchange_ended_) finish_exchange();
      return;
    }
    error_code error = asio::error::would_block;
    const auto bytes = asio::buffer(writing_.data() + written_, writing_.size() - written_);
    const size_t count = tls_ ? 0 : socket_.write_some(bytes, error);
    if (error == asio::error::would_block) return start_write();
    written(error, count);
  }
}

void Connection::start_write() {
  write_pending_ = true;
  write_deadline_ns_ = base::monotonic_ns() + loop_.options->write_timeout.ns;
  const auto bytes = asio::buffer(writing_.data() + written_, writing_.size() - written_);
  auto then = [self = shared_from_this()](error_code error, size_t count) {
    self->write_pending_ = false;
    self->write_deadline_ns_ = 0;
    self->written(error, count);
    self->pump();
  };
  if (tls_)
    tls_->async_write_some(bytes, std::move(then));
  else
    socket_.async_write_some(bytes, std::move(then));
}

// Nothing more is sent. Under TLS the coroutine says so, when it has stopped reading.
void Connection::end_writing() {
  error_code ignored;
  if (tls_)
    socket_.cancel(ignored);
  else
    socket_.shutdown(Socket::shutdown_send, ignored);
}

void Connection::written(error_code error, size_t bytes) {
  if (error) return close();
  last_write_ns_ = base::monotonic_ns();
  if (exchange_) exchange_->sent(bytes);
  written_ += bytes;
  if (written_ < writing_.size()) return;
  writing_.clear();
  if (writing_.capacity() > kReadBytes) writing_.shrink_to_fit();
  if (!keep_alive_ && next_.empty() && !exchange_) {
    if (!tls_) end_writing();
    answered_.cancel();
  }
}

void Connection::finish_exchange() {
  keep_alive_ = exchange_->keep_alive() && !loop_.draining;
  exchange_->finished();
  exchange_.reset();
  loop_.busy.fetch_sub(1, std::memory_order_relaxed);
  set_deadline(loop_.options->idle_timeout);
  answered_.cancel();
  if ((!in_.empty() && !tls_) || half_closed_) {
    error_code ignored;
    socket_.cancel(ignored);  // the next request is here already, or none comes: stop waiting
  }
  if (!keep_alive_) {
    end_writing();
    set_deadline(kLingerTimeout);
  }
}

void Connection::tick(int64_t now_ns) {
  const bool late = (read_deadline_ns_ != 0 && now_ns > read_deadline_ns_) ||
                    (write_deadline_ns_ != 0 && now_ns > write_deadline_ns_);
  if (late) return close();
  if (loop_.draining) drain();
  if (exchange_ && now_ns - last_write_ns_ > loop_.options->comment_interval.ns) {
    last_write_ns_ = now_ns;
    if (half_closed_)
      probe();
    else
      exchange_->write_comment();
  }
}

void Connection::drain() {
  if (exchange_)
    exchange_->close_after();
  else if (in_.empty() && !write_pending_ && keep_alive_)
    close();
}

void Connection::close() {
  if (closed_) return;
  closed_ = true;
  error_code ignored;
  socket_.close(ignored);
  answered_.cancel();
  if (const std::shared_ptr<Exchange> exchange = std::exchange(exchange_, nullptr)) {
    loop_.busy.fetch_sub(1, std::memory_order_relaxed);
    exchange->peer_gone();
  }
}

void start_connection(Loop& loop, Accepted accepted) {
  Socket socket(*loop.context);
  error_code error;
  const int protocol = accepted.family == AF_UNIX ? 0 : IPPROTO_TCP;
  socket.assign(asio::generic::stream_protocol(accepted.family, protocol), accepted.fd, error);
  if (error) {
    ::close(accepted.fd);
    return;
  }
  socket.non_blocking(true, error);
  if (accepted.family != AF_UNIX) socket.set_option(asio::ip::tcp::no_delay(true), error);
  auto connection = std::make_shared<Connection>(loop, std::move(socket), std::move(accepted));
  asio::co_spawn(*loop.context, connection->run(), asio::detached);
}

void tick_connections(Loop& loop, int64_t now_ns) {
  const std::vector<Connection*> all(loop.connections.begin(), loop.connections.end());
  for (Connection* connection : all) {
    if (loop.connections.contains(connection)) connection->tick(now_ns);
  }
}

void drain_connections(Loop& loop) {
  loop.draining = true;
  const std::vector<Connection*> all(loop.connections.begin(), loop.connections.end());
  for (Connection* connection : all) {
    if (loop.connections.contains(connection)) connection->drain();
  }
}

void close_connections(Loop& loop) {
  const std::vector<Connection*> all(loop.connections.begin(), loop.connections.end());
  for (Connection* connection : all) {
    if (loop.connections.contains(connection)) connection->close();
  }
}

}  // namespace net
