#include "net/exchange.h"

#include <algorithm>
#include <charconv>
#include <ctime>
#include <utility>

#include "base/check.h"
#include "base/time.h"

namespace net {
namespace {

constexpr size_t kMappedPieceBytes = 256u << 10;

void append_field(std::string* out, std::string_view name, std::string_view value) {
  // A value that came from a request (a model's name, a path) must not begin a new line.
  CHECK(value.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos);
  out->append(name).append(": ").append(value).append("\r\n");
}

// Written once a second by each thread.
std::string_view http_date() {
  thread_local std::time_t written = -1;
  thread_local char text[40];
  thread_local size_t length = 0;
  const auto seconds = static_cast<std::time_t>(base::system_now().seconds());
  if (seconds != written) {
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    length = std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
    written = seconds;
  }
  return {text, length};
}

void append_chunk(std::string* out, std::string_view bytes) {
  char size[20];
  const auto [end, error] = std::to_chars(size, size + sizeof size, bytes.size(), 16);
  CHECK(error == std::errc());
  out->append(size, end).append("\r\n").append(bytes).append("\r\n");
}

}  // namespace

Exchange::Exchange(Request request, bool keep_alive, size_t queued_bytes_max,
                   std::function<void()> wake)
    : request_(std::move(request)),
      queued_bytes_max_(queued_bytes_max),
      wake_(std::move(wake)),
      keep_alive_(keep_alive) {}

void Exchange::wake_locked() {
  if (woken_ || !wake_) return;
  woken_ = true;
  wake_();
}

void Exchange::append_head(const Response& response, bool streamed) {
  outbox_ += "HTTP/1.1 " + std::to_string(response.status) + ' ';
  outbox_.append(status_text(response.status)).append("\r\n");
  append_field(&outbox_, "date", http_date());
  for (const Header& header : response.headers) append_field(&outbox_, header.name, header.value);
  const bool bodyless = response.status == 204 || response.status == 304;
  if (streamed) {
    chunked_ = request_.version_minor == 1;
    if (chunked_)
      append_field(&outbox_, "transfer-encoding", "chunked");
    else
      keep_alive_ = false;  // HTTP/1.0 knows no chunks: the connection's end is the answer's end
  } else if (!bodyless) {
    const size_t bytes =
        response.mapped_body ? response.mapped_body->bytes().size() : response.body.size();
    append_field(&outbox_, "content-length", std::to_string(bytes));
  }
  if (!keep_alive_) append_field(&outbox_, "connection", "close");
  outbox_ += "\r\n";
}

void Exchange::respond(Response response) {
  const std::lock_guard lock(mutex_);
  CHECK(stage_ == Stage::Waiting);
  stage_ = Stage::Ended;
  if (closed()) return;
  append_head(response, false);
  if (request_.method != "HEAD" && response.status != 204 && response.status != 304) {
    outbox_ += response.body;
    if (response.mapped_body) mapped_rest_ = response.mapped_body->bytes();
    mapped_body_ = std::move(response.mapped_body);
  }
  queued_bytes_ = outbox_.size();
  wake_locked();
}

void Exchange::begin_stream(Response head) {
  const std::lock_guard lock(mutex_);
  CHECK(stage_ == Stage::Waiting);
  stage_ = Stage::Streaming;
  if (closed()) return;
  for (const Header& header : head.headers) {
    event_stream_ |= header.name == "content-type" && header.value.starts_with("text/event-stream");
  }
  append_head(head, true);
  queued_bytes_ = outbox_.size();
  wake_locked();
}

bool Exchange::write(std::string_view bytes) {
  const std::lock_guard lock(mutex_);
  CHECK(stage_ == Stage::Streaming || stage_ == Stage::Aborted);
  if (closed() || stage_ == Stage::Aborted) return false;
  if (bytes.empty() || request_.method == "HEAD") return true;
  if (queued_bytes_ + bytes.size() > queued_bytes_max_) {
    stage_ = Stage::Aborted;
    wake_locked();
    return false;
  }
  const size_t before = outbox_.size();
  if (chunked_)
    append_chunk(&outbox_, bytes);
  else
    outbox_ += bytes;
  queued_bytes_ += outbox_.size() - before;
  wake_locked();
  return true;
}

void Exchange::write_comment() {
  {
    const std::lock_guard lock(mutex_);
    if (stage_ != Stage::Streaming || !event_stream_ || queued_bytes_ > 0) return;
  }
  write(": keep-alive\n\n");
}

void Exchange::end() {
  const std::lock_guard lock(mutex_);
  if (stage_ == Stage::Aborted) return;
  CHECK(stage_ == Stage::Streaming);
  stage_ = Stage::Ended;
  if (closed()) return;
  if (chunked_ && request_.method != "HEAD") outbox_ += "0\r\n\r\n";
  wake_locked();
}

void Exchange::abort() {
  const std::lock_guard lock(mutex_);
  if (stage_ == Stage::Ended) return;
  stage_ = Stage::Aborted;
  wake_locked();
}

void Exchange::on_close(std::function<void()> callback) {
  {
    const std::lock_guard lock(mutex_);
    if (!closed()) {
      if (!finished_) on_close_ = std::move(callback);
      return;
    }
  }
  callback();
}

bool Exchange::answered() const {
  const std::lock_guard lock(mutex_);
  return stage_ != Stage::Waiting;
}

Exchange::Stage Exchange::collect(std::string* out) {
  const std::lock_guard lock(mutex_);
  woken_ = false;
  out->append(outbox_);
  outbox_.clear();
  if (queued_bytes_ < kMappedPieceBytes && !mapped_rest_.empty()) {
    const std::string_view piece = mapped_rest_.substr(0, kMappedPieceBytes);
    out->append(piece);
    queued_bytes_ += piece.size();
    mapped_rest_.remove_prefix(piece.size());
  }
  return mapped_rest_.empty() ? stage_ : Stage::Streaming;
}

void Exchange::sent(size_t bytes) {
  std::function<void()> callback;
  {
    const std::lock_guard lock(mutex_);
    queued_bytes_ -= std::min(bytes, queued_bytes_);
    if (queued_bytes_ <= queued_bytes_max_ / 2) callback = on_room_;
  }
  if (callback) callback();
}

size_t Exchange::room() const {
  const std::lock_guard lock(mutex_);
  return queued_bytes_max_ - std::min(queued_bytes_, queued_bytes_max_);
}

void Exchange::on_room(std::function<void()> callback) {
  const std::lock_guard lock(mutex_);
  if (!closed() && !finished_) on_room_ = std::move(callback);
}

void Exchange::peer_gone() {
  std::function<void()> callback, dropped;  // whose end may want the lock
  {
    const std::lock_guard lock(mutex_);
    if (closed()) return;
    closed_.store(true, std::memory_order_relaxed);
    wake_ = nullptr;
    dropped = std::exchange(on_room_, nullptr);
    outbox_ = {};
    mapped_rest_ = {};
    mapped_body_.reset();
    callback = std::exchange(on_close_, nullptr);
  }
  if (callback) callback();
}

void Exchange::finished() {
  std::function<void()> dropped, dropped_too;
  const std::lock_guard lock(mutex_);
  wake_ = nullptr;
  dropped_too = std::exchange(on_room_, nullptr);
  dropped = std::exchange(on_close_, nullptr);
  finished_ = true;
}

bool Exchange::keep_alive() const {
  const std::lock_guard lock(mutex_);
  return keep_alive_;
}

void Exchange::close_after() {
  const std::lock_guard lock(mutex_);
  keep_alive_ = false;
}

std::shared_ptr<Exchange> guard_exchange(std::shared_ptr<Exchange> exchange,
                                         std::function<Response(const Request&)> unanswered) {
  Exchange* raw = exchange.get();
  return {raw, [inner = std::move(exchange), answer = std::move(unanswered)](Exchange*) {
            if (!inner->answered())
              inner->respond(answer(inner->request()));
            else
              inner->abort();  // begun and never ended; nothing happens after an end
          }};
}

}  // namespace net
