// The one logger: JSON lines on standard error, one line per event, written whole. Values are
// typed, so a Secret (base/secret.h) does not compile as one.
//   base::log(base::Level::Info, "listening", {{"address", address}, {"port", port}});
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>

namespace base {

enum class Level : unsigned char { Debug, Info, Warn, Error };

class LogValue {
 public:
  LogValue(std::string_view text);
  LogValue(const char* text) : LogValue(std::string_view(text)) {}
  LogValue(const std::string& text) : LogValue(std::string_view(text)) {}
  LogValue(bool value) : json_(value ? "true" : "false") {}
  template <std::integral T>
    requires(!std::same_as<T, bool>)
  LogValue(T value) : json_(std::to_string(value)) {}
  LogValue(double value);
  const std::string& json() const { return json_; }

 private:
  std::string json_;
};

struct LogField {
  std::string_view name;
  LogValue value;
};

void log(Level level, std::string_view event, std::initializer_list<LogField> fields = {});
void set_log_level(Level lowest);
void set_log_sink(
    std::function<void(std::string_view line)> sink);  // tests; empty restores standard error

}  // namespace base
