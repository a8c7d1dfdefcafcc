// What the importers of other harnesses' results share.
#pragma once

#include <string>

#include "judge/interchange.h"

namespace judge {

inline std::unexpected<base::Error> import_incomplete(std::string message, std::string where) {
  return base::fail(base::Code::FailedPrecondition, std::move(message), std::move(where),
                    "EVIDENCE_INCOMPLETE");
}
inline std::unexpected<base::Error> import_mismatch(std::string message, std::string where) {
  return base::fail(base::Code::Corrupt, std::move(message), std::move(where), "DIGEST_MISMATCH");
}

// Number, mean and bounds from the scores: Clopper-Pearson for one yes or no a case, else Student's
// t over the cases.
void summarize_import(ImportedResult* result);

}  // namespace judge
