// The one place where an error becomes an exit code (sysexits.h).
#pragma once

#include "base/result.h"

namespace cli {

int exit_code(base::Code code);

}  // namespace cli
