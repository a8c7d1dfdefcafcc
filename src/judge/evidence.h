// Evidence: the complete result of a pinned suite on one model, as an in-toto Statement
// (test-result v0.1) over the model's manifest digest. Complete or refused; the roots are computed
// from what is there. The statement is not signed here.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "judge/tally.h"

namespace judge {

std::string write_evidence(const Suite& suite, const Identity& identity, const Tally& tally,
                           std::span<const Record> records);
// JSON lines in the order of (setting, case, epoch).
std::string write_results(const Suite& suite, std::span<const Record> records);

struct Checked {
  Identity identity;
  Tally tally;
  std::vector<Record> records;
};
// Recomputes all of a statement from its suite and its results.jsonl, and refuses any difference
// (DIGEST_MISMATCH).
base::Result<Checked> check_evidence(const Suite& suite, std::string_view evidence,
                                     std::string_view results);
base::Result<std::vector<Record>> parse_results(std::string_view results);

// The candidate against production on the same suite, cluster by cluster: how much worse it is at
// most. Of a harm suite worse is more, of a capability suite less. The difference is of the worst
// setting of each.
struct Comparison {
  double difference = 0;  // candidate - production, of the means
  double worse_at_most = 0;
  bool passed = false;  // worse_at_most <= margin
};
base::Result<Comparison> compare(const Suite& suite, const Checked& candidate,
                                 const Checked& production, double alpha, double margin);

}  // namespace judge
