#include "bench/gateway/report.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>

#include "base/time.h"
#include "bench/gateway/charter_rows.h"
#include "bench/gateway/load.h"
#include "json/json.h"

namespace bench {
namespace {

constexpr int kRounds = 5;
constexpr int64_t kStreamFrames = 20, kManyStreamFrames = 60;

struct Percentiles {
  double p50 = 0, p99 = 0, p999 = 0;  // us
};

Percentiles percentiles(std::vector<int64_t> ns) {
  const auto at = [&](double share) { return static_cast<double>(percentile(&ns, share)) / 1e3; };
  return {at(0.5), at(0.99), at(0.999)};
}

void append(std::vector<int64_t>* to, const std::vector<int64_t>& from) {
  to->insert(to->end(), from.begin(), from.end());
}

// The most that a row of Charter's may be.
struct Bar {
  const char* target;
  const char* measure;
  double value;
};
constexpr Bar kBars[] = {
    {"charter", "added latency p99", 150},
    {"charter governed", "added latency p99", 300},
    {"charter governed", "stream: added first token p99", 400},
    {"charter governed", "stream: added per token p99", 10},
    {"charter governed", "1024 streams: lost frames", 0},
    {"charter governed", "start to /healthz", 50},
    {"charter governed", "memory idle", 64},
    {"charter governed", "growth of memory over them", 1},
    {"charter governed", "budget race: overshoot of 100 answers", 0},
    {"charter governed", "budget race: part of the cap left unused", 5},
    {"charter governed", "provider dead: failed requests", 0},
    {"charter governed", "provider dead: added until the next answers", 50},
    {"charter governed", "breaker open: added latency p50", 1},
};

std::optional<double> bar_of(const std::string& target, const std::string& measure) {
  for (const Bar& bar : kBars) {
    if (bar.target == target && bar.measure == measure) return bar.value;
  }
  return std::nullopt;
}

class Report {
 public:
  explicit Report(const ReportOptions& options) : options_(options) {}
  int run();

 private:
  void measure(const Target& target);
  void latency(const Target& target);
  void streams(const Target& target);
  void throughput(const Target& target, int connections);
  void many_streams(const Target& target);
  void memory(const Target& target);
  LoadOptions load_of(const Target& target) const;
  void add(const std::string& measure, double value, const std::string& unit);
  void tell_failures(const LoadResult& result);

  const ReportOptions options_;
  const Target* direct_ = nullptr;
  std::string target_;
  json::Array rows_;
};

LoadOptions Report::load_of(const Target& target) const {
  LoadOptions load;
  load.port = target.port;
  load.key = target.key;
  load.model = target.model;
  load.headers = target.headers;
  return load;
}

void Report::add(const std::string& measure, double value, const std::string& unit) {
  const std::optional<double> bar = bar_of(target_, measure);
  std::printf("%-18s %-44s %12.1f %-4s", target_.c_str(), measure.c_str(), value, unit.c_str());
  if (bar) std::printf(" at most %g: %s", *bar, value <= *bar ? "reached" : "MISSED");
  std::printf("\n");
  std::fflush(stdout);
  json::Value row = json::Object{{"target", target_},
                                 {"measure", measure},
                                 {"value", std::round(value * 1e3) / 1e3},
                                 {"unit", unit}};
  if (bar) {
    row.set("bar", *bar);
    row.set("ok", value <= *bar);
  }
  rows_.push_back(std::move(row));
}

void Report::tell_failures(const LoadResult& result) {
  if (result.failed == 0) return;
  add("failed requests", static_cast<double>(result.failed), "");
  std::printf("    the first: %s\n", result.first_failure.c_str());
}

// In rounds, the direct way and the gateway in turn: what the machine does besides meets both.
void Report::latency(const Target& target) {
  std::vector<int64_t> direct, through;
  for (int round = 0; round < kRounds; ++round) {
    for (const Target* each : {direct_, &target}) {
      LoadOptions load = load_of(*each);
      load.requests = options_.latency_requests / kRounds;
      const LoadResult result = run_load(load);
      if (each == &target) tell_failures(result);
      append(each == &target ? &through : &direct, result.latency_ns);
      if (direct_ == &target) break;
    }
  }
  const Percentiles with = percentiles(through);
  add("latency p50, 1 connection", with.p50, "us");
  add("latency p99, 1 connection", with.p99, "us");
  if (direct_ == &target) return;
  const Percentiles without = percentiles(direct);
  add("added latency p50", with.p50 - without.p50, "us");
  add("added latency p99", with.p99 - without.p99, "us");
  add("added latency p99.9", with.p999 - without.p999, "us");
}

void Report::streams(const Target& target) {
  std::vector<int64_t> direct, through, direct_frames, frames;
  for (int round = 0; round < kRounds; ++round) {
    for (const Target* each : {direct_, &target}) {
      LoadOptions load = load_of(*each);
      load.connections = 4;
      load.requests = std::max<int64_t>(1, options_.latency_requests / 25 / kRounds);
      load.warm_up = 4;
      load.stream_frames = kStreamFrames;
      const LoadResult result = run_load(load);
      if (each == &target) tell_failures(result);
      append(each == &target ? &through : &direct, result.latency_ns);
      append(each == &target ? &frames : &direct_frames, result.frame_ns);
      if (direct_ == &target) break;
    }
  }
  const Percentiles first = percentiles(through), token = percentiles(frames);
  add("stream: first token p50", first.p50, "us");
  add("stream: per token p99", token.p99, "us");
  if (direct_ == &target) return;
  const Percentiles first0 = percentiles(direct), token0 = percentiles(direct_frames);
  add("stream: added first token p50", first.p50 - first0.p50, "us");
  add("stream: added first token p99", first.p99 - first0.p99, "us");
  add("stream: added per token p50", token.p50 - token0.p50, "us");
  add("stream: added per token p99", token.p99 - token0.p99, "us");
}

void Report::throughput(const Target& target, int connections) {
  LoadOptions load = load_of(target);
  load.connections = connections;
  load.seconds = options_.seconds;
  load.warm_up = connections;
  const LoadResult result = run_load(load);
  tell_failures(result);
  add("requests per second, " + std::to_string(connections) + " connections",
      static_cast<double>(result.good) / std::max(result.seconds, 1e-9), "1/s");
}

void Report::many_streams(const Target& target) {
  LoadOptions load = load_of(target);
  load.connections = static_cast<int>(options_.streams);
  load.requests = options_.streams;
  load.warm_up = 0;
  load.stream_frames = kManyStreamFrames;
  const LoadResult result = run_load(load);
  tell_failures(result);
  const std::string name = std::to_string(options_.streams) + " streams: ";
  add(name + "whole", static_cast<double>(result.good), "");
  add(name + "lost frames", static_cast<double>(result.frames_lost), "");
  add(name + "per token p99", percentiles(result.frame_ns).p99 / 1e3, "ms");
}

void Report::memory(const Target& target) {
  if (!target.child) return;
  LoadOptions load = load_of(target);
  load.connections = 256;
  load.requests = options_.soak_requests / 10;
  tell_failures(run_load(load));
  const double before = target.resident_bytes();
  load.requests = options_.soak_requests;
  load.seconds = 0;
  const LoadResult result = run_load(load);
  tell_failures(result);
  const double after = target.resident_bytes();
  add("memory after " + std::to_string(result.good) + " requests", after / 1e6, "MB");
  add("growth of memory over them", (after - before) / before * 100, "%");
}

void Report::measure(const Target& target) {
  target_ = target.name;
  if (target.child) {
    add("start to /healthz", target.start_ms, "ms");
    add("memory idle", target.resident_bytes() / 1e6, "MB");
  }
  latency(target);
  streams(target);
  throughput(target, 64);
  throughput(target, 512);
  many_streams(target);
  memory(target);
  std::string why_not;
  const AddRow add_row = [this](const std::string& measure, double value, const std::string& unit) {
    add(measure, value, unit);
  };
  if (target.name == "charter governed" &&
      !measure_charter_rows(target, options_.setting, add_row, &why_not))
    std::printf("%-18s left out: %s\n", target.name.c_str(), why_not.c_str());
}

int Report::run() {
  const std::unique_ptr<Child> mock = start_mock(options_.setting, options_.frame_ms);
  if (!mock) {
    std::fputs("the mock provider does not start\n", stderr);
    return 74;
  }
  std::string why_not;
  const std::unique_ptr<Target> direct = target_kinds()[0].start(options_.setting, &why_not);
  direct_ = direct.get();
  measure(*direct);
  for (const TargetKind& kind : target_kinds()) {
    if (kind.name == "direct" || kind.name.find(options_.only) == std::string::npos) continue;
    const std::unique_ptr<Target> target = kind.start(options_.setting, &why_not);
    if (!target) {
      std::printf("%-18s left out: %s\n", kind.name.c_str(), why_not.c_str());
      rows_.push_back(json::Object{{"target", kind.name}, {"left_out", why_not}});
      continue;
    }
    measure(*target);
    target->child->terminate();
  }
  if (options_.out.empty()) return 0;
  std::ofstream file(options_.out);
  file << json::dump_pretty(rows_) << "\n";
  file.close();
  return file ? 0 : 74;
}

}  // namespace

int run_report(const ReportOptions& options) { return Report(options).run(); }

}  // namespace bench
