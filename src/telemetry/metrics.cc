#include "telemetry/metrics.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/check.h"

namespace telemetry {
namespace {

constexpr double kLatencyBounds[] = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
                                     0.5,   1,      2.5,   5,    10,    30,   60};

size_t thread_shard(size_t shards) {
  static std::atomic<size_t> next{0};
  static thread_local const size_t mine = next.fetch_add(1, std::memory_order_relaxed);
  return mine % shards;
}

void append_escaped(std::string* out, std::string_view text) {
  for (char c : text) {
    if (c == '\\' || c == '"') *out += '\\';
    if (c == '\n')
      *out += "\\n";
    else
      *out += c;
  }
}

std::string label_text(const Labels& labels) {
  std::string out;
  for (const auto& [name, value] : labels) {
    if (!out.empty()) out += ',';
    out.append(name).append("=\"");
    append_escaped(&out, value);
    out += '"';
  }
  return out;
}

std::string number_text(double value) {
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  if (std::isnan(value)) return "NaN";
  char text[32];
  const auto [end, error] = std::to_chars(text, text + sizeof text, value);
  return error == std::errc() ? std::string(text, end) : "0";
}

void append_sample(std::string* out, std::string_view name, std::string_view suffix,
                   const std::string& labels, const std::string& value) {
  out->append(name).append(suffix);
  if (!labels.empty()) out->append("{").append(labels).append("}");
  out->append(" ").append(value).append("\n");
}

}  // namespace

const std::span<const double> kLatencySeconds = kLatencyBounds;

void Counter::add(uint64_t count) {
  shards_[thread_shard(kShards)].count.fetch_add(count, std::memory_order_relaxed);
}

uint64_t Counter::value() const {
  uint64_t sum = 0;
  for (const Shard& shard : shards_) sum += shard.count.load(std::memory_order_relaxed);
  return sum;
}

Histogram::Histogram(std::span<const double> upper_bounds)
    : upper_bounds_(upper_bounds.begin(), upper_bounds.end()) {
  CHECK(std::ranges::is_sorted(upper_bounds_));
  for (size_t i = 0; i <= upper_bounds_.size(); ++i)
    buckets_.push_back(std::make_unique<Counter>());
}

void Histogram::observe_ns(int64_t ns) {
  const double seconds = static_cast<double>(ns) * 1e-9;
  const auto bucket = std::ranges::lower_bound(upper_bounds_, seconds) - upper_bounds_.begin();
  buckets_[static_cast<size_t>(bucket)]->add();
  sum_us_.add(static_cast<uint64_t>(std::max<int64_t>(ns, 0) / 1000));
}

uint64_t Histogram::count() const {
  uint64_t sum = 0;
  for (const auto& bucket : buckets_) sum += bucket->value();
  return sum;
}

Registry::Series& Registry::find_or_add(std::string_view name, std::string_view help,
                                        std::string_view type, const Labels& labels) {
  auto family = std::ranges::find_if(families_, [&](const auto& f) { return f->name == name; });
  if (family == families_.end()) {
    auto added = std::make_unique<Family>();
    added->name = name;
    added->help = help;
    added->type = type;
    families_.push_back(std::move(added));
    family = families_.end() - 1;
  }
  CHECK((*family)->type == type);
  const std::string text = label_text(labels);
  auto& series = (*family)->series;
  const auto found = std::ranges::find_if(series, [&](const auto& s) { return s->labels == text; });
  if (found != series.end()) return **found;
  series.push_back(std::make_unique<Series>());
  series.back()->labels = text;
  return *series.back();
}

Counter& Registry::counter(std::string_view name, std::string_view help, const Labels& labels) {
  const std::lock_guard lock(mutex_);
  Series& series = find_or_add(name, help, "counter", labels);
  if (!series.counter) series.counter = std::make_unique<Counter>();
  return *series.counter;
}

Histogram& Registry::histogram(std::string_view name, std::string_view help, const Labels& labels,
                               std::span<const double> upper_bounds) {
  const std::lock_guard lock(mutex_);
  Series& series = find_or_add(name, help, "histogram", labels);
  if (!series.histogram) series.histogram = std::make_unique<Histogram>(upper_bounds);
  return *series.histogram;
}

void Registry::gauge(std::string_view name, std::string_view help, const Labels& labels,
                     std::function<double()> read) {
  const std::lock_guard lock(mutex_);
  find_or_add(name, help, "gauge", labels).read = std::move(read);
}

void Registry::append_histogram(std::string* out, const std::string& name, const Series& series) {
  const Histogram& histogram = *series.histogram;
  const std::string comma = series.labels.empty() ? "" : series.labels + ",";
  uint64_t below = 0;
  for (size_t i = 0; i < histogram.buckets_.size(); ++i) {
    below += histogram.buckets_[i]->value();
    const std::string bound =
        i < histogram.upper_bounds_.size() ? number_text(histogram.upper_bounds_[i]) : "+Inf";
    append_sample(out, name, "_bucket", comma + "le=\"" + bound + "\"", std::to_string(below));
  }
  append_sample(out, name, "_sum", series.labels,
                number_text(static_cast<double>(histogram.sum_us_.value()) * 1e-6));
  append_sample(out, name, "_count", series.labels, std::to_string(below));
}

std::string Registry::prometheus() const {
  const std::lock_guard lock(mutex_);
  std::string out;
  for (const auto& family : families_) {
    out += "# HELP " + family->name + " " + family->help + "\n# TYPE " + family->name + " ";
    out.append(family->type).append("\n");
    for (const auto& series : family->series) {
      if (series->counter)
        append_sample(&out, family->name, "", series->labels,
                      std::to_string(series->counter->value()));
      if (series->read)
        append_sample(&out, family->name, "", series->labels, number_text(series->read()));
      if (series->histogram) append_histogram(&out, family->name, *series);
    }
  }
  return out;
}

}  // namespace telemetry
