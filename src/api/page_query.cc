#include "api/page_query.h"

#include <algorithm>
#include <charconv>

#include "api/errors.h"
#include "net/http.h"

namespace api {
namespace {

base::Result<int64_t> read_limit(const std::string& text, int64_t limit_max) {
  int64_t limit = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), limit);
  if (error != std::errc() || end != text.data() + text.size()) {
    return refuse_parameter("invalid_type", "limit",
                            "Invalid type for 'limit': expected an integer, but got '" +
                                text.substr(0, 40) + "' instead.");
  }
  if (limit >= 1 && limit <= limit_max) return limit;
  const bool above = limit > limit_max;
  return refuse_parameter(
      above ? "integer_above_max_value" : "integer_below_min_value", "limit",
      std::string("Invalid 'limit': integer ") + (above ? "above maximum" : "below minimum") +
          " value. Expected a value " + (above ? "<= " + std::to_string(limit_max) : ">= 1") +
          ", but got " + std::to_string(limit) + " instead.");
}

base::Result<size_t> place_of(const json::Array& items, const std::string& id,
                              std::string_view parameter) {
  const auto found = std::ranges::find_if(
      items, [&](const json::Value& item) { return item["id"] == json::Value(id); });
  if (found != items.end()) return static_cast<size_t>(found - items.begin());
  return base::fail(base::Code::NotFound, "Item with id '" + id.substr(0, 100) + "' not found.",
                    std::string(parameter));
}

}  // namespace

base::Result<PageQuery> read_page_query(std::string_view query, int64_t limit_max) {
  PageQuery out;
  for (const net::Header& parameter : net::parse_query(query)) {
    if (parameter.name == "after") out.after = parameter.value;
    if (parameter.name == "before") out.before = parameter.value;
    if (parameter.name == "limit") {
      TRY(out.limit, read_limit(parameter.value, limit_max));
    }
    if (parameter.name != "order") continue;
    if (parameter.value != "asc" && parameter.value != "desc") {
      return refuse_parameter("invalid_value", "order",
                              "Invalid value: '" + parameter.value.substr(0, 40) +
                                  "'. Supported values are: 'asc' and 'desc'.");
    }
    out.ascending = parameter.value == "asc";
  }
  return out;
}

json::Value page_json(json::Array data, bool has_more) {
  json::Value first, last;
  if (!data.empty()) {
    first = data.front()["id"];
    last = data.back()["id"];
  }
  return json::Object{{"object", "list"},
                      {"data", std::move(data)},
                      {"first_id", std::move(first)},
                      {"last_id", std::move(last)},
                      {"has_more", has_more}};
}

base::Result<json::Value> page_of(const json::Array& items, const PageQuery& query) {
  json::Array list = items;
  if (!query.ascending) std::ranges::reverse(list);
  size_t begin = 0, end = list.size();
  if (!query.after.empty()) {
    TRY(begin, place_of(list, query.after, "after"));
    ++begin;
  }
  if (!query.before.empty()) {
    TRY(end, place_of(list, query.before, "before"));
  }
  const auto limit = static_cast<size_t>(query.limit);
  // A page with only a `before` ends right before it.
  const bool backwards = query.after.empty() && !query.before.empty();
  if (begin > end) begin = end;
  const bool has_more = end - begin > limit;
  if (has_more && backwards) begin = end - limit;
  if (has_more && !backwards) end = begin + limit;
  const auto at = [&](size_t index) { return list.begin() + static_cast<int64_t>(index); };
  return page_json(json::Array(at(begin), at(end)), has_more);
}

}  // namespace api
