#include <algorithm>

#include "base/check.h"
#include "json/json.h"

namespace json {

using base::Code;
using base::fail;

Value::Value(uint64_t v) {
  if (v <= static_cast<uint64_t>(INT64_MAX)) {
    data_ = static_cast<int64_t>(v);
  } else {
    data_ = static_cast<double>(v);
  }
}

std::string_view Value::type_name() const {
  static constexpr std::string_view kNames[] = {"null",   "boolean", "integer", "number",
                                                "string", "array",   "object"};
  return kNames[data_.index()];
}

bool Value::as_bool() const {
  CHECK(is_bool());
  return std::get<bool>(data_);
}
int64_t Value::as_int() const {
  CHECK(is_int());
  return std::get<int64_t>(data_);
}
double Value::as_double() const {
  CHECK(is_number());
  return is_int() ? static_cast<double>(std::get<int64_t>(data_)) : std::get<double>(data_);
}
const std::string& Value::as_string() const {
  CHECK(is_string());
  return std::get<std::string>(data_);
}
const Array& Value::as_array() const {
  CHECK(is_array());
  return std::get<Array>(data_);
}
const Object& Value::as_object() const {
  CHECK(is_object());
  return std::get<Object>(data_);
}
Array& Value::as_array() {
  CHECK(is_array());
  return std::get<Array>(data_);
}
Object& Value::as_object() {
  CHECK(is_object());
  return std::get<Object>(data_);
}

const Value* Value::find(std::string_view key) const {
  if (!is_object()) return nullptr;
  for (const Member& member : std::get<Object>(data_))
    if (member.first == key) return &member.second;
  return nullptr;
}

Value* Value::find(std::string_view key) {
  return const_cast<Value*>(static_cast<const Value*>(this)->find(key));
}

const Value& Value::operator[](std::string_view key) const {
  static const Value kNull;
  const Value* found = find(key);
  return found ? *found : kNull;
}

void Value::set(std::string key, Value value) {
  CHECK(is_object());
  if (Value* found = find(key)) {
    *found = std::move(value);
  } else {
    std::get<Object>(data_).emplace_back(std::move(key), std::move(value));
  }
}

namespace {

base::Result<const Value*> required(const Value& object, std::string_view key,
                                    bool (Value::*is_kind)() const, std::string_view kind) {
  const Value* found = object.find(key);
  if (!found)
    return fail(Code::InvalidArgument, "Missing required field '" + std::string(key) + "'.",
                std::string(key), "MISSING_FIELD");
  if (!(found->*is_kind)())
    return fail(Code::InvalidArgument,
                "Field '" + std::string(key) + "': expected " + std::string(kind) + ", but got " +
                    std::string(found->type_name()) + ".",
                std::string(key), "WRONG_TYPE");
  return found;
}

}  // namespace

base::Result<std::string> get_string(const Value& object, std::string_view key) {
  TRY(const Value* found, required(object, key, &Value::is_string, "a string"));
  return found->as_string();
}
base::Result<int64_t> get_int(const Value& object, std::string_view key) {
  TRY(const Value* found, required(object, key, &Value::is_int, "an integer"));
  return found->as_int();
}
base::Result<bool> get_bool(const Value& object, std::string_view key) {
  TRY(const Value* found, required(object, key, &Value::is_bool, "a boolean"));
  return found->as_bool();
}
base::Result<const Array*> get_array(const Value& object, std::string_view key) {
  TRY(const Value* found, required(object, key, &Value::is_array, "an array"));
  return &found->as_array();
}
base::Result<const Value*> get_object(const Value& object, std::string_view key) {
  return required(object, key, &Value::is_object, "an object");
}

base::Status only_fields(const Value& object, std::initializer_list<std::string_view> known) {
  if (!object.is_object())
    return fail(Code::InvalidArgument, "expected an object", {}, "WRONG_TYPE");
  for (const Member& member : object.as_object())
    if (std::find(known.begin(), known.end(), member.first) == known.end())
      return fail(Code::InvalidArgument, "Unknown field '" + member.first + "'.", member.first,
                  "UNKNOWN_FIELD");
  return {};
}

}  // namespace json
