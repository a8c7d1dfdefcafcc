#include "bench/gateway/load.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <optional>

#include "base/time.h"
#include "net/http_chunked.h"

namespace bench {
namespace {

constexpr size_t kBodyBytesMax = 64u << 20;
constexpr int64_t kPatienceNs = 60'000'000'000;  // without any event: the rest counts as failed

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return out;
}

// One answer as it arrives.
class Answer {
 public:
  // Takes bytes; true when the answer is whole.
  bool feed(std::string_view bytes) {
    if (!in_body_) {
      head_.append(bytes);
      const size_t end = head_.find("\r\n\r\n");
      if (end == std::string::npos) return false;
      const std::string rest = head_.substr(end + 4);
      head_.resize(end + 4);
      read_head();
      return feed_body(rest);
    }
    return feed_body(bytes);
  }
  int status() const { return status_; }
  const std::string& body() const { return body_; }
  std::string text() const { return head_ + body_; }

 private:
  void read_head() {
    in_body_ = true;
    status_ = std::atoi(head_.c_str() + std::min<size_t>(9, head_.size()));
    const std::string fields = lower(head_);
    if (fields.find("\r\ntransfer-encoding: chunked") != std::string::npos)
      chunks_.emplace(kBodyBytesMax);
    const size_t at = fields.find("\r\ncontent-length:");
    if (at != std::string::npos) left_ = std::strtoull(fields.c_str() + at + 17, nullptr, 10);
  }
  bool feed_body(std::string_view bytes) {
    if (chunks_) {
      chunks_->feed(bytes, &body_);
      return chunks_->state() != net::ChunkedDecoder::State::More;
    }
    body_.append(bytes);
    return body_.size() >= left_;
  }

  bool in_body_ = false;
  int status_ = 0;
  size_t left_ = 0;
  std::string head_, body_;
  std::optional<net::ChunkedDecoder> chunks_;
};

struct Connection {
  int fd = -1;
  bool active = false;
  int64_t sent_ns = 0, first_ns = 0;
  int64_t next_frame = 0;
  size_t scanned = 0;  // of the answer's body
  Answer answer;
};

class Load {
 public:
  explicit Load(const LoadOptions& options) : options_(options), counted_from_(options.warm_up) {}
  LoadResult run();

 private:
  void connect(Connection* connection);
  void send_next(Connection* connection);
  void read_from(Connection* connection);
  void scan_frames(Connection* connection, int64_t now_ns);
  void finish(Connection* connection, bool whole);
  bool may_start() const;

  const LoadOptions options_;
  const int64_t counted_from_;
  int epoll_ = -1;
  std::string request_;
  std::vector<std::unique_ptr<Connection>> connections_;
  int64_t started_ = 0, active_ = 0, start_ns_ = 0;
  LoadResult result_;
};

std::string request_text(const LoadOptions& options) {
  std::string body = R"({"model":")" + options.model +
                     R"(","messages":[{"role":"user","content":"What is two and two?"}],)" +
                     R"("max_tokens":)" +
                     std::to_string(std::max(options.stream_frames, options.max_tokens)) +
                     (options.stream_frames > 0 ? R"(,"stream":true)" : "") + "}";
  return "POST " + options.path + " HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(options.port) +
         "\r\nContent-Type: application/json\r\n" + options.headers +
         (options.key.empty() ? "" : "Authorization: Bearer " + options.key + "\r\n") +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

void Load::connect(Connection* connection) {
  if (connection->fd >= 0) close(connection->fd);
  connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(options_.port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int on = 1;
  setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (::connect(connection->fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return;
  epoll_event want{EPOLLIN, {.ptr = connection}};
  epoll_ctl(epoll_, EPOLL_CTL_ADD, connection->fd, &want);
}

bool Load::may_start() const {
  if (options_.requests > 0) return started_ < options_.requests + counted_from_;
  return static_cast<double>(base::monotonic_ns() - start_ns_) < options_.seconds * 1e9;
}

void Load::send_next(Connection* connection) {
  if (!may_start()) return;
  if (started_ == counted_from_) start_ns_ = base::monotonic_ns();
  if (started_++ == 0) start_ns_ = base::monotonic_ns();
  connection->answer = {};
  connection->first_ns = 0;
  connection->next_frame = 0;
  connection->scanned = 0;
  connection->active = true;
  ++active_;
  connection->sent_ns = base::monotonic_ns();
  if (::send(connection->fd, request_.data(), request_.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(request_.size()))
    finish(connection, false);
}

// The frames of a stream, in whatever JSON the gateway wraps them: "17@123456789 ".
void Load::scan_frames(Connection* connection, int64_t now_ns) {
  const std::string_view body = connection->answer.body();
  while (true) {
    const size_t at = body.find('@', connection->scanned);
    const size_t end = at == std::string_view::npos ? at : body.find(' ', at);
    if (end == std::string_view::npos) return;
    size_t digits = at;
    while (digits > 0 && body[digits - 1] >= '0' && body[digits - 1] <= '9') --digits;
    int64_t number = -1, sent_ns = 0;
    std::from_chars(body.data() + digits, body.data() + at, number);
    std::from_chars(body.data() + at + 1, body.data() + end, sent_ns);
    connection->scanned = end;
    if (number != connection->next_frame) continue;  // told as lost at the stream's end
    ++connection->next_frame;
    if (connection->first_ns == 0) connection->first_ns = now_ns;
    if (started_ > counted_from_ && number > 0) result_.frame_ns.push_back(now_ns - sent_ns);
  }
}

void Load::finish(Connection* connection, bool whole) {
  const int64_t now_ns = base::monotonic_ns();
  connection->active = false;
  --active_;
  const bool counted = started_ > counted_from_;
  const bool complete = connection->next_frame == options_.stream_frames;
  const bool good = whole && connection->answer.status() == 200 && complete;
  if (counted && good) {
    ++result_.good;
    const int64_t end_ns = options_.stream_frames > 0 ? connection->first_ns : now_ns;
    result_.latency_ns.push_back(end_ns - connection->sent_ns);
    result_.seconds = static_cast<double>(now_ns - start_ns_) / 1e9;
  } else if (!good) {
    ++result_.failed;
    if (result_.first_failure.empty())
      result_.first_failure = connection->answer.text().substr(0, 300);
  }
  result_.frames += connection->next_frame;
  result_.frames_lost += options_.stream_frames - connection->next_frame;
  if (!whole) {
    if (result_.failed > 1000) return;
    connect(connection);
  }
  send_next(connection);
}

void Load::read_from(Connection* connection) {
  std::array<char, 65536> buffer;
  const ssize_t count = recv(connection->fd, buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (count < 0 && errno == EAGAIN) return;
  if (!connection->active) {  // closed by the server between two requests
    if (count <= 0) connect(connection);
    return;
  }
  if (count <= 0) return finish(connection, false);
  const int64_t now_ns = base::monotonic_ns();
  const bool whole = connection->answer.feed({buffer.data(), static_cast<size_t>(count)});
  if (options_.stream_frames > 0) scan_frames(connection, now_ns);
  if (whole) finish(connection, true);
}

LoadResult Load::run() {
  prctl(PR_SET_TIMERSLACK, 1);
  epoll_ = epoll_create1(EPOLL_CLOEXEC);
  request_ = request_text(options_);
  start_ns_ = base::monotonic_ns();
  for (int i = 0; i < options_.connections; ++i) {
    connections_.push_back(std::make_unique<Connection>());
    connect(connections_.back().get());
  }
  for (const auto& connection : connections_) send_next(connection.get());
  std::array<epoll_event, 512> events;
  int64_t last_ns = base::monotonic_ns();
  while (active_ > 0 && base::monotonic_ns() - last_ns < kPatienceNs) {
    const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), 1000);
    if (count > 0) last_ns = base::monotonic_ns();
    for (int i = 0; i < count; ++i)
      read_from(static_cast<Connection*>(events[static_cast<size_t>(i)].data.ptr));
  }
  result_.failed += active_;
  for (const auto& connection : connections_) {
    if (connection->active) result_.frames_lost += options_.stream_frames - connection->next_frame;
    close(connection->fd);
  }
  close(epoll_);
  return std::move(result_);
}

}  // namespace

LoadResult run_load(const LoadOptions& options) { return Load(options).run(); }

int64_t percentile(std::vector<int64_t>* values, double share) {
  if (values->empty()) return 0;
  std::ranges::sort(*values);
  const double rank = std::ceil(share * static_cast<double>(values->size())) - 1;
  return (*values)[static_cast<size_t>(std::max(0.0, rank))];
}

}  // namespace bench
