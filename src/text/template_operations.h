// What expressions of a chat template do with values: attributes, subscripts, arithmetic,
// comparison, methods.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "text/template_value.h"

namespace text::jinja {

struct Arguments {
  std::vector<Value> positional = {};
  std::vector<std::pair<std::string, Value>> named = {};

  // By place or by name; null when not given.
  const Value* get(size_t place, std::string_view name) const;
};

std::unexpected<base::Error> wrong(std::string message);
base::Status must_be_defined(const Value& value);  // the error of using an undefined value

base::Result<Value> attribute(const Value& object, std::string_view name);  // object.name
base::Result<Value> subscript(const Value& object, const Value& key,
                              Budget& budget);  // object[key]
base::Result<Value> slice(const Value& object, const Value* begin, const Value* end,
                          const Value* step, Budget& budget);
base::Result<Value> binary(std::string_view op, const Value& a, const Value& b, Budget& budget);
base::Result<bool> compare(std::string_view op, const Value& a, const Value& b, Budget& budget);
base::Result<bool> contains(const Value& container, const Value& item, Budget& budget);
base::Result<Value> negative(const Value& value);

// Strings and dicts have methods; a bound one is a Callable, called here.
base::Result<Value> call_method(const Value& self, std::string_view name,
                                const Arguments& arguments, Budget& budget);
bool has_method(const Value& self, std::string_view name);

std::string replaced(std::string_view text, std::string_view from, std::string_view to,
                     int64_t count_max);
base::Result<Value> dict_items(const Dict& dict, Budget& budget);

}  // namespace text::jinja
