// Text inside an XML document, such as an SVG picture.
#pragma once

#include <string>
#include <string_view>

namespace base {

// For the content of an element and for an attribute in double quotes (XML 1.0, 2.4): '&', '<', '>'
// and '"' as references.
std::string escape_xml(std::string_view text);

}  // namespace base
