// Percent-encoding of everything but RFC 3986's unreserved characters, for URLs and forms.
#pragma once

#include <string>
#include <string_view>

namespace identity {

std::string percent_encode(std::string_view text);

}  // namespace identity
