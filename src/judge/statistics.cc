#include "judge/statistics.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "base/random.h"

namespace judge {
namespace {

constexpr int64_t kFewDifferences = 10;

void reach_by_t(Estimate* out, size_t clusters, double alpha) {
  const double t = base::student_t_quantile(1 - alpha, static_cast<double>(clusters - 1));
  out->lower = out->value - t * out->standard_error;
  out->upper = out->value + t * out->standard_error;
}

}  // namespace

Bounds cluster_t(std::span<const double> cluster_means, double alpha) {
  return base::cluster_bounds(base::summarize_clusters(cluster_means), alpha);
}

Estimate cluster_robust(std::span<const Cluster> clusters, double alpha) {
  CHECK(clusters.size() >= 2 && alpha > 0 && alpha < 0.5);
  double sum = 0;
  double count = 0;
  for (const Cluster& c : clusters) {
    sum += c.sum;
    count += c.count;
  }
  CHECK(count > 0);
  Estimate out;
  out.value = sum / count;
  double squares = 0;
  for (const Cluster& c : clusters) squares += std::pow(c.sum - c.count * out.value, 2);
  const auto g = static_cast<double>(clusters.size());
  out.standard_error = std::sqrt(g / (g - 1) * squares) / count;
  reach_by_t(&out, clusters.size(), alpha);
  return out;
}

Estimate cluster_bootstrap(size_t clusters, const Statistic& statistic, double alpha, uint64_t seed,
                           int resamples) {
  CHECK(clusters >= 2 && resamples >= 100 && alpha > 0 && alpha < 0.5);
  std::vector<size_t> chosen(clusters);
  for (size_t i = 0; i < clusters; ++i) chosen[i] = i;
  Estimate out;
  out.value = statistic(chosen);
  base::Rng rng(seed);
  std::vector<double> values;
  for (int i = 0; i < resamples; ++i) {
    for (size_t& index : chosen) index = rng.below(clusters);
    const double value = statistic(chosen);
    if (std::isfinite(value)) values.push_back(value);  // a quotient whose divisor was not drawn
  }
  CHECK(!values.empty());
  std::ranges::sort(values);
  double mean = 0;
  for (const double v : values) mean += v / static_cast<double>(values.size());
  double squares = 0;
  for (const double v : values) squares += (v - mean) * (v - mean);
  const auto n = static_cast<double>(values.size());
  out.standard_error = std::sqrt(squares / std::max(1.0, n - 1));
  const auto at = [&](double share) {
    return values[std::min(values.size() - 1, static_cast<size_t>(share * n))];
  };
  out.lower = at(alpha);
  out.upper = at(1 - alpha);
  return out;
}

Estimate paired_difference(std::span<const double> candidate, std::span<const double> production,
                           double alpha) {
  CHECK(candidate.size() == production.size() && candidate.size() >= 2);
  const auto n = static_cast<double>(candidate.size());
  Estimate out;
  int64_t rose = 0;
  int64_t fell = 0;
  for (size_t i = 0; i < candidate.size(); ++i) {
    const double difference = candidate[i] - production[i];
    out.value += difference / n;
    rose += difference > 0 ? 1 : 0;
    fell += difference < 0 ? 1 : 0;
  }
  double squares = 0;
  for (size_t i = 0; i < candidate.size(); ++i)
    squares += std::pow(candidate[i] - production[i] - out.value, 2);
  out.standard_error = std::sqrt(squares / (n - 1) / n);
  reach_by_t(&out, candidate.size(), alpha);
  const auto total = static_cast<int64_t>(candidate.size());
  if (rose + fell < kFewDifferences && 2 * (rose + fell) <= total) {
    const auto exact = [&](int64_t events) {
      return base::clopper_pearson(static_cast<uint64_t>(events), candidate.size(), alpha).upper;
    };
    out.upper = std::max(out.upper, exact(rose));
    out.lower = std::min(out.lower, -exact(fell));
  }
  out.lower = std::max(out.lower, -1.0);
  out.upper = std::min(out.upper, 1.0);
  return out;
}

double attempt_alpha(double alpha, int attempt) {
  CHECK(attempt >= 1 && attempt <= 64);
  return std::ldexp(alpha, -attempt);
}

double cohen_kappa(const Agreement& l) {
  CHECK(l.count() > 0);
  const auto n = static_cast<double>(l.count());
  const auto share = [n](int64_t part) { return static_cast<double>(part) / n; };
  const double observed = share(l.both_yes + l.both_no);
  const double expected = share(l.both_yes + l.first_only) * share(l.both_yes + l.second_only) +
                          share(l.both_no + l.first_only) * share(l.both_no + l.second_only);
  return expected >= 1 ? 0 : (observed - expected) / (1 - expected);
}

}  // namespace judge
