// Makes the tree of a chat template. What Jinja has and Charter does not is refused by name and
// line.
#pragma once

#include <string_view>

#include "base/result.h"
#include "text/template_ast.h"

namespace text::jinja {

base::Result<Body> parse_template(std::string_view source, int depth_max);

}  // namespace text::jinja
