// The actions of `charter log` that speak with others: witnesses, verifiers of a proof, readers of
// the public log.
#pragma once

#include <span>
#include <string>

#include "base/result.h"

namespace cli {

base::Status log_witness(std::span<const std::string> arguments);
base::Status log_prove(std::span<const std::string> arguments);
base::Status log_check(std::span<const std::string> arguments);
base::Status log_export(std::span<const std::string> arguments);

}  // namespace cli
