// One request and its answer. Whoever holds an Exchange may answer from any thread: bytes are
// handed to the connection's own thread, which alone touches the socket. An Exchange that is let go
// of without an answer becomes a 500.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "net/http.h"

namespace net {

class Exchange {
 public:
  // `wake` is called (on any thread, under the lock: it must only post) when there is something to
  // send.
  Exchange(Request request, bool keep_alive, size_t queued_bytes_max, std::function<void()> wake);
  Exchange(const Exchange&) = delete;

  const Request& request() const { return request_; }
  Request& request() { return request_; }  // until the first answer, by its one handler

  // The whole answer. CHECKs that none was begun.
  void respond(Response response);

  // A streamed answer: the head now, then any number of writes, then end. Without end, the answer
  // counts as cut off.
  void begin_stream(Response head);
  // False when the peer is gone, or reads so slowly that the queue is full: then the connection is
  // dropped.
  bool write(std::string_view bytes);
  void end();
  void abort();  // drops the connection: the peer sees that the answer is cut off

  // Called once, on the connection's thread, when the peer goes away before the answer's end (at
  // once if it has gone).
  void on_close(std::function<void()> callback);
  bool closed() const { return closed_.load(std::memory_order_relaxed); }
  // For writers that have more to send than the queue holds: how many bytes it still takes, and a
  // call on the connection's thread whenever enough has left for half of it to be free.
  size_t room() const;
  void on_room(std::function<void()> callback);
  bool answered() const;  // respond or begin_stream has been called

  // --- for the connection
  enum class Stage : unsigned char { Waiting, Streaming, Ended, Aborted };
  Stage collect(std::string* out);  // moves the bytes to send into *out
  void sent(size_t bytes);          // bytes that left for the peer no longer count as queued
  void peer_gone();
  void finished();       // all has been sent; on_close is not called any more
  void write_comment();  // keeps an idle event stream alive
  bool keep_alive()
      const;  // after the answer; false also when the answer's end is the connection's end
  void close_after();

 private:
  void append_head(const Response& response, bool streamed);
  void wake_locked();

  Request request_;
  const size_t queued_bytes_max_;
  std::atomic<bool> closed_{false};

  mutable std::mutex mutex_;  // all below
  std::function<void()> wake_;
  std::function<void()> on_close_;
  std::function<void()> on_room_;
  std::string outbox_;
  std::shared_ptr<const SpooledBody> mapped_body_;
  std::string_view mapped_rest_;  // of it: what has not been collected
  size_t queued_bytes_ = 0;       // outbox_ and what the connection has taken and not sent
  bool woken_ = false;
  bool keep_alive_;
  bool chunked_ = false;
  bool event_stream_ = false;
  bool finished_ = false;
  Stage stage_ = Stage::Waiting;
};

// A shared_ptr that gives the answer of `unanswered` when its last copy goes and nobody has
// answered.
std::shared_ptr<Exchange> guard_exchange(std::shared_ptr<Exchange> exchange,
                                         std::function<Response(const Request&)> unanswered);

}  // namespace net
