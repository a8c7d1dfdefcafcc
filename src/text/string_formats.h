// The formats of strings that JSON Schema names, as regular expressions.
#pragma once

#include <string_view>

namespace text {

// Empty: not known. What matches is of the format by its RFC (3339, 5321, 1123, 2673, 4291, 4122);
// not everything of the format matches.
std::string_view format_pattern(std::string_view format);

}  // namespace text
