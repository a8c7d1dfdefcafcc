#include "base/result.h"

#include <cstdio>
#include <cstdlib>

#include "base/check.h"

namespace base {

void check_failed(const char* file, int line, const char* expression) {
  std::fprintf(stderr, "%s:%d: CHECK failed: %s\n", file, line, expression);
  std::abort();
}

std::string_view code_name(Code code) {
  switch (code) {
    case Code::InvalidArgument:
      return "invalid_argument";
    case Code::Malformed:
      return "malformed";
    case Code::NotFound:
      return "not_found";
    case Code::AlreadyExists:
      return "already_exists";
    case Code::Unauthenticated:
      return "unauthenticated";
    case Code::PermissionDenied:
      return "permission_denied";
    case Code::FailedPrecondition:
      return "failed_precondition";
    case Code::TooLarge:
      return "too_large";
    case Code::RateLimited:
      return "rate_limited";
    case Code::QuotaExceeded:
      return "quota_exceeded";
    case Code::Unavailable:
      return "unavailable";
    case Code::Cancelled:
      return "cancelled";
    case Code::Corrupt:
      return "corrupt";
    case Code::Io:
      return "io";
    case Code::Unimplemented:
      return "unimplemented";
    case Code::Internal:
      return "internal";
  }
  CHECK(false);  // every code has a name
  return {};
}

std::string Error::text() const {
  std::string out = message;
  if (!where.empty()) out += " (" + where + ")";
  if (cause) out += ": " + cause->text();
  return out;
}

std::unexpected<Error> wrap(Error cause, std::string message, std::string where) {
  Error outer{cause.code, std::move(message), cause.reason, std::move(where), {}};
  outer.cause = std::make_shared<const Error>(std::move(cause));
  return std::unexpected(std::move(outer));
}

}  // namespace base
