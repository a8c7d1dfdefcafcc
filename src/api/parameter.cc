#include "api/parameter.h"

#include <charconv>

#include "api/errors.h"

namespace api {
namespace {

// "a string", "an integer": as OpenAI's messages say it.
std::string kind(const json::Value& value) {
  if (value.is_null()) return "null";
  if (value.is_bool()) return "a boolean";
  if (value.is_int()) return "an integer";
  if (value.is_number()) return "a decimal";
  if (value.is_string()) return "a string";
  if (value.is_array()) return "an array";
  return "an object";
}

std::string number(double value) {
  char text[32];
  const auto [end, error] = std::to_chars(text, text + sizeof text, value);
  return error == std::errc() ? std::string(text, end) : "?";
}

std::unexpected<base::Error> out_of_range(std::string_view path, std::string_view type, bool above,
                                          const std::string& bound, const std::string& got) {
  const std::string name(path), side = above ? "above maximum" : "below minimum";
  return refuse_parameter(
      std::string(type) + (above ? "_above_max_value" : "_below_min_value"), name,
      "Invalid '" + name + "': " + std::string(type) + " " + side + " value. Expected a value " +
          (above ? "<= " : ">= ") + bound + ", but got " + got + " instead.");
}

}  // namespace

const json::Value* find_parameter(const json::Value& object, std::string_view name) {
  const json::Value* value = object.find(name);
  return value == nullptr || value->is_null() ? nullptr : value;
}

std::unexpected<base::Error> wrong_type(std::string_view path, std::string_view expected,
                                        const json::Value& got) {
  return refuse_parameter("invalid_type", std::string(path),
                          "Invalid type for '" + std::string(path) + "': expected " +
                              std::string(expected) + ", but got " + kind(got) + " instead.");
}

std::unexpected<base::Error> missing(std::string_view path) {
  return refuse_parameter("missing_required_parameter", std::string(path),
                          "Missing required parameter: '" + std::string(path) + "'.");
}

std::unexpected<base::Error> unsupported(std::string_view path, std::string_view why) {
  return refuse_parameter("unsupported_parameter", std::string(path),
                          "Unsupported parameter: '" + std::string(path) + "' " + std::string(why));
}

base::Status check_range(const json::Value& value, bool integer, double min, double max,
                         std::string_view path) {
  const double got = value.as_double();
  if (got >= min && got <= max) return {};
  const bool above = got > max;
  return out_of_range(path, integer ? "integer" : "decimal", above, number(above ? max : min),
                      value.is_int() ? std::to_string(value.as_int()) : number(got));
}

base::Result<std::optional<double>> read_decimal(const json::Value& object, std::string_view name,
                                                 double min, double max) {
  const json::Value* value = find_parameter(object, name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_number()) return wrong_type(name, "a decimal", *value);
  TRY_VOID(check_range(*value, false, min, max, name));
  return value->as_double();
}

base::Result<std::optional<int64_t>> read_integer(const json::Value& object, std::string_view name,
                                                  int64_t min, int64_t max) {
  const json::Value* value = find_parameter(object, name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_int()) return wrong_type(name, "an integer", *value);
  TRY_VOID(check_range(*value, true, static_cast<double>(min), static_cast<double>(max), name));
  return value->as_int();
}

base::Result<std::optional<bool>> read_boolean(const json::Value& object, std::string_view name) {
  const json::Value* value = find_parameter(object, name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_bool()) return wrong_type(name, "a boolean", *value);
  return value->as_bool();
}

}  // namespace api
