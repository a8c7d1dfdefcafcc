// The one place where an error becomes an exit code (sysexits.h).
#pragma once

#include "base/result.h"

namespace cli {

int exit_code(base::Code code);
// The same for a command's failure. An invalid argument with a name in capitals stands in a file
// (UNKNOWN_FIELD, EVIDENCE_INCOMPLETE, …), not on the command line.
int exit_code(const base::Error& error);

}  // namespace cli
