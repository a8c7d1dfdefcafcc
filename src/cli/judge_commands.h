// The commands behind `charter judge WORD …`; each takes the arguments after its word.
#pragma once

#include <span>
#include <string>

#include "base/result.h"

namespace cli {

base::Status judge_import(std::span<const std::string> arguments);
base::Status judge_compare(std::span<const std::string> arguments);
base::Status judge_calibrate(std::span<const std::string> arguments);

}  // namespace cli
