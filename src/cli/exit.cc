#include "cli/exit.h"

#include <sysexits.h>

namespace cli {

int exit_code(base::Code code) {
  switch (code) {
    case base::Code::InvalidArgument:
      return EX_USAGE;
    case base::Code::Malformed:
      return EX_DATAERR;
    case base::Code::NotFound:
      return EX_NOINPUT;
    case base::Code::AlreadyExists:
      return EX_CANTCREAT;
    case base::Code::Unauthenticated:
      return EX_NOPERM;
    case base::Code::PermissionDenied:
      return EX_NOPERM;
    case base::Code::FailedPrecondition:
      return EX_UNAVAILABLE;
    case base::Code::TooLarge:
      return EX_DATAERR;
    case base::Code::RateLimited:
      return EX_TEMPFAIL;
    case base::Code::QuotaExceeded:
      return EX_UNAVAILABLE;
    case base::Code::Unavailable:
      return EX_UNAVAILABLE;
    case base::Code::Cancelled:
      return EX_TEMPFAIL;
    case base::Code::Corrupt:
      return EX_DATAERR;
    case base::Code::Io:
      return EX_IOERR;
    case base::Code::Unimplemented:
      return EX_UNAVAILABLE;
    case base::Code::Internal:
      return EX_SOFTWARE;
  }
  return EX_SOFTWARE;
}

int exit_code(const base::Error& error) {
  const bool is_named = !error.reason.empty() && error.reason[0] >= 'A' && error.reason[0] <= 'Z';
  if (error.code == base::Code::InvalidArgument && is_named) return EX_DATAERR;
  return exit_code(error.code);
}

}  // namespace cli
