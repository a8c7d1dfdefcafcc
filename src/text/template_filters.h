// The filters (value | name) and tests (value is name) of chat templates.
#pragma once

#include <string_view>

#include "base/result.h"
#include "text/template_operations.h"
#include "text/template_value.h"

namespace text::jinja {

bool is_filter(std::string_view name);
bool is_test(std::string_view name);
base::Result<Value> apply_filter(std::string_view name, const Value& input,
                                 const Arguments& arguments, Budget& budget);
base::Result<bool> apply_test(std::string_view name, const Value& input, const Arguments& arguments,
                              Budget& budget);

}  // namespace text::jinja
