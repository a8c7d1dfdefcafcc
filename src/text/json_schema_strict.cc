#include "text/json_schema_strict.h"

#include <algorithm>
#include <charconv>
#include <span>

namespace text {
namespace {

using json::Value;

constexpr int kPropertiesMax = 5000;
constexpr int kDepthMax = 10;
constexpr int kEnumValuesMax = 1000;
constexpr size_t kNameBytesMax = 120'000;  // of keys, definitions and enum values together

constexpr std::string_view kKnown[] = {"type",        "properties",
                                       "required",    "additionalProperties",
                                       "items",       "enum",
                                       "const",       "anyOf",
                                       "$ref",        "$defs",
                                       "definitions", "minItems",
                                       "maxItems",    "pattern",
                                       "format",      "minLength",
                                       "maxLength",   "minimum",
                                       "maximum",     "exclusiveMinimum",
                                       "multipleOf",  "exclusiveMaximum",
                                       "description", "title",
                                       "default",     "examples",
                                       "$schema",     "$id",
                                       "$comment",    "deprecated",
                                       "readOnly",    "writeOnly"};
constexpr std::string_view kNotes[] = {"description", "title",     "default", "examples",
                                       "$comment",    "$schema",   "$id",     "deprecated",
                                       "readOnly",    "writeOnly", "$defs",   "definitions"};
constexpr std::string_view kTypes[] = {"string", "number", "integer", "boolean",
                                       "object", "array",  "null"};

bool is_one_of(std::span<const std::string_view> words, std::string_view word) {
  return std::ranges::find(words, word) != words.end();
}

class StrictChecker {
 public:
  explicit StrictChecker(const Value& root) : root_(root) {}

  base::Status check_root() {
    const Value& type = root_["type"];
    if (!root_.is_object() || type != Value("object")) {
      return invalid_schema("schema must be a JSON Schema of 'type: \"object\"', got 'type: " +
                            (type.is_string() ? json::dump(type) : "\"None\"") + "'.");
    }
    if (root_.find("anyOf")) return refuse("'anyOf' is not permitted at the root.");
    return check(root_, 1);
  }

 private:
  std::unexpected<base::Error> refuse(const std::string& what) const {
    return invalid_schema(context_of(path_) + what);
  }

  base::Status check_at(std::initializer_list<std::string> steps, const Value& schema, int depth) {
    path_.insert(path_.end(), steps);
    TRY_VOID(check(schema, depth));
    path_.resize(path_.size() - steps.size());
    return {};
  }

  base::Status check(const Value& schema, int depth) {
    if (!schema.is_object()) return refuse("schema must have a 'type' key.");
    if (path_.size() > 200) return refuse("the schema nests too deep.");
    for (const auto& [key, value] : schema.as_object()) {
      if (!is_one_of(kKnown, key)) return refuse("'" + key + "' is not permitted.");
    }
    TRY_VOID(check_definitions(schema));
    if (schema.find("$ref")) return check_reference(schema);
    if (const Value* any = schema.find("anyOf")) return check_alternatives(*any, depth);
    TRY_VOID(check_enum(schema));
    const Value* type = schema.find("type");
    if (!type && schema.find("const")) return {};
    if (!type && schema.find("enum")) return {};
    if (!type) return refuse("schema must have a 'type' key.");
    return check_types(schema, *type, depth);
  }

  base::Status check_definitions(const Value& schema) {
    for (const char* key : {"$defs", "definitions"}) {
      const Value* defs = schema.find(key);
      if (!defs) continue;
      if (!defs->is_object()) return refuse("'" + std::string(key) + "' must be an object.");
      for (const auto& [name, definition] : defs->as_object()) {
        TRY_VOID(count_name(name));
        TRY_VOID(check_at({key, name}, definition, 1));
      }
    }
    return {};
  }

  base::Status check_reference(const Value& schema) {
    for (const auto& [key, value] : schema.as_object()) {
      if (key != "$ref" && !is_one_of(kNotes, key))
        return refuse("$ref cannot have keywords {'" + key + "'}.");
    }
    const Value& reference = schema["$ref"];
    if (!reference.is_string()) return refuse("'$ref' must be a string.");
    if (!find_reference(root_, reference.as_string())) {
      return refuse("reference to component '" + reference.as_string() +
                    "' which was not found in the schema.");
    }
    return {};
  }

  base::Status check_alternatives(const Value& any, int depth) {
    if (!any.is_array() || any.as_array().empty())
      return refuse("'anyOf' must be an array of schemas.");
    for (size_t i = 0; i < any.as_array().size(); ++i)
      TRY_VOID(check_at({"anyOf", std::to_string(i)}, any.as_array()[i], depth));
    return {};
  }

  base::Status check_enum(const Value& schema) {
    const Value* values = schema.find("enum");
    if (!values) return {};
    if (!values->is_array() || values->as_array().empty())
      return refuse("'enum' must be an array of at least one value.");
    enum_values_ += static_cast<int>(values->as_array().size());
    if (enum_values_ > kEnumValuesMax)
      return refuse("the schema has more than 1000 enum values, the most that are allowed.");
    for (const Value& value : values->as_array())
      if (value.is_string()) TRY_VOID(count_name(value.as_string()));
    return {};
  }

  base::Status count_name(const std::string& name) {
    name_bytes_ += name.size();
    if (name_bytes_ > kNameBytesMax)
      return refuse("the names and enum values of the schema are longer than 120000 bytes.");
    return {};
  }

  base::Status check_types(const Value& schema, const Value& type, int depth) {
    std::vector<Value> types = {type};
    if (type.is_array()) types = type.as_array();
    if (types.empty()) return refuse("'type' must not be empty.");
    for (const Value& one : types) {
      if (!one.is_string() || !is_one_of(kTypes, one.as_string()))
        return refuse(json::dump(one) + " is not valid under any of the given schemas.");
      if (depth > kDepthMax && (one == Value("object") || one == Value("array")))
        return refuse("the schema has more than 10 levels of nesting, the most that are allowed.");
      if (one == Value("object")) TRY_VOID(check_object(schema, depth));
      if (one == Value("array")) TRY_VOID(check_array(schema, depth));
    }
    return {};
  }

  base::Status check_object(const Value& schema, int depth) {
    const Value* more = schema.find("additionalProperties");
    if (!more || *more != Value(false))
      return refuse("'additionalProperties' is required to be supplied and to be false.");
    const Value empty = json::Object{};
    const Value* properties = schema.find("properties");
    if (properties && !properties->is_object()) return refuse("'properties' must be an object.");
    if (!properties) properties = &empty;
    TRY_VOID(check_required(schema, *properties));
    for (const auto& [name, property] : properties->as_object()) {
      if (++properties_ > kPropertiesMax)
        return refuse("the schema has more than 5000 properties, the most that are allowed.");
      TRY_VOID(count_name(name));
      TRY_VOID(check_at({"properties", name}, property, depth + 1));
    }
    return {};
  }

  base::Status check_required(const Value& schema, const Value& properties) {
    const std::string rule =
        "'required' is required to be supplied and to be an array including every key in "
        "properties.";
    const Value* required = schema.find("required");
    if (!required && properties.as_object().empty()) return {};
    if (!required || !required->is_array()) {
      const auto& all = properties.as_object();
      return refuse(rule + (all.empty() ? "" : " Missing '" + all.front().first + "'."));
    }
    std::vector<std::string_view> names;
    for (const Value& name : required->as_array()) {
      if (!name.is_string()) return refuse(rule);
      names.push_back(name.as_string());
    }
    std::ranges::sort(names);
    for (const auto& [name, property] : properties.as_object()) {
      if (!std::ranges::binary_search(names, name))
        return refuse(rule + " Missing '" + name + "'.");
    }
    std::vector<std::string_view> known;
    for (const auto& [name, property] : properties.as_object()) known.push_back(name);
    std::ranges::sort(known);
    for (const std::string_view name : names) {
      if (!std::ranges::binary_search(known, name))
        return refuse(rule + " Extra required key '" + std::string(name) + "' supplied.");
    }
    return {};
  }

  base::Status check_array(const Value& schema, int depth) {
    const Value* items = schema.find("items");
    if (!items || !items->is_object()) return refuse("array schema missing items.");
    return check_at({"items"}, *items, depth + 1);
  }

  const Value& root_;
  SchemaPath path_;
  int properties_ = 0, enum_values_ = 0;
  size_t name_bytes_ = 0;
};

// One step of a JSON pointer with ~1 and ~0 read back.
std::string pointer_step(std::string_view step) {
  std::string out;
  for (size_t i = 0; i < step.size(); ++i) {
    const bool escape = step[i] == '~' && i + 1 < step.size();
    out.push_back(!escape ? step[i] : step[++i] == '1' ? '/' : '~');
  }
  return out;
}

}  // namespace

std::string context_of(const SchemaPath& path) {
  std::string out = "In context=(";
  for (size_t i = 0; i < path.size(); ++i)
    out += std::string(i > 0 ? ", " : "") + "'" + path[i] + "'";
  return out + (path.size() == 1 ? ",), " : "), ");
}

std::unexpected<base::Error> invalid_schema(std::string message) {
  return base::fail(base::Code::InvalidArgument, std::move(message), {}, "INVALID_SCHEMA");
}

base::Status check_strict_schema(const Value& schema) { return StrictChecker(schema).check_root(); }

const Value* find_reference(const Value& root, std::string_view reference) {
  if (reference == "#") return &root;
  if (!reference.starts_with("#/")) return nullptr;
  const Value* at = &root;
  for (reference.remove_prefix(2); at;) {
    const size_t end = std::min(reference.find('/'), reference.size());
    const std::string step = pointer_step(reference.substr(0, end));
    if (at->is_array()) {
      size_t index = 0;
      const auto read = std::from_chars(step.data(), step.data() + step.size(), index);
      const bool good = read.ec == std::errc() && read.ptr == step.data() + step.size() &&
                        index < at->as_array().size();
      at = good ? &at->as_array()[index] : nullptr;
    } else {
      at = at->find(step);
    }
    if (end == reference.size()) return at;
    reference.remove_prefix(end + 1);
  }
  return nullptr;
}

}  // namespace text
