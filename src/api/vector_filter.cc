// Filters over the attributes of a vector store's files.
#include <algorithm>

#include "api/errors.h"
#include "api/parameter.h"
#include "api/vector_indexer.h"

namespace api {
namespace {

constexpr std::string_view kComparisons[] = {"eq", "ne", "gt", "gte", "lt", "lte", "in", "nin"};
constexpr int kDepthMax = 16;

bool is_scalar(const json::Value& value) {
  return value.is_string() || value.is_number() || value.is_bool();
}

bool same(const json::Value& a, const json::Value& b) {
  if (a.is_number() && b.is_number()) return a.as_double() == b.as_double();
  return a == b;
}

// Numbers with numbers, strings with strings; all else has no order.
bool ordered(const json::Value& a, const json::Value& b, bool (*holds)(int)) {
  if (a.is_number() && b.is_number()) {
    const double x = a.as_double(), y = b.as_double();
    return holds(x < y ? -1 : x > y ? 1 : 0);
  }
  return a.is_string() && b.is_string() && holds(a.as_string().compare(b.as_string()));
}

bool compares(std::string_view type, const json::Value& have, const json::Value& wanted) {
  if (type == "eq") return same(have, wanted);
  if (type == "ne") return !same(have, wanted);
  if (type == "gt") return ordered(have, wanted, [](int order) { return order > 0; });
  if (type == "gte") return ordered(have, wanted, [](int order) { return order >= 0; });
  if (type == "lt") return ordered(have, wanted, [](int order) { return order < 0; });
  if (type == "lte") return ordered(have, wanted, [](int order) { return order <= 0; });
  const bool among = std::ranges::any_of(wanted.as_array(),
                                         [&](const json::Value& one) { return same(have, one); });
  return type == "in" ? among : !among;
}

}  // namespace

base::Status check_filter(const json::Value& filter, const std::string& path, int depth) {
  if (!filter.is_object()) return wrong_type(path, "an object", filter);
  if (depth > kDepthMax)
    return refuse_parameter("invalid_value", path, "Invalid '" + path + "': nested too deeply.");
  const json::Value& type = filter["type"];
  if (type.is_null()) return missing(path + ".type");
  if (!type.is_string()) return wrong_type(path + ".type", "a string", type);
  if (type.as_string() == "and" || type.as_string() == "or") {
    const json::Value& filters = filter["filters"];
    if (filters.is_null()) return missing(path + ".filters");
    if (!filters.is_array()) return wrong_type(path + ".filters", "an array of objects", filters);
    for (size_t i = 0; i < filters.as_array().size(); ++i)
      TRY_VOID(check_filter(filters.as_array()[i], path + ".filters[" + std::to_string(i) + "]",
                            depth + 1));
    return {};
  }
  if (std::ranges::find(kComparisons, type.as_string()) == std::end(kComparisons))
    return refuse_parameter("invalid_value", path + ".type",
                            "Invalid value: '" + type.as_string().substr(0, 80) +
                                "'. Supported values are: 'eq', 'ne', 'gt', 'gte', 'lt', 'lte', "
                                "'in', 'nin', 'and', and 'or'.");
  if (filter["key"].is_null()) return missing(path + ".key");
  if (!filter["key"].is_string()) return wrong_type(path + ".key", "a string", filter["key"]);
  const json::Value& value = filter["value"];
  if (value.is_null()) return missing(path + ".value");
  const bool list = type.as_string() == "in" || type.as_string() == "nin";
  if (list && !value.is_array()) return wrong_type(path + ".value", "an array", value);
  if (!list && !is_scalar(value))
    return wrong_type(path + ".value", "one of a string, number or boolean", value);
  return {};
}

bool filter_admits(const json::Value& filter, const json::Value& attributes) {
  if (filter.is_null()) return true;
  const std::string& type = filter["type"].as_string();
  const auto admits = [&](const json::Value& one) { return filter_admits(one, attributes); };
  if (type == "and") return std::ranges::all_of(filter["filters"].as_array(), admits);
  if (type == "or") return std::ranges::any_of(filter["filters"].as_array(), admits);
  return compares(type, attributes[filter["key"].as_string()], filter["value"]);
}

}  // namespace api
