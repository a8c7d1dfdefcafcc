// JSON to the byte as Python's json.dumps(value, ensure_ascii=False) prints it: lm-eval's hashes of
// documents and prompts are over these bytes.
#pragma once

#include <string>

#include "json/json.h"

namespace judge {

// indent 0: on one line, ", " and ": " between. Otherwise json.dumps(value, indent=indent).
std::string python_json(const json::Value& value, int indent = 0);
std::string python_float(double value);  // repr(value) of a finite number: "1.0", "1e-05"

}  // namespace judge
