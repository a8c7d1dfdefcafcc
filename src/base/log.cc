#include "base/log.h"

#include <unistd.h>

#include <atomic>
#include <cmath>
#include <cstdio>
#include <mutex>

#include "base/time.h"
#include "base/utf8.h"

namespace base {
namespace {

std::atomic<Level> lowest_level{Level::Info};
std::mutex sink_mutex;
std::function<void(std::string_view)> sink;

constexpr std::string_view kLevelNames[] = {"debug", "info", "warn", "error"};

void append_quoted(std::string* out, std::string_view text) {
  *out += '"';
  for (char c : replace_invalid_utf8(text)) {
    if (c == '"' || c == '\\') {
      *out += '\\';
      *out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      char escaped[8];
      std::snprintf(escaped, sizeof escaped, "\\u%04x", c);
      *out += escaped;
    } else {
      *out += c;
    }
  }
  *out += '"';
}

}  // namespace

LogValue::LogValue(std::string_view text) { append_quoted(&json_, text); }

LogValue::LogValue(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", value);
  json_ = std::isfinite(value) ? text : "null";
}

void log(Level level, std::string_view event, std::initializer_list<LogField> fields) {
  if (level < lowest_level.load(std::memory_order_relaxed)) return;
  std::string line = "{\"time\":\"" + rfc3339(system_now()) + "\",\"level\":\"";
  line += kLevelNames[static_cast<size_t>(level)];
  line += "\",\"event\":";
  append_quoted(&line, event);
  for (const LogField& field : fields) {
    line += ',';
    append_quoted(&line, field.name);
    line += ':';
    line += field.value.json();
  }
  line += "}\n";
  const std::lock_guard lock(sink_mutex);
  if (sink) return sink(line);
  // One write per line keeps lines of several threads whole; a full or closed stderr must not stop
  // the server.
  [[maybe_unused]] const ssize_t ignored = write(STDERR_FILENO, line.data(), line.size());
}

void set_log_level(Level lowest) { lowest_level.store(lowest); }

void set_log_sink(std::function<void(std::string_view)> new_sink) {
  const std::lock_guard lock(sink_mutex);
  sink = std::move(new_sink);
}

}  // namespace base
