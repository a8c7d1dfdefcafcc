#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>

#include "base/check.h"
#include "base/utf8.h"
#include "json/json.h"

namespace json {
namespace {

constexpr int64_t kExactMax = int64_t{1} << 53;  // RFC 8785 numbers are doubles

// RFC 8785 sorts by UTF-16 code units, which differs from UTF-8 order above U+FFFF.
std::u16string utf16(std::string_view text) {
  std::u16string out;
  for (size_t at = 0; at < text.size();) {
    const char32_t c = base::next_code_point(text, &at);
    if (c < 0x10000) {
      out += static_cast<char16_t>(c);
    } else {
      out += static_cast<char16_t>(0xD800 + ((c - 0x10000) >> 10));
      out += static_cast<char16_t>(0xDC00 + ((c - 0x10000) & 0x3FF));
    }
  }
  return out;
}

enum class Form { Compact, Pretty, Canonical };

struct Writer {
  Form form;
  std::string out = {};

  void indent(int depth) {
    if (form != Form::Pretty) return;
    out += '\n';
    out.append(static_cast<size_t>(depth) * 2, ' ');
  }

  void array(const Array& items, int depth) {
    out += '[';
    for (size_t i = 0; i < items.size(); ++i) {
      if (i > 0) out += ',';
      indent(depth + 1);
      value(items[i], depth + 1);
    }
    if (!items.empty()) indent(depth);
    out += ']';
  }

  void object(const Object& members, int depth) {
    std::vector<const Member*> order;
    for (const Member& member : members) order.push_back(&member);
    if (form == Form::Canonical)
      std::sort(order.begin(), order.end(),
                [](const Member* a, const Member* b) { return utf16(a->first) < utf16(b->first); });
    out += '{';
    for (size_t i = 0; i < order.size(); ++i) {
      if (i > 0) out += ',';
      indent(depth + 1);
      append_string(&out, order[i]->first);
      out += form == Form::Pretty ? ": " : ":";
      value(order[i]->second, depth + 1);
    }
    if (!order.empty()) indent(depth);
    out += '}';
  }

  void value(const Value& v, int depth) {
    if (v.is_null()) {
      out += "null";
    } else if (v.is_bool()) {
      out += v.as_bool() ? "true" : "false";
    } else if (v.is_int()) {
      CHECK(form != Form::Canonical || std::abs(v.as_int()) <= kExactMax);
      out += std::to_string(v.as_int());
    } else if (v.is_number()) {
      CHECK(form != Form::Canonical || std::isfinite(v.as_double()));
      append_number(&out, v.as_double());
      // A whole number past 64 bits would read back as an integer that fits no integer type.
      const double magnitude = std::abs(v.as_double());
      if (form != Form::Canonical && magnitude >= 0x1p63 && magnitude < 1e21) out += ".0";
    } else if (v.is_string()) {
      append_string(&out, v.as_string());
    } else if (v.is_array()) {
      array(v.as_array(), depth);
    } else {
      object(v.as_object(), depth);
    }
  }
};

std::string write(const Value& value, Form form) {
  Writer writer{form};
  writer.value(value, 0);
  return std::move(writer.out);
}

}  // namespace

std::string dump(const Value& value) { return write(value, Form::Compact); }
std::string dump_pretty(const Value& value) { return write(value, Form::Pretty) + "\n"; }
std::string canonical(const Value& value) { return write(value, Form::Canonical); }

void append_string(std::string* out, std::string_view raw) {
  std::string repaired;
  if (!base::is_utf8(raw)) {
    repaired = base::replace_invalid_utf8(raw);
    raw = repaired;
  }
  *out += '"';
  size_t plain_from = 0;
  for (size_t i = 0; i < raw.size(); ++i) {
    const auto c = static_cast<unsigned char>(raw[i]);
    if (c >= 0x20 && c != '"' && c != '\\') continue;
    out->append(raw, plain_from, i - plain_from);
    plain_from = i + 1;
    switch (c) {
      case '"':
        *out += "\\\"";
        break;
      case '\\':
        *out += "\\\\";
        break;
      case '\b':
        *out += "\\b";
        break;
      case '\f':
        *out += "\\f";
        break;
      case '\n':
        *out += "\\n";
        break;
      case '\r':
        *out += "\\r";
        break;
      case '\t':
        *out += "\\t";
        break;
      default: {
        char escaped[8];
        std::snprintf(escaped, sizeof escaped, "\\u%04x", c);
        *out += escaped;
      }
    }
  }
  out->append(raw, plain_from);
  *out += '"';
}

// ECMAScript Number::toString (ECMA-262 section 6.1.6.1.20), which RFC 8785 prescribes.
void append_number(std::string* out, double value) {
  if (!std::isfinite(value)) {
    *out += "null";
    return;
  }
  if (value == 0) {
    *out += '0';
    return;
  }
  char text[40];
  const auto [end, error] =
      std::to_chars(text, text + sizeof text, value, std::chars_format::scientific);
  CHECK(error == std::errc());
  std::string_view form(text, static_cast<size_t>(end - text));
  if (form[0] == '-') {
    *out += '-';
    form.remove_prefix(1);
  }
  const size_t e = form.find('e');
  int exponent = 0;
  const char* exponent_from = form.data() + e + 1 + (form[e + 1] == '+' ? 1 : 0);
  std::from_chars(exponent_from, form.data() + form.size(), exponent);
  std::string digits(1, form[0]);
  if (e > 2) digits += form.substr(2, e - 2);
  const int k = static_cast<int>(digits.size());
  const int n = exponent + 1;  // the value is 0.digits times 10^n
  if (k <= n && n <= 21) {
    *out += digits + std::string(static_cast<size_t>(n - k), '0');
  } else if (0 < n && n <= 21) {
    *out += digits.substr(0, static_cast<size_t>(n)) + "." + digits.substr(static_cast<size_t>(n));
  } else if (-6 < n && n <= 0) {
    *out += "0." + std::string(static_cast<size_t>(-n), '0') + digits;
  } else {
    *out += digits.substr(0, 1);
    if (k > 1) *out += "." + digits.substr(1);
    *out += n - 1 < 0 ? "e-" : "e+";
    *out += std::to_string(std::abs(n - 1));
  }
}

}  // namespace json
