// charter_gateway_bench: the parts of the gateway's measurements, one after a word.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>

#include "bench/gateway/floor.h"
#include "bench/gateway/load.h"
#include "bench/gateway/mock.h"
#include "bench/gateway/report.h"

namespace bench {
namespace {

class Arguments {
 public:
  Arguments(int count, char** given) {
    for (int i = 2; i + 1 < count; i += 2) values_[given[i]] = given[i + 1];
  }
  std::string text(const std::string& name, std::string otherwise = {}) const {
    const auto at = values_.find(name);
    return at == values_.end() ? otherwise : at->second;
  }
  int64_t number(const std::string& name, int64_t otherwise = 0) const {
    const auto at = values_.find(name);
    return at == values_.end() ? otherwise : std::atoll(at->second.c_str());
  }
  uint16_t port(const std::string& name) const { return static_cast<uint16_t>(number(name)); }

 private:
  std::map<std::string, std::string> values_;
};

std::string self_path() {
  std::error_code error;
  return std::filesystem::read_symlink("/proc/self/exe", error).string();
}

int print_load(const Arguments& arguments) {
  LoadOptions options;
  options.port = arguments.port("--port");
  options.key = arguments.text("--key");
  options.model = arguments.text("--model", options.model);
  options.connections = static_cast<int>(arguments.number("--connections", 1));
  options.requests = arguments.number("--requests");
  options.seconds = std::atof(arguments.text("--seconds", "5").c_str());
  options.stream_frames = arguments.number("--frames");
  LoadResult result = run_load(options);
  const auto us = [](std::vector<int64_t>* values, double share) {
    return static_cast<double>(percentile(values, share)) / 1e3;
  };
  std::printf("good %lld failed %lld lost frames %lld, %.0f/s\n",
              static_cast<long long>(result.good), static_cast<long long>(result.failed),
              static_cast<long long>(result.frames_lost),
              static_cast<double>(result.good) / std::max(result.seconds, 1e-9));
  std::printf("latency p50 %.1f p99 %.1f p99.9 %.1f us\n", us(&result.latency_ns, 0.5),
              us(&result.latency_ns, 0.99), us(&result.latency_ns, 0.999));
  if (!result.frame_ns.empty())
    std::printf("frame p50 %.1f p99 %.1f us\n", us(&result.frame_ns, 0.5),
                us(&result.frame_ns, 0.99));
  if (!result.first_failure.empty())
    std::printf("first failure: %s\n", result.first_failure.c_str());
  return result.failed == 0 ? 0 : 1;
}

int run(int count, char** given) {
  const std::string_view word = count > 1 ? given[1] : "";
  const Arguments arguments(count, given);
  if (word == "mock") {
    MockOptions options;
    options.port = arguments.port("--port");
    options.delay_ms = static_cast<int>(arguments.number("--delay-ms", options.delay_ms));
    options.frame_ms = static_cast<int>(arguments.number("--frame-ms", options.frame_ms));
    return run_mock(options);
  }
  if (word == "floor")
    return run_floor(arguments.port("--port"), arguments.port("--upstream"),
                     static_cast<int>(arguments.number("--threads", 1)));
  if (word == "load") return print_load(arguments);
  if (word == "run") {
    ReportOptions options;
    options.setting = {self_path(), arguments.text("--charter"), free_port()};
    options.only = arguments.text("--only");
    options.out = arguments.text("--out");
    options.latency_requests = arguments.number("--requests", options.latency_requests);
    options.seconds = std::atof(arguments.text("--seconds", "5").c_str());
    options.streams = arguments.number("--streams", options.streams);
    options.frame_ms = static_cast<int>(arguments.number("--frame-ms", options.frame_ms));
    options.soak_requests = arguments.number("--soak", options.soak_requests);
    return run_report(options);
  }
  std::fputs("usage: charter_gateway_bench run|mock|floor|load [--name value ...]\n", stderr);
  return 64;
}

}  // namespace
}  // namespace bench

int main(int count, char** arguments) { return bench::run(count, arguments); }
