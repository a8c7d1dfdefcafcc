#include "net/client_loop.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <chrono>
#include <utility>

#include "base/check.h"
#include "net/handler_scope.h"

namespace net {
namespace asio = boost::asio;
using boost::system::error_code;

namespace {

constexpr int64_t kTickNs = 20'000'000;  // how exactly the calls' deadlines are kept
constexpr size_t kSpareHandlesMax = 256;

// The file behind a descriptor; 0 when it is closed.
ino_t inode_of(int fd) {
  struct stat info{};
  return fstat(fd, &info) == 0 ? info.st_ino : 0;
}

// Sockets of curl's resolver are pairs of its own.
bool is_pair(int fd) {
  int domain = AF_UNIX;
  socklen_t size = sizeof domain;
  return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) != 0 || domain == AF_UNIX;
}

}  // namespace

// A socket that curl asked to wait for. It stays registered with Asio between two requests. Curl
// closes a connection that was never established without a word, and its number may at once be
// another socket's: the inode tells.
struct ClientLoop::Socket {
  explicit Socket(asio::io_context& context) : descriptor(context) {}
  asio::posix::stream_descriptor descriptor;
  ClientLoop* loop = nullptr;  // null once forgotten
  ino_t inode = 0;
  int want = 0;  // CURL_POLL_*
  bool pair = false;
  bool reading = false, writing = false;  // a wait is under way
};

ClientLoop::ClientLoop(asio::io_context& context, const ClientOptions& options)
    : context_(context), multi_(curl_multi_init()), timer_(context) {
  CHECK(multi_);
  curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &ClientLoop::socket_changed);
  curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
  curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &ClientLoop::timer_changed);
  curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
  curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, static_cast<long>(options.idle_connections_max));
}

ClientLoop::~ClientLoop() { CHECK(stopped_); }

void ClientLoop::send(std::shared_ptr<Call> call) {
  calls_.fetch_add(1, std::memory_order_relaxed);
  std::unique_lock lock(mutex_);
  if (stopped_) {
    lock.unlock();
    call->end(call->cancelled_status());
    return;
  }
  calls_open_.fetch_add(1, std::memory_order_relaxed);
  if (on_thread()) {
    lock.unlock();
    begin(std::move(call));
  } else {
    asio::post(context_, [self = shared_from_this(), call = std::move(call)]() mutable {
      const HandlerScope scope(self->context_);
      self->begin(std::move(call));
    });
  }
}

void ClientLoop::begin(std::shared_ptr<Call> call) {
  open_.emplace(call.get(), call);
  begun_.push_back(std::move(call));
  wake();
}

// Curl is never called by a sink, nor before send() has returned.
void ClientLoop::wake() {
  if (std::exchange(drive_coming_, true)) return;
  const auto come = [self = shared_from_this()] {
    self->drive_coming_ = false;
    const HandlerScope scope(self->context_);
    if (!self->stopped_) self->drive();
  };
  if (!HandlerScope::defer(context_, come)) asio::post(context_, come);
}

void ClientLoop::drive() {
  for (const std::shared_ptr<Call>& call : std::exchange(cancelled_inside_, {}))
    finish(*call, call->cancelled_status());
  while (!begun_.empty()) {
    for (const std::shared_ptr<Call>& call : std::exchange(begun_, {})) add(*call);
    act(CURL_SOCKET_TIMEOUT, 0);
  }
  arm_timer();
}

void ClientLoop::add(Call& call) {
  if (!open_.contains(&call)) return;  // cancelled before it began
  CURL* easy = nullptr;
  if (!spare_.empty()) {
    easy = spare_.back();
    spare_.pop_back();
  } else {
    easy = curl_easy_init();
    CHECK(easy);
    Call::prepare(easy, *this);
  }
  if (const base::Status status = call.set_up(easy); !status) return finish(call, status);
  ++inside_;
  CHECK(curl_multi_add_handle(multi_, easy) == CURLM_OK);
  --inside_;
  call.set_added();
}

void ClientLoop::cancel(Call& call) {
  if (inside_ == 0) return finish(call, call.cancelled_status());
  cancelled_inside_.push_back(call.shared_from_this());
  wake();
}

// Tells curl about a socket or a timeout, and ends the calls that are done by it.
void ClientLoop::act(curl_socket_t fd, int mask) {
  int running = 0;
  ++inside_;
  curl_multi_socket_action(multi_, fd, mask, &running);
  while (std::exchange(curl_due_, false))
    curl_multi_socket_action(multi_, CURL_SOCKET_TIMEOUT, 0, &running);
  --inside_;
  finish_done();
}

void ClientLoop::finish_done() {
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    const CURLcode code = message->data.result;  // the message goes with its handle
    void* pointer = nullptr;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &pointer);
    Call& call = *static_cast<Call*>(pointer);
    finish(call, call.status_of(code));
  }
}

void ClientLoop::finish(Call& call, const base::Status& status) {
  const auto at = open_.find(&call);
  if (at == open_.end()) return;
  const std::shared_ptr<Call> kept = std::move(at->second);
  open_.erase(at);
  if (CURL* easy = call.release_easy()) {
    if (call.added()) {
      ++inside_;
      curl_multi_remove_handle(multi_, easy);
      --inside_;
    }
    if (call.is_special()) {
      curl_easy_reset(easy);
      Call::prepare(easy, *this);
    }
    if (spare_.size() < kSpareHandlesMax)
      spare_.push_back(easy);
    else
      curl_easy_cleanup(easy);
  }
  calls_open_.fetch_sub(1, std::memory_order_relaxed);
  call.end(status);
}

void ClientLoop::check_deadlines(int64_t now_ns) {
  std::vector<std::pair<std::shared_ptr<Call>, base::Status>> late;
  for (const auto& [call, kept] : open_) {
    base::Status status =
        call->is_cancelled() ? call->cancelled_status() : call->check_deadline(now_ns);
    if (!status) late.emplace_back(kept, std::move(status));
  }
  for (const auto& [call, status] : late) finish(*call, status);
}

int ClientLoop::timer_changed(CURLM*, long timeout_ms, void* self) {
  auto& loop = *static_cast<ClientLoop*>(self);
  loop.curl_due_ = timeout_ms == 0;
  loop.curl_deadline_ns_ = timeout_ms > 0 ? base::monotonic_ns() + timeout_ms * 1'000'000 : 0;
  return 0;
}

// The timer is only ever moved to an earlier time: most of curl's timeouts never come, and moving
// it costs a system call.
void ClientLoop::arm_timer() {
  int64_t next_ns = curl_deadline_ns_;
  if (!open_.empty()) {
    const int64_t tick_ns = base::monotonic_ns() + kTickNs;
    next_ns = next_ns == 0 ? tick_ns : std::min(next_ns, tick_ns);
  }
  if (next_ns == 0 || (timer_ns_ != 0 && timer_ns_ <= next_ns)) return;
  timer_ns_ = next_ns;
  timer_.expires_at(std::chrono::steady_clock::time_point(std::chrono::nanoseconds(next_ns)));
  timer_.async_wait([self = shared_from_this()](error_code error) {
    if (!error && !self->stopped_) self->on_timer();
  });
}

void ClientLoop::on_timer() {
  const HandlerScope scope(context_);
  timer_ns_ = 0;
  const int64_t now_ns = base::monotonic_ns();
  if (curl_deadline_ns_ != 0 && now_ns >= curl_deadline_ns_) {
    curl_deadline_ns_ = 0;
    act(CURL_SOCKET_TIMEOUT, 0);
  }
  check_deadlines(now_ns);
  arm_timer();
}

curl_socket_t ClientLoop::open_socket(const curl_sockaddr& address) {
  const int fd =
      ::socket(address.family, address.socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, address.protocol);
  if (fd < 0) return CURL_SOCKET_BAD;
  connections_.fetch_add(1, std::memory_order_relaxed);
  return fd;
}

int ClientLoop::close_socket(void* self, curl_socket_t fd) {
  static_cast<ClientLoop*>(self)->forget(fd, true);
  return 0;
}

std::shared_ptr<ClientLoop::Socket> ClientLoop::make_socket(curl_socket_t fd) {
  auto socket = std::make_shared<Socket>(context_);
  error_code error;
  socket->descriptor.assign(fd, error);
  if (error) return nullptr;
  socket->loop = this;
  socket->inode = inode_of(fd);
  socket->pair = is_pair(fd);
  sockets_[fd] = socket;
  return socket;
}

void ClientLoop::forget(curl_socket_t fd, bool close) {
  const auto at = sockets_.find(fd);
  if (at == sockets_.end()) {
    if (close) ::close(fd);
    return;
  }
  const std::shared_ptr<Socket> socket = std::move(at->second);
  sockets_.erase(at);
  socket->loop = nullptr;
  error_code ignored;
  if (close)
    socket->descriptor.close(ignored);
  else
    socket->descriptor.release();
}

int ClientLoop::socket_changed(CURL*, curl_socket_t fd, int what, void* self, void*) {
  auto& loop = *static_cast<ClientLoop*>(self);
  const auto at = loop.sockets_.find(fd);
  std::shared_ptr<Socket> socket = at == loop.sockets_.end() ? nullptr : at->second;
  const bool over = what == CURL_POLL_REMOVE;
  if (socket && (inode_of(fd) != socket->inode || (over && socket->pair))) {
    loop.forget(fd, false);
    socket = nullptr;
  }
  if (over) {
    if (socket) socket->want = 0;
    return 0;
  }
  if (!socket) socket = loop.make_socket(fd);
  if (!socket) return -1;
  socket->want = what;
  loop.wait(socket);
  return 0;
}

void ClientLoop::wait(const std::shared_ptr<Socket>& socket) {
  using asio::posix::descriptor_base;
  if ((socket->want & CURL_POLL_IN) != 0 && !socket->reading) {
    socket->reading = true;
    socket->descriptor.async_wait(descriptor_base::wait_read, [socket](error_code) {
      socket->reading = false;
      if (socket->loop) socket->loop->ready(socket, CURL_CSELECT_IN);
    });
  }
  if ((socket->want & CURL_POLL_OUT) != 0 && !socket->writing) {
    socket->writing = true;
    socket->descriptor.async_wait(descriptor_base::wait_write, [socket](error_code) {
      socket->writing = false;
      if (socket->loop) socket->loop->ready(socket, CURL_CSELECT_OUT);
    });
  }
}

// Waits on, for the socket that has this number now.
void ClientLoop::wait_again(const std::shared_ptr<Socket>& socket) {
  if (!socket->loop || socket->want == 0) return;
  const int fd = socket->descriptor.native_handle(), want = socket->want;
  if (inode_of(fd) == socket->inode) return wait(socket);
  forget(fd, false);
  if (const std::shared_ptr<Socket> next = make_socket(fd)) {
    next->want = want;
    wait(next);
  }
}

// An error of the wait is a socket that curl will find broken by itself.
void ClientLoop::ready(const std::shared_ptr<Socket>& socket, int mask) {
  const std::shared_ptr<ClientLoop> self = shared_from_this();
  const bool wanted =
      (socket->want & (mask == CURL_CSELECT_IN ? CURL_POLL_IN : CURL_POLL_OUT)) != 0;
  const HandlerScope scope(context_);
  if (!wanted) return;  // of an idle connection: curl looks at it before it uses it again
  act(socket->descriptor.native_handle(), mask);
  wait_again(socket);
  arm_timer();
}

void ClientLoop::stop() {
  const std::shared_ptr<ClientLoop> self = shared_from_this();
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) return;
    stopped_ = true;
  }
  begun_.clear();
  while (!open_.empty()) {
    const std::shared_ptr<Call> call = open_.begin()->second;
    finish(*call, call->cancelled_status());
  }
  for (CURL* easy : spare_) curl_easy_cleanup(easy);
  spare_.clear();
  curl_multi_cleanup(multi_);
  multi_ = nullptr;
  while (!sockets_.empty()) forget(sockets_.begin()->first, false);
  timer_.cancel();
}

}  // namespace net
