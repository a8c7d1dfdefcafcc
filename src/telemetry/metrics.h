// Counters and histograms that any thread may bump without waiting for another, and their text for
// Prometheus. A metric lives as long as its registry; take the reference once and keep it.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace telemetry {

// One cache line per group of threads, summed when somebody looks.
class Counter {
 public:
  void add(uint64_t count = 1);
  uint64_t value() const;

 private:
  static constexpr size_t kShards = 16;
  struct alignas(64) Shard {
    std::atomic<uint64_t> count{0};
  };
  std::array<Shard, kShards> shards_;
};

// Counts by upper bound, in seconds.
class Histogram {
 public:
  explicit Histogram(std::span<const double> upper_bounds);  // ascending; +Inf is added
  void observe_ns(int64_t ns);
  uint64_t count() const;

 private:
  friend class Registry;
  std::vector<double> upper_bounds_;
  std::vector<std::unique_ptr<Counter>> buckets_;  // one more than bounds
  Counter sum_us_;
};

extern const std::span<const double> kLatencySeconds;  // 1 ms to 60 s

using Labels = std::vector<std::pair<std::string_view, std::string_view>>;

class Registry {
 public:
  // The same name and labels give the same metric; the help of the first call stands.
  Counter& counter(std::string_view name, std::string_view help, const Labels& labels = {});
  Histogram& histogram(std::string_view name, std::string_view help, const Labels& labels = {},
                       std::span<const double> upper_bounds = kLatencySeconds);
  // A value that is read when somebody looks; `read` outlives the registry's use and may run on any
  // thread.
  void gauge(std::string_view name, std::string_view help, const Labels& labels,
             std::function<double()> read);

  std::string prometheus() const;  // text format 0.0.4

 private:
  struct Series {
    std::string labels;  // `model="chat"`, escaped
    std::unique_ptr<Counter> counter;
    std::unique_ptr<Histogram> histogram;
    std::function<double()> read;
  };
  struct Family {
    std::string name, help;
    std::string_view type;
    std::vector<std::unique_ptr<Series>> series;
  };
  Series& find_or_add(std::string_view name, std::string_view help, std::string_view type,
                      const Labels& labels);
  static void append_histogram(std::string* out, const std::string& name, const Series& series);

  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<Family>> families_;
};

}  // namespace telemetry
