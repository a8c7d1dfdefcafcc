// JSON: one value type, one strict reader, two writers (order kept; canonical by RFC 8785). The
// reader is simdjson, which no header shows. TOML is read into the same value by json/toml.h.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"

namespace json {

class Value;
using Array = std::vector<Value>;
using Member = std::pair<std::string, Value>;
using Object = std::vector<Member>;  // order kept; the reader refuses duplicates

class Value {
 public:
  Value() = default;  // null
  Value(std::nullptr_t) {}
  Value(bool v) : data_(v) {}
  Value(int v) : data_(int64_t{v}) {}
  Value(int64_t v) : data_(v) {}
  Value(uint64_t v);  // above 2^63-1 becomes a double: print such numbers as strings instead
  Value(double v) : data_(v) {}
  Value(const char* v) : data_(std::string(v)) {}
  Value(std::string_view v) : data_(std::string(v)) {}
  Value(std::string v) : data_(std::move(v)) {}
  Value(Array v) : data_(std::move(v)) {}
  Value(Object v) : data_(std::move(v)) {}

  bool is_null() const { return std::holds_alternative<std::monostate>(data_); }
  bool is_bool() const { return std::holds_alternative<bool>(data_); }
  bool is_int() const { return std::holds_alternative<int64_t>(data_); }
  bool is_number() const { return is_int() || std::holds_alternative<double>(data_); }
  bool is_string() const { return std::holds_alternative<std::string>(data_); }
  bool is_array() const { return std::holds_alternative<Array>(data_); }
  bool is_object() const { return std::holds_alternative<Object>(data_); }
  std::string_view type_name()
      const;  // "null" "boolean" "integer" "number" "string" "array" "object"

  // The value of the kind asked for; CHECKs that it is of that kind.
  bool as_bool() const;
  int64_t as_int() const;
  double as_double() const;  // an integer too
  const std::string& as_string() const;
  const Array& as_array() const;
  const Object& as_object() const;
  Array& as_array();
  Object& as_object();

  const Value* find(std::string_view key) const;  // null when absent, or when this is not an object
  Value* find(std::string_view key);
  const Value& operator[](std::string_view key) const;  // a null value when absent
  void set(std::string key, Value value);  // replaces, or appends; CHECKs that this is an object

  friend bool operator==(const Value&, const Value&) = default;

 private:
  std::variant<std::monostate, bool, int64_t, double, std::string, Array, Object> data_;
};

struct Limits {
  size_t bytes_max = 64u << 20;
  size_t depth_max = 64;
};

// Strict RFC 8259: UTF-8 without BOM, no duplicate keys, no lone surrogates, no number that a
// double or int64 cannot hold, nothing after the value. Errors: Code::Malformed with reason
// PARSE_STRICT, Code::TooLarge.
base::Result<Value> parse(std::string_view text, const Limits& limits = {});

std::string dump(const Value& value);         // compact, members in their order
std::string dump_pretty(const Value& value);  // two blanks a level, for files that people read
// RFC 8785 (JCS). Integers beyond 2^53 and non-finite numbers are CHECKed against: they travel as
// strings.
std::string canonical(const Value& value);

void append_string(std::string* out,
                   std::string_view text);  // quoted and escaped; bad UTF-8 becomes U+FFFD
void append_number(std::string* out,
                   double value);  // shortest that reads back the same (ECMAScript's form)

// Field readers for decoded requests and files: each names the field in its error ("Missing
// required field", "expected a string, got an integer"). Code::InvalidArgument; Error::where is the
// field.
base::Result<std::string> get_string(const Value& object, std::string_view key);
base::Result<int64_t> get_int(const Value& object, std::string_view key);
base::Result<bool> get_bool(const Value& object, std::string_view key);
base::Result<const Array*> get_array(const Value& object, std::string_view key);
base::Result<const Value*> get_object(const Value& object, std::string_view key);
// Refuses members other than these (Code::InvalidArgument, reason UNKNOWN_FIELD).
base::Status only_fields(const Value& object, std::initializer_list<std::string_view> known);

}  // namespace json
