#include "api/event_log.h"

#include <utility>

#include "base/check.h"

namespace api {
namespace {

constexpr size_t kFrameBytes = 64;  // what the connection adds to a piece

}  // namespace

void EventLog::append(std::string event) {
  const std::lock_guard lock(mutex_);
  CHECK(!closed_);
  bytes_ += event.size();
  events_.push_back(std::move(event));
  pump_all();
  while (bytes_ > bytes_max_ && events_.size() > 1) {
    bytes_ -= events_.front().size();
    events_.pop_front();
    ++first_;
  }
}

void EventLog::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  pump_all();
}

base::Status EventLog::follow(std::shared_ptr<net::Exchange> exchange, int64_t after) {
  const std::lock_guard lock(mutex_);
  if (after + 1 < first_) {
    return base::fail(base::Code::NotFound,
                      "The events behind number " + std::to_string(after) +
                          " are no longer kept. Read the answer itself instead.");
  }
  net::Exchange& stream = *exchange;
  readers_.push_back(std::make_unique<Reader>(Reader{std::move(exchange), after + 1, 0, false}));
  // The exchange keeps the log until all has been read.
  stream.on_room([log = shared_from_this()] {
    const std::lock_guard relock(log->mutex_);
    log->pump_all();
  });
  pump_all();
  return {};
}

void EventLog::pump_all() {
  for (const auto& reader : readers_) pump(*reader);
  std::erase_if(readers_, [](const auto& reader) { return reader->done; });
}

void EventLog::pump(Reader& reader) {
  if (reader.next < first_) {  // slower than the log is long
    reader.exchange->abort();
    reader.done = true;
    return;
  }
  const int64_t end = first_ + static_cast<int64_t>(events_.size());
  while (reader.next < end) {
    const std::string_view event = events_[static_cast<size_t>(reader.next - first_)];
    const size_t room = reader.exchange->room();
    if (room <= kFrameBytes) return;
    const std::string_view piece = event.substr(reader.offset, room - kFrameBytes);
    if (!reader.exchange->write(piece)) {
      reader.done = true;
      return;
    }
    reader.offset += piece.size();
    if (reader.offset < event.size()) return;
    reader.offset = 0;
    ++reader.next;
  }
  // A reader may ask for what is still to come (its number is ahead): it waits, or ends with us.
  if (!closed_) return;
  reader.exchange->end();
  reader.done = true;
}

int64_t EventLog::next_number() const {
  const std::lock_guard lock(mutex_);
  return first_ + static_cast<int64_t>(events_.size());
}

size_t EventLog::bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

bool EventLog::closed() const {
  const std::lock_guard lock(mutex_);
  return closed_;
}

std::vector<std::string> EventLog::events_from(int64_t from) const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> out;
  for (size_t i = 0; i < events_.size(); ++i) {
    if (first_ + static_cast<int64_t>(i) >= from) out.push_back(events_[i]);
  }
  return out;
}

}  // namespace api
