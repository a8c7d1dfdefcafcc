// The events of one running answer, numbered from 0, for any number of readers: each attaches
// behind the number that it has seen and follows live, so a lost connection or a second device goes
// on with the very same bytes. Memory is bounded: past bytes_max the oldest events are let go, and
// a reader that still needs them is cut off rather than served with a gap. Thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/result.h"
#include "net/exchange.h"

namespace api {

class EventLog : public std::enable_shared_from_this<EventLog> {
 public:
  static constexpr size_t kBytesMax = 16u << 20;
  explicit EventLog(size_t bytes_max = kBytesMax) : bytes_max_(bytes_max) {}

  // Appends one event, a whole block of an event stream, and hands it to the readers. Never blocks:
  // a reader that is slow reads on when its connection has room.
  void append(std::string event);
  // Nothing will be appended any more: readers end behind the last event.
  void close();

  // Writes what comes behind number `after` (-1: everything) into an exchange whose stream has
  // begun, and ends it with the log. NotFound when events behind `after` have been let go.
  base::Status follow(std::shared_ptr<net::Exchange> exchange, int64_t after);

  int64_t next_number() const;  // of the event that is appended next
  size_t bytes() const;
  bool closed() const;
  // Copies of the events from number `from` on, for whoever keeps them elsewhere.
  std::vector<std::string> events_from(int64_t from) const;

 private:
  struct Reader {
    std::shared_ptr<net::Exchange> exchange;
    int64_t next = 0;  // number of the event to send, from its byte `offset` on
    size_t offset = 0;
    bool done = false;
  };
  void pump(Reader& reader);  // as much as fits; under the lock
  void pump_all();

  const size_t bytes_max_;
  mutable std::mutex mutex_;  // all below
  std::deque<std::string> events_;
  int64_t first_ = 0;  // number of events_.front()
  size_t bytes_ = 0;
  bool closed_ = false;
  std::vector<std::unique_ptr<Reader>> readers_;
};

}  // namespace api
