// The record of a run, train.jsonl: one line a step. A resumed run cuts the lines after its
// checkpoint and goes on.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "json/json.h"
#include "lab/trainer.h"

namespace lab {

struct MetricPoint {
  int64_t step = 0;
  double loss = 0;
  std::optional<double> validation_loss;
};

json::Value metrics_line(const StepReport& report, double peak_share);

// The lines up to `step`, as they stand, and what a curve needs of them. Lines that do not parse
// end the record.
struct MetricsFile {
  std::string lines;
  std::vector<MetricPoint> points;
};
MetricsFile read_metrics(std::string_view text, int64_t step);

}  // namespace lab
