#include "judge/import_checks.h"

#include <algorithm>
#include <cmath>

namespace judge {
namespace {

constexpr double kAlpha = 0.05;

}  // namespace

void summarize_import(ImportedResult* result) {
  const std::vector<double>& scores = result->scores;
  result->samples = static_cast<int64_t>(scores.size());
  double sum = 0;
  for (const double score : scores) sum += score;
  result->mean = sum / static_cast<double>(scores.size());
  const bool binary =
      std::ranges::all_of(scores, [](double score) { return score == 0 || score == 1; });
  if (binary && result->epochs == 1) {
    result->bounds =
        base::clopper_pearson(static_cast<uint64_t>(std::llround(sum)), scores.size(), kAlpha);
    return;
  }
  // The epochs of a case stand one after another.
  const auto epochs = static_cast<size_t>(result->epochs);
  std::vector<double> means(scores.size() / epochs, 0);
  for (size_t i = 0; i < means.size() * epochs; ++i)
    means[i / epochs] += scores[i] / static_cast<double>(epochs);
  for (double& mean : means) mean = std::clamp(mean, 0.0, 1.0);
  result->bounds = cluster_t(means, kAlpha);
}

std::string print_import(const ImportedResult& r) {
  return json::dump_pretty(json::Object{{"format", "charter-imported/v1"},
                                        {"harness", r.harness},
                                        {"model", r.model},
                                        {"task", r.task},
                                        {"metric", r.metric},
                                        {"samples", r.samples},
                                        {"epochs", r.epochs},
                                        {"mean", r.mean},
                                        {"lower_bound", r.bounds.lower},
                                        {"upper_bound", r.bounds.upper},
                                        {"prompts_root", crypto::hex(r.prompts)},
                                        {"evidence", false}});
}

}  // namespace judge
