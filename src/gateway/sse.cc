#include "gateway/sse.h"

namespace gateway {

void SseParser::take_field(std::string_view name, std::string_view value) {
  if (name == "data") {
    if (has_data_) data_ += '\n';
    data_ += value;
    has_data_ = true;
  } else if (name == "event") {
    type_ = value;
  }
}

base::Status SseParser::take_line(std::string_view line, const OnEvent& on_event) {
  if (at_start_) {
    at_start_ = false;
    if (line.starts_with("\xEF\xBB\xBF")) line.remove_prefix(3);
  }
  if (line.empty()) {
    base::Status status = {};
    if (has_data_) status = on_event(type_, data_);
    type_.clear();
    data_.clear();
    has_data_ = false;
    return status;
  }
  const size_t colon = line.find(':');
  if (colon == 0) return {};  // a comment
  std::string_view value = colon == std::string_view::npos ? "" : line.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (data_.size() + value.size() > event_bytes_max_)
    return base::fail(base::Code::Malformed, "an event of the stream is too large");
  take_field(line.substr(0, colon), value);
  return {};
}

base::Status SseParser::push(std::string_view bytes, const OnEvent& on_event) {
  while (!bytes.empty()) {
    if (after_return_) {
      after_return_ = false;
      if (bytes.front() == '\n') bytes.remove_prefix(1);
      continue;
    }
    const size_t end = bytes.find_first_of("\r\n");
    if (end == std::string_view::npos) {
      if (line_.size() + bytes.size() > event_bytes_max_)
        return base::fail(base::Code::Malformed, "a line of the stream is too large");
      line_ += bytes;
      return {};
    }
    const std::string_view rest = bytes.substr(0, end);
    after_return_ = bytes[end] == '\r';
    bytes.remove_prefix(end + 1);
    if (line_.empty()) {
      TRY_VOID(take_line(rest, on_event));
      continue;
    }
    line_ += rest;
    const base::Status status = take_line(line_, on_event);
    line_.clear();
    TRY_VOID(status);
  }
  return {};
}

}  // namespace gateway
