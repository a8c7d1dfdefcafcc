// multipart/form-data (RFC 7578) read strictly from a whole body. The parts are views into it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace net {

struct FormPart {
  std::string name;                     // as sent: "file", "expires_after[seconds]"
  std::optional<std::string> filename;  // UTF-8, without a path; set for a file part
  std::string content_type;             // as sent; empty when absent
  std::string_view body;
};

struct FormLimits {
  size_t parts_max = 256;
  size_t part_head_bytes_max = 8u << 10;
  size_t field_bytes_max = 1u << 20;  // of a part that is not a file
};

// `content_type` is the request's header. The error is Malformed or TooLarge, says what is wrong,
// and its `where` is the part's name where there is one.
base::Result<std::vector<FormPart>> parse_multipart(std::string_view content_type,
                                                    std::string_view body,
                                                    const FormLimits& limits = {});

// The first part of that name, or null.
const FormPart* find_part(const std::vector<FormPart>& parts, std::string_view name);

}  // namespace net
