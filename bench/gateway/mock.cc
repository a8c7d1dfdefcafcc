#include "bench/gateway/mock.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/time.h"

namespace bench {
namespace {

constexpr std::string_view kAnswer =
    R"({"id":"chatcmpl-mock","object":"chat.completion","created":1700000000,"model":"mock",)"
    R"("choices":[{"index":0,"message":{"role":"assistant","content":"Hello from the mock."},)"
    R"("logprobs":null,"finish_reason":"stop"}],)"
    R"("usage":{"prompt_tokens":9,"completion_tokens":12,"total_tokens":21}})";
constexpr std::string_view kChunkStart =
    R"({"id":"chatcmpl-mock","object":"chat.completion.chunk","created":1700000000,"model":"mock",)";
constexpr std::string_view kStreamHead =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";

std::string chunk(std::string_view text) {
  char size[20];
  std::snprintf(size, sizeof size, "%zx\r\n", text.size());
  return std::string(size).append(text).append("\r\n");
}

std::string event(std::string_view rest) {
  return chunk("data: " + std::string(kChunkStart) + std::string(rest) + "\n\n");
}

int64_t number_after(std::string_view text, std::string_view key) {
  size_t at = text.find(key);
  if (at == std::string_view::npos) return 0;
  at = text.find_first_of("0123456789", at + key.size());
  return at == std::string_view::npos ? 0 : std::atoll(text.data() + at);
}

bool is_true(std::string_view text, std::string_view key) {
  const size_t at = text.find(key);
  if (at == std::string_view::npos) return false;
  const size_t value = text.find_first_not_of(": \"", at + key.size());
  return value != std::string_view::npos && text.substr(value, 4) == "true";
}

struct Peer {
  std::string in;
  bool streaming = false, include_usage = false;
  int64_t frames = 0, sent = 0;
};

class Mock {
 public:
  explicit Mock(const MockOptions& options) : options_(options) {}
  int run();

 private:
  struct Due {
    int64_t at_ns;
    int fd;
    uint64_t serial;  // of the peer: a descriptor may be somebody else's by now
  };
  bool listen();
  void accept_all();
  void read_from(int fd);
  void take_requests(int fd);
  void answer(int fd);
  void drop(int fd);
  void send(int fd, std::string_view bytes);
  int64_t run_due(std::deque<Due>* queue);

  const MockOptions options_;
  int epoll_ = -1, listener_ = -1;
  uint64_t next_serial_ = 1;
  std::unordered_map<int, Peer> peers_;
  std::unordered_map<int, uint64_t> serials_;
  std::deque<Due> answers_, frames_;  // each of one delay, so in order
};

bool Mock::listen() {
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(options_.port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int on = 1;
  setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  epoll_ = epoll_create1(EPOLL_CLOEXEC);
  epoll_event want{EPOLLIN, {.fd = listener_}};
  return bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
         ::listen(listener_, 4096) == 0 && epoll_ctl(epoll_, EPOLL_CTL_ADD, listener_, &want) == 0;
}

void Mock::accept_all() {
  for (int fd; (fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    epoll_event want{EPOLLIN, {.fd = fd}};
    epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &want);
    peers_[fd] = {};
    serials_[fd] = next_serial_++;
  }
}

void Mock::drop(int fd) {
  peers_.erase(fd);
  serials_.erase(fd);
  close(fd);
}

void Mock::send(int fd, std::string_view bytes) {
  if (::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL) < 0) drop(fd);
}

void Mock::read_from(int fd) {
  std::array<char, 65536> buffer;
  const ssize_t count = recv(fd, buffer.data(), buffer.size(), 0);
  if (count < 0 && errno == EAGAIN) return;
  if (count <= 0) return drop(fd);
  peers_[fd].in.append(buffer.data(), static_cast<size_t>(count));
  take_requests(fd);
}

// One request at a time: no client here pipelines.
void Mock::take_requests(int fd) {
  Peer& peer = peers_[fd];
  const size_t head = peer.in.find("\r\n\r\n");
  if (head == std::string::npos) return;
  size_t at = peer.in.find("ontent-");  // Content-Length, however it is written
  int64_t length = 0;
  for (; at != std::string::npos && at < head; at = peer.in.find("ontent-", at + 1)) {
    const char c = peer.in[at + 7];
    if (c == 'L' || c == 'l') length = number_after(std::string_view(peer.in).substr(at), ":");
  }
  if (peer.in.size() < head + 4 + static_cast<size_t>(length)) return;
  const std::string_view body = std::string_view(peer.in).substr(head + 4);
  peer.streaming = is_true(body, "\"stream\"");
  peer.include_usage = is_true(body, "\"include_usage\"");
  peer.frames = std::max(number_after(body, "\"max_tokens\""),
                         number_after(body, "\"max_completion_tokens\""));
  peer.sent = 0;
  peer.in.clear();
  answers_.push_back({base::monotonic_ns() + options_.delay_ms * 1'000'000LL, fd, serials_[fd]});
}

void Mock::answer(int fd) {
  Peer& peer = peers_[fd];
  if (!peer.streaming)
    return send(fd, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " +
                        std::to_string(kAnswer.size()) + "\r\n\r\n" + std::string(kAnswer));
  std::string out = peer.sent == 0 ? std::string(kStreamHead) : "";
  if (peer.sent < peer.frames) {
    const std::string content =
        std::to_string(peer.sent) + "@" + std::to_string(base::monotonic_ns()) + " ";
    out += event(R"("choices":[{"index":0,"delta":{"content":")" + content +
                 R"("},"finish_reason":null}]})");
    ++peer.sent;
    frames_.push_back({base::monotonic_ns() + options_.frame_ms * 1'000'000LL, fd, serials_[fd]});
    return send(fd, out);
  }
  out += event(R"("choices":[{"index":0,"delta":{},"finish_reason":"stop"}]})");
  if (peer.include_usage)
    out += event(R"("choices":[],"usage":{"prompt_tokens":9,"completion_tokens":)" +
                 std::to_string(peer.frames) + R"(,"total_tokens":)" +
                 std::to_string(peer.frames + 9) + "}}");
  send(fd, out + chunk("data: [DONE]\n\n") + "0\r\n\r\n");
}

// Does what is due, and returns when the next is.
int64_t Mock::run_due(std::deque<Due>* queue) {
  while (!queue->empty()) {
    const Due due = queue->front();
    if (due.at_ns > base::monotonic_ns()) return due.at_ns;
    queue->pop_front();
    const auto serial = serials_.find(due.fd);
    if (serial != serials_.end() && serial->second == due.serial) answer(due.fd);
  }
  return INT64_MAX;
}

int Mock::run() {
  if (!listen()) {
    std::perror("mock");
    return 74;
  }
  prctl(PR_SET_TIMERSLACK, 1);
  std::puts("ready");
  std::fflush(stdout);
  std::array<epoll_event, 512> events;
  while (true) {
    const int64_t next_ns = std::min(run_due(&answers_), run_due(&frames_));
    const int64_t left_ns = std::max<int64_t>(0, next_ns - base::monotonic_ns());
    const timespec limit{left_ns / 1'000'000'000, left_ns % 1'000'000'000};
    const int count = epoll_pwait2(epoll_, events.data(), static_cast<int>(events.size()),
                                   next_ns == INT64_MAX ? nullptr : &limit, nullptr);
    for (int i = 0; i < count; ++i) {
      const int fd = events[static_cast<size_t>(i)].data.fd;
      if (fd == listener_)
        accept_all();
      else if (peers_.contains(fd))
        read_from(fd);
    }
  }
}

}  // namespace

int run_mock(const MockOptions& options) { return Mock(options).run(); }

}  // namespace bench
