// Strict TOML 1.0 into json::Value: for charters, standards and configuration. Unknown syntax,
// duplicate keys, floats and dates without an offset are refused (GOVERNANCE 3.2); dates arrive as
// RFC 3339 strings.
#pragma once

#include <string_view>

#include "json/json.h"

namespace json {

// Errors: Code::Malformed, reason PARSE_STRICT, with line and column in the message. `name` is the
// file, for the error.
base::Result<Value> parse_toml(std::string_view text, std::string_view name);

}  // namespace json
