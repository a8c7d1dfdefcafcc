// Measures the targets one after another, each beside the direct way, and reports.
#pragma once

#include <optional>
#include <string>

#include "bench/gateway/targets.h"

namespace bench {

struct ReportOptions {
  Setting setting;
  std::string only;  // targets whose name contains it, and direct
  std::string out;   // a JSON file; empty: none
  int64_t latency_requests = 1000;
  double seconds = 5;  // of each throughput row
  int64_t streams = 1024;
  int frame_ms = 50;                // between two frames of a stream
  int64_t soak_requests = 200'000;  // of the memory row
};

int run_report(const ReportOptions& options);  // an exit code

}  // namespace bench
