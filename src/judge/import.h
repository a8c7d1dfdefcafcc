// Public evaluation sets as pinned suites. The sets themselves are not part of Charter: each keeps
// its own licence (docs/DATA.md), and an imported folder says where it came from.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace judge {

struct ImportedSuite {
  std::string definition;  // suite.json, pinned
  std::string cases;       // cases.jsonl
};

// The names that import_suite() knows: "blimp", "truthfulqa-mc1", …
std::vector<std::string_view> import_formats();

// `bytes`: the file as its publisher has it, a ZIP, CSV or JSON-lines file. InvalidArgument for an
// unknown format; otherwise an error that names the row that cannot be read: nothing is left out
// silently.
base::Result<ImportedSuite> import_suite(std::string_view format, std::string_view bytes,
                                         std::string_view suite_name);

}  // namespace judge
