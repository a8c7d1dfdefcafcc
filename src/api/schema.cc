#include "api/schema.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "api/errors.h"
#include "api/parameter.h"
#include "base/utf8.h"

namespace api {
namespace {

constexpr size_t kMapMembersMax = 16, kMapKeyMax = 64, kMapValueMax = 512;

std::string join(std::string_view path, std::string_view name) {
  return path.empty() ? std::string(name) : std::string(path) + "." + std::string(name);
}

bool fits(const json::Value& value, uint16_t kinds) {
  if ((kinds & kAny) != 0) return true;
  if (value.is_string()) return (kinds & kString) != 0;
  if (value.is_int()) return (kinds & (kInteger | kDecimal)) != 0;
  if (value.is_number()) return (kinds & kDecimal) != 0;
  if (value.is_bool()) return (kinds & kBoolean) != 0;
  if (value.is_array()) return (kinds & kArray) != 0;
  return value.is_object() && (kinds & (kObject | kMap)) != 0;
}

// "a string", "one of a string or array of objects": as OpenAI's messages say it.
std::string expected(const Field& field) {
  struct Name {
    uint16_t kind;
    std::string_view with_article, alone;
  };
  const bool objects = field.schema != nullptr || field.elements == kObject;
  const std::string_view elements = objects                      ? "array of objects"
                                    : field.elements == kString  ? "array of strings"
                                    : field.elements == kInteger ? "array of integers"
                                                                 : "array";
  const Name names[] = {{kString, "a string", "string"},    {kInteger, "an integer", "integer"},
                        {kDecimal, "a decimal", "decimal"}, {kBoolean, "a boolean", "boolean"},
                        {kObject, "an object", "object"},   {kMap, "a map", "map"},
                        {kArray, "an array", elements}};
  std::string several;
  std::string_view only;
  int count = 0;
  for (const Name& name : names) {
    if ((field.kinds & name.kind) == 0) continue;
    several += (count == 0 ? "" : " or ") + std::string(name.alone);
    only = name.with_article;
    ++count;
  }
  if (count > 1) return "one of a " + several;
  if (field.kinds == kArray && elements != "array") return "an " + std::string(elements);
  return std::string(only);
}

std::string quoted_list(std::span<const std::string_view> values) {
  std::string out;
  const std::string_view last = values.size() == 2 ? " and " : ", and ";
  for (size_t i = 0; i < values.size(); ++i) {
    if (i > 0) out += i + 1 == values.size() ? last : ", ";
    out += "'" + std::string(values[i]) + "'";
  }
  return out;
}

base::Status check_value_in_list(const Field& field, const std::string& text,
                                 const std::string& path) {
  for (const std::string_view value : field.values) {
    if (value == text) return {};
  }
  return refuse_parameter("invalid_value", path,
                          "Invalid value: '" + text.substr(0, 80) +
                              "'. Supported values are: " + quoted_list(field.values) + ".");
}

base::Status check_name(const std::string& text, const std::string& path) {
  const bool good = std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  });
  if (good) return {};
  return refuse_parameter("invalid_value", path,
                          "Invalid '" + path +
                              "': string does not match pattern. Expected a string that matches "
                              "the pattern '^[a-zA-Z0-9_-]+$'.");
}

base::Status check_length(const Field& field, size_t length, bool string, const std::string& path) {
  const std::string what = string ? "string" : "array";
  const auto whole = [](double bound) { return std::to_string(static_cast<int64_t>(bound)); };
  const auto count = static_cast<double>(length);
  if (count < field.min && length == 0) {
    const std::string with_article = (string ? "a " : "an ") + what;
    return refuse_parameter("empty_" + what, path,
                            "Invalid '" + path + "': empty " + what + ". Expected " + with_article +
                                " with minimum length " + whole(field.min) + ", but got an empty " +
                                what + " instead.");
  }
  if (count >= field.min && count <= field.max) return {};
  const bool above = count > field.max;
  return refuse_parameter(what + (above ? "_above_max_length" : "_below_min_length"), path,
                          "Invalid '" + path + "': " + what + (above ? " too long" : " too short") +
                              ". Expected " + (string ? "a string" : "an array") + " with " +
                              (above ? "maximum" : "minimum") + " length " +
                              whole(above ? field.max : field.min) + ", but got " +
                              (string ? "a string" : "an array") + " with length " +
                              std::to_string(length) + " instead.");
}

base::Status check_map(const json::Value& value, const std::string& path) {
  const json::Object& members = value.as_object();
  if (members.size() > kMapMembersMax) {
    return refuse_parameter("object_above_max_properties", path,
                            "Invalid '" + path +
                                "': too many properties. Expected an object with "
                                "at most 16 properties, but got " +
                                std::to_string(members.size()) + " instead.");
  }
  for (const auto& [name, member] : members) {
    const std::string member_path = join(path, name.substr(0, kMapKeyMax));
    if (!member.is_string()) return wrong_type(member_path, "a string", member);
    const Field key{.name = "key", .max = kMapKeyMax};
    const Field text{.name = "value", .max = kMapValueMax};
    TRY_VOID(check_length(key, base::count_characters(name), true, member_path));
    TRY_VOID(check_length(text, base::count_characters(member.as_string()), true, member_path));
  }
  return {};
}

base::Status check_fields(const json::Value& body, const Schema& schema, bool tolerate_unknown,
                          const std::string& path);

base::Status check_array(const json::Value& value, const Field& field, bool tolerate_unknown,
                         const std::string& path) {
  const json::Array& list = value.as_array();
  TRY_VOID(check_length(field, list.size(), false, path));
  for (size_t i = 0; i < list.size(); ++i) {
    const std::string element = path + "[" + std::to_string(i) + "]";
    if (!fits(list[i], field.elements)) {
      const Field one{.name = field.name, .kinds = field.elements};
      return wrong_type(element, expected(one), list[i]);
    }
    if (field.schema == nullptr) continue;
    if (!list[i].is_object() && (field.elements & kAny) != 0)
      return wrong_type(element, "an object", list[i]);
    if (list[i].is_object())
      TRY_VOID(check_fields(list[i], *field.schema, tolerate_unknown, element));
  }
  return {};
}

base::Status check_field(const json::Value& value, const Field& field, bool tolerate_unknown,
                         const std::string& path) {
  if (!fits(value, field.kinds)) return wrong_type(path, expected(field), value);
  if (value.is_number()) {
    const bool integer = (field.kinds & kDecimal) == 0;
    return check_range(value, integer, field.min, field.max, path);
  }
  if (value.is_string()) {
    if (!field.values.empty()) TRY_VOID(check_value_in_list(field, value.as_string(), path));
    if (field.name_only) TRY_VOID(check_name(value.as_string(), path));
    const bool bounded = field.min > 0 || field.max < Field::kNoBound;
    if (!bounded) return {};
    return check_length(field, base::count_characters(value.as_string()), true, path);
  }
  if (value.is_array()) return check_array(value, field, tolerate_unknown, path);
  if (!value.is_object()) return {};
  if ((field.kinds & kMap) != 0) return check_map(value, path);
  if (field.schema != nullptr && (field.kinds & kArray) == 0)
    return check_fields(value, *field.schema, tolerate_unknown, path);
  return {};
}

base::Status check_fields(const json::Value& body, const Schema& schema, bool tolerate_unknown,
                          const std::string& path) {
  for (const Field& field : schema.fields) {
    const json::Value* value = find_parameter(body, field.name);
    if (value == nullptr && !field.required) continue;
    if (value == nullptr && !field.missing.empty())
      return refuse_parameter("", "", std::string(field.missing));
    const std::string field_path = join(path, field.name);
    if (value == nullptr) return missing(field_path);
    TRY_VOID(check_field(*value, field, tolerate_unknown, field_path));
  }
  if (schema.open || tolerate_unknown) return {};
  for (const auto& [name, value] : body.as_object()) {
    bool known = false;
    for (const Field& field : schema.fields) known |= field.name == name;
    const std::string shown = join(path, name.substr(0, 200));
    if (!known)
      return refuse_parameter("unknown_parameter", shown, "Unknown parameter: '" + shown + "'.");
  }
  return {};
}

json::Value reference(const Schema& schema) {
  return json::Object{{"$ref", "#/components/schemas/" + std::string(schema.name)}};
}

json::Value elements_json(const Field& field);

void add_bounds(const Field& field, uint16_t kind, json::Value* out) {
  const auto set = [&](std::string_view name, double bound) {
    if (std::abs(bound) == Field::kNoBound) return;
    const bool whole = bound == std::floor(bound);
    out->set(std::string(name),
             whole ? json::Value(static_cast<int64_t>(bound)) : json::Value(bound));
  };
  const bool text = kind == kString, list = kind == kArray;
  if (!text && !list && kind != kInteger && kind != kDecimal) return;
  set(text ? "minLength" : list ? "minItems" : "minimum", field.min);
  set(text ? "maxLength" : list ? "maxItems" : "maximum", field.max);
}

json::Value kind_json(const Field& field, uint16_t kind) {
  json::Value out = json::Object{};
  switch (kind) {
    case kString: {
      out.set("type", "string");
      json::Array values;
      for (const std::string_view value : field.values) values.emplace_back(value);
      if (!values.empty()) out.set("enum", std::move(values));
      break;
    }
    case kInteger:
      out.set("type", "integer");
      break;
    case kDecimal:
      out.set("type", "number");
      break;
    case kBoolean:
      out.set("type", "boolean");
      break;
    case kObject:
      if (field.schema != nullptr && (field.kinds & kArray) == 0) return reference(*field.schema);
      out.set("type", "object");
      break;
    case kMap:
      out.set("type", "object");
      out.set("additionalProperties", json::Object{{"type", "string"}});
      break;
    case kArray:
      out.set("type", "array");
      out.set("items", elements_json(field));
      break;
    default:
      break;
  }
  add_bounds(field, kind, &out);
  return out;
}

json::Value kinds_json(const Field& field) {
  json::Array each;
  for (const uint16_t kind : {kString, kInteger, kDecimal, kBoolean, kObject, kMap, kArray}) {
    if ((field.kinds & kind) != 0) each.push_back(kind_json(field, kind));
  }
  if (each.empty()) return json::Object{};
  if (each.size() == 1) return each[0];
  return json::Object{{"anyOf", std::move(each)}};
}

json::Value elements_json(const Field& field) {
  if (field.schema != nullptr) return reference(*field.schema);
  return kinds_json({.name = field.name, .kinds = field.elements});
}

}  // namespace

base::Status check_body(const json::Value& body, const Schema& schema, bool tolerate_unknown) {
  return check_fields(body, schema, tolerate_unknown, "");
}

json::Value schema_json(const Schema& schema) {
  json::Value properties = json::Object{};
  json::Array required;
  for (const Field& field : schema.fields) {
    json::Value property = kinds_json(field);
    if (!field.summary.empty()) property.set("description", field.summary);
    properties.set(std::string(field.name), std::move(property));
    if (field.required) required.emplace_back(field.name);
  }
  json::Value out = json::Object{{"type", "object"}, {"properties", std::move(properties)}};
  if (!required.empty()) out.set("required", std::move(required));
  if (!schema.open) out.set("additionalProperties", false);
  return out;
}

void collect_schemas(const Schema& schema, json::Value* components) {
  if (components->find(schema.name) != nullptr) return;
  components->set(std::string(schema.name), schema_json(schema));
  for (const Field& field : schema.fields) {
    if (field.schema != nullptr) collect_schemas(*field.schema, components);
  }
}

}  // namespace api
