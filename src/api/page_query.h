// Pages of lists as OpenAI's clients walk them: ?limit=&after=&before=&order=, and the body with
// the ids of its ends.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "json/json.h"

namespace api {

struct PageQuery {
  int64_t limit = 20;
  std::string after = {}, before = {};
  bool ascending = false;
};

// Errors: InvalidArgument for a limit outside 1..limit_max and an order that is neither.
base::Result<PageQuery> read_page_query(std::string_view query, int64_t limit_max = 100);

// {"object":"list","data","first_id","last_id","has_more"}; the elements have ids.
json::Value page_json(json::Array data, bool has_more);

// A page of items that are at hand, given in ascending order. NotFound for an `after` or `before`
// that names none.
base::Result<json::Value> page_of(const json::Array& items, const PageQuery& query);

}  // namespace api
