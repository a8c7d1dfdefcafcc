// The commands behind `charter judge WORD …`; each takes the arguments after its word.
#pragma once

#include <span>
#include <string>

#include "base/result.h"

namespace cli {

base::Status judge_import(std::span<const std::string> arguments);
base::Status judge_export(std::span<const std::string> arguments);
base::Status judge_compare(std::span<const std::string> arguments);
base::Status judge_calibrate(std::span<const std::string> arguments);
base::Status judge_oversight(std::span<const std::string> arguments);
// Results of lm-eval or Inspect, checked; a report goes into the folder `out`.
base::Status judge_import_results(const std::string& format, const std::string& path,
                                  const std::string& out);

}  // namespace cli
