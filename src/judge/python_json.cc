#include "judge/python_json.h"

#include <charconv>
#include <cmath>
#include <cstdlib>

#include "base/check.h"

namespace judge {
namespace {

void append(std::string* out, const json::Value& value, int indent, int depth);

void line_break(std::string* out, int indent, int depth) {
  if (indent == 0) return;
  *out += '\n';
  out->append(static_cast<size_t>(indent * depth), ' ');
}

// One item after another between two brackets; nothing between them when there is none.
template <class List, class Item>
void append_list(std::string* out, char open, char close, const List& list, int indent, int depth,
                 Item&& item) {
  *out += open;
  bool first = true;
  for (const auto& each : list) {
    if (!first) *out += indent == 0 ? ", " : ",";
    first = false;
    line_break(out, indent, depth + 1);
    item(each);
  }
  if (!first) line_break(out, indent, depth);
  *out += close;
}

void append(std::string* out, const json::Value& value, int indent, int depth) {
  if (value.is_null()) {
    *out += "null";
  } else if (value.is_bool()) {
    *out += value.as_bool() ? "true" : "false";
  } else if (value.is_int()) {
    *out += std::to_string(value.as_int());
  } else if (value.is_number()) {
    *out += python_float(value.as_double());
  } else if (value.is_string()) {
    json::append_string(out, value.as_string());
  } else if (value.is_array()) {
    append_list(out, '[', ']', value.as_array(), indent, depth,
                [&](const json::Value& each) { append(out, each, indent, depth + 1); });
  } else {
    append_list(out, '{', '}', value.as_object(), indent, depth, [&](const auto& member) {
      json::append_string(out, member.first);
      *out += ": ";
      append(out, member.second, indent, depth + 1);
    });
  }
}

}  // namespace

std::string python_float(double value) {
  CHECK(std::isfinite(value));
  char text[64];
  const auto [end, error] =
      std::to_chars(text, text + sizeof text, value, std::chars_format::scientific);
  CHECK(error == std::errc{});
  const std::string shortest(text, end);
  const int exponent = std::atoi(shortest.c_str() + shortest.find('e') + 1);
  // Python writes an exponent where C's %r of 17 digits would: below 1e-4 and from 1e16 on.
  if (value != 0 && (exponent < -4 || exponent >= 16)) return shortest;
  const auto [fixed_end, fixed_error] =
      std::to_chars(text, text + sizeof text, value, std::chars_format::fixed);
  CHECK(fixed_error == std::errc{});
  std::string out(text, fixed_end);
  if (!out.contains('.')) out += ".0";
  return out;
}

std::string python_json(const json::Value& value, int indent) {
  std::string out;
  append(&out, value, indent, 0);
  return out;
}

}  // namespace judge
