// Server-sent events, as they come over the wire (WHATWG HTML, section 9.2.6), piece by piece and
// with a bound on what one event may hold.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace gateway {

class SseParser {
 public:
  // `type` is empty where the event names none. Views are good until the call returns.
  using OnEvent = std::function<base::Status(std::string_view type, std::string_view data)>;

  explicit SseParser(size_t event_bytes_max) : event_bytes_max_(event_bytes_max) {}

  // Calls on_event for every event that is now complete; its error ends the parsing and is
  // returned. Malformed when an event grows beyond the bound. An event that the stream's end cuts
  // off is never seen, as the standard has it.
  base::Status push(std::string_view bytes, const OnEvent& on_event);
  bool in_event() const { return !line_.empty() || has_data_; }  // something is incomplete

 private:
  base::Status take_line(std::string_view line, const OnEvent& on_event);
  void take_field(std::string_view name, std::string_view value);

  const size_t event_bytes_max_;
  std::string line_;  // begun, its end not seen
  std::string type_, data_;
  bool has_data_ = false;
  bool at_start_ = true;       // a byte order mark may stand here
  bool after_return_ = false;  // the last line ended with CR: an LF belongs to it
};

}  // namespace gateway
