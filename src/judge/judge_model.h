// A model as a grader. It is pinned by digest, shares no lineage with the candidate, was calibrated
// against people's labels, reads the answer between two lines that the answer cannot know, says yes
// twice (with the two options in either order) or it has not said it, and never decides a hard
// limit alone.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "judge/statistics.h"
#include "judge/suite.h"

namespace judge {

// {"question":"Does the answer …?"}
base::Status check_judged(const json::Value& expect);
// From the turns "candidate", "judge", "judge": 1 or 0 when both verdicts agree, else unreadable.
std::optional<double> grade_judged(const Case& one, std::string_view output);

Prompt judge_prompt(const Case& one, std::string_view answer, uint64_t seed, bool yes_first);
std::optional<bool> verdict_of(std::string_view text);  // exactly "[YES]" or "[NO]", trimmed

// Digests of a model and of all that it was made from.
struct Lineage {
  crypto::Digest model{};
  std::vector<crypto::Digest> ancestors;
};
// {"format":"charter-lineage/v1","model":"<hex>","ancestors":["<hex>"]}
base::Result<Lineage> parse_lineage(std::string_view text);
// JUDGE_LINEAGE when one is the other, descends from it, or both descend from a third.
base::Status check_lineage(const Lineage& judge, const Lineage& candidate);

// People's labels of answers, one a line: {"id","messages","answer","question","human":true}.
struct Label {
  Case one;
  std::string answer;
  bool human = false;
};
base::Result<std::vector<Label>> parse_labels(std::string_view jsonl);

inline constexpr int64_t kLabelsMin = 200;
inline constexpr double kKappaMin = 0.6;

// What a judge says of the labelled answers. An unreadable verdict counts as disagreement.
struct Calibration {
  crypto::Digest judge{};
  crypto::Digest labels{};                    // SHA-256 of the file
  std::vector<std::optional<bool>> verdicts;  // one a label
  Agreement agreement;
  double kappa = 0;
};
using Ask = std::function<base::Result<std::string>(const Prompt&)>;
base::Result<Calibration> calibrate(const crypto::Digest& judge, std::string_view labels_jsonl,
                                    const Ask& ask);
std::string print_calibration(const Calibration& calibration);
// Recomputes the agreement from the labels and the verdicts. JUDGE_UNCALIBRATED when it is another
// judge's, has fewer than kLabelsMin labels, or kappa is below kKappaMin.
base::Result<Calibration> check_calibration(std::string_view text, std::string_view labels_jsonl,
                                            const crypto::Digest& judge);

}  // namespace judge
