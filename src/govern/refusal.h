// Refusals of the governance core. Each has a stable name (GOVERNANCE section 6), which tests,
// scripts and the page match on, and a sentence that says what to do. An input that is refused
// never changes a state.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace govern {

inline std::unexpected<base::Error> refuse(std::string_view reason, std::string message,
                                           std::string where = {}) {
  return base::fail(base::Code::FailedPrecondition, std::move(message), std::move(where),
                    std::string(reason));
}
// Bytes that are not in the form that the format asks for.
inline std::unexpected<base::Error> malformed(std::string message, std::string where = {}) {
  return base::fail(base::Code::Malformed, std::move(message), std::move(where), "MALFORMED");
}
// Stored or shipped bytes that fail their digest or signature.
inline std::unexpected<base::Error> corrupt(std::string_view reason, std::string message,
                                            std::string where = {}) {
  return base::fail(base::Code::Corrupt, std::move(message), std::move(where), std::string(reason));
}

}  // namespace govern
