#include "json/toml.h"

#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

#include <cstdio>

#include "base/utf8.h"

namespace json {
namespace {

using base::Code;
using base::fail;

constexpr size_t kBytesMax = 4u << 20;

std::unexpected<base::Error> at(const toml::source_region& where, std::string_view name, std::string message) {
  return fail(Code::Malformed,
              message + " at line " + std::to_string(where.begin.line) + ", column " +
                  std::to_string(where.begin.column),
              std::string(name), "PARSE_STRICT");
}

std::string rfc3339(const toml::date_time& moment) {
  char text[64];
  const int offset = moment.offset->minutes;
  std::snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d", moment.date.year, moment.date.month,
                moment.date.day, moment.time.hour, moment.time.minute, moment.time.second);
  std::string out = text;
  if (offset == 0) return out + "Z";
  std::snprintf(text, sizeof text, "%c%02d:%02d", offset < 0 ? '-' : '+', std::abs(offset) / 60, std::abs(offset) % 60);
  return out + text;
}

base::Result<Value> convert(const toml::node& node, std::string_view name) {
  if (const auto* text = node.as_string()) return Value(text->get());
  if (const auto* integer = node.as_integer()) return Value(integer->get());
  if (const auto* boolean = node.as_boolean()) return Value(boolean->get());
  if (const auto* array = node.as_array()) {
    Array out;
    for (const toml::node& item : *array) {
      TRY(Value value, convert(item, name));
      out.push_back(std::move(value));
    }
    return Value(std::move(out));
  }
  if (const auto* table = node.as_table()) {
    Object out;
    for (const auto& [key, item] : *table) {
      TRY(Value value, convert(item, name));
      out.emplace_back(std::string(key.str()), std::move(value));
    }
    return Value(std::move(out));
  }
  if (const auto* moment = node.as_date_time(); moment && moment->get().offset)
    return Value(rfc3339(moment->get()));
  if (node.is_floating_point()) return at(node.source(), name, "a float: write an integer or a string");
  return at(node.source(), name, "a date or time without an offset: write it as 2026-11-21T00:00:00Z");
}

}  // namespace

base::Result<Value> parse_toml(std::string_view text, std::string_view name) {
  if (text.size() > kBytesMax)
    return fail(Code::TooLarge, "the file is larger than 4 MiB", std::string(name));
  if (text.starts_with("\xEF\xBB\xBF"))
    return fail(Code::Malformed, "the file starts with a byte order mark: remove it", std::string(name), "PARSE_STRICT");
  if (!base::is_utf8(text))
    return fail(Code::Malformed, "the file is not UTF-8", std::string(name), "PARSE_STRICT");
  const toml::parse_result result = toml::parse(text, name);
  if (!result)
    return at(result.error().source(), name, std::string(result.error().description()));
  return convert(result.table(), name);
}

}  // namespace json
