#include <simdjson.h>

#include <algorithm>
#include <memory>

#include "json/json.h"

namespace json {
namespace {

using base::Code;
using base::fail;
namespace dom = simdjson::dom;

std::unexpected<base::Error> strict(std::string message) {
  return fail(Code::Malformed, std::move(message), {}, "PARSE_STRICT");
}

base::Result<Value> convert(dom::element element);

base::Result<Value> convert_array(dom::array items) {
  Array out;
  out.reserve(items.size());
  for (dom::element item : items) {
    TRY(Value value, convert(item));
    out.push_back(std::move(value));
  }
  return Value(std::move(out));
}

base::Result<Value> convert_object(dom::object members) {
  Object out;
  out.reserve(members.size());
  std::vector<std::string_view> keys;
  for (auto [key, element] : members) {
    keys.push_back(key);
    TRY(Value value, convert(element));
    out.emplace_back(std::string(key), std::move(value));
  }
  std::sort(keys.begin(), keys.end());
  const auto twice = std::adjacent_find(keys.begin(), keys.end());
  if (twice != keys.end())
    return strict("the key '" + std::string(*twice) + "' stands twice in one JSON object");
  return Value(std::move(out));
}

base::Result<Value> convert(dom::element element) {
  switch (element.type()) {
    case dom::element_type::NULL_VALUE:
      return Value();
    case dom::element_type::BOOL:
      return Value(bool(element));
    case dom::element_type::INT64:
      return Value(int64_t(element));
    case dom::element_type::UINT64:
      return Value(uint64_t(element));
    case dom::element_type::DOUBLE:
      return Value(double(element));
    case dom::element_type::STRING:
      return Value(std::string_view(element));
    case dom::element_type::ARRAY:
      return convert_array(element);
    case dom::element_type::OBJECT:
      return convert_object(element);
  }
  return strict("an unknown kind of JSON value");
}

struct Parser {
  dom::parser parser;
  size_t depth = 0;
  std::string padded;
};

// One parser per thread: its buffers are reused, and dropped again when a single huge text has
// grown them.
Parser& thread_parser() {
  static thread_local Parser parser;
  return parser;
}
constexpr size_t kKeptBytesMax = 4u << 20;

}  // namespace

base::Result<Value> parse(std::string_view text, const Limits& limits) try {
  if (text.size() > limits.bytes_max)
    return fail(Code::TooLarge, "the JSON text has " + std::to_string(text.size()) +
                                    " bytes; at most " + std::to_string(limits.bytes_max) +
                                    " are read");
  if (text.starts_with("\xEF\xBB\xBF"))
    return strict("the JSON text starts with a byte order mark");
  Parser& own = thread_parser();
  if (own.depth != limits.depth_max || own.parser.capacity() < text.size()) {
    if (own.parser.allocate(std::max<size_t>(text.size(), 4096), limits.depth_max + 1))
      return fail(Code::Unavailable, "out of memory for the JSON reader");
    own.depth = limits.depth_max;
  }
  own.padded.assign(text);
  own.padded.append(simdjson::SIMDJSON_PADDING, '\0');
  dom::element root;
  const auto error = own.parser.parse(own.padded.data(), text.size(), false).get(root);
  if (error) return strict(std::string("not valid JSON: ") + simdjson::error_message(error));
  auto value = convert(root);
  if (text.size() > kKeptBytesMax)
    own.parser = dom::parser(), own.depth = 0, own.padded = std::string();
  return value;
} catch (const std::exception&
             error) {  // simdjson's conversions throw on a type mismatch: none is expected
  return strict(std::string("not valid JSON: ") + error.what());
}

}  // namespace json
