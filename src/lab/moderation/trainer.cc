#include "lab/moderation/trainer.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/check.h"
#include "formats/tensor_view.h"
#include "lab/moderation/generator.h"
#include "model/moderation_features.h"

namespace lab::moderation {
namespace {

constexpr size_t kCategories = base::kModerationCategories.size();
constexpr int64_t kReportEvery = 10'000;
// Texts of people are further from harm than ours are, and the model is surer of them than it should
// be: hence no threshold at one half.
constexpr double kThresholdMin = 0.9, kThresholdMax = 0.99;

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

// -log of what was said about the truth; finite for any sum.
double logistic_loss(double sum, bool truth) {
  const double against = truth ? -sum : sum;
  return against > 0 ? against + std::log1p(std::exp(-against)) : std::log1p(std::exp(against));
}

class Learner {
 public:
  explicit Learner(const Plan& plan)
      : plan_(plan),
        weights_(size_t{plan.buckets} * kCategories),
        squares_(weights_.size(), 1e-6F) {}

  // The sums over a text's features, all its blocks together.
  model::ModerationScores sums(std::string_view text) {
    features_.clear();
    for (const auto& block : model::moderation_features(text, plan_.buckets))
      features_.insert(features_.end(), block.begin(), block.end());
    model::ModerationScores out = {};
    if (features_.empty()) return out;
    scale_ = 1 / std::sqrt(static_cast<double>(features_.size()));
    for (const uint32_t bucket : features_) {
      for (size_t i = 0; i < kCategories; ++i)
        out[i] += double{weights_[size_t{bucket} * kCategories + i]};
    }
    for (size_t i = 0; i < kCategories; ++i) out[i] = out[i] * scale_ + bias_[i];
    return out;
  }

  // One step; the text's loss before it.
  double learn(const Sample& sample) {
    const model::ModerationScores sum = sums(sample.text);
    if (features_.empty()) return 0;
    double loss = 0;
    std::array<float, kCategories> slope{};
    for (size_t i = 0; i < kCategories; ++i) {
      loss += logistic_loss(sum[i], sample.labels[i]);
      const double error = sigmoid(sum[i]) - (sample.labels[i] ? 1 : 0);
      slope[i] = static_cast<float>(error * scale_);
      bias_squares_[i] += error * error;
      bias_[i] -= plan_.rate * error / std::sqrt(bias_squares_[i]);
    }
    const auto rate = static_cast<float>(plan_.rate);
    const auto decay = static_cast<float>(plan_.decay);
    for (const uint32_t bucket : features_) {
      float* weight = weights_.data() + size_t{bucket} * kCategories;
      float* square = squares_.data() + size_t{bucket} * kCategories;
      for (size_t i = 0; i < kCategories; ++i) {
        const float gradient = slope[i] + decay * weight[i];
        square[i] += gradient * gradient;
        weight[i] -= rate * gradient / std::sqrt(square[i]);
      }
    }
    return loss;
  }

  // From here on the weights are those that are stored.
  void round() {
    std::vector<uint8_t> bytes(weights_.size() * 2);
    const auto count = static_cast<int64_t>(weights_.size());
    formats::from_floats(formats::DType::BF16, weights_.data(), count, bytes.data());
    formats::to_floats(formats::DType::BF16, bytes.data(), count, weights_.data());
  }
  std::vector<float> take_weights() { return std::move(weights_); }
  const model::ModerationScores& bias() const { return bias_; }

 private:
  const Plan& plan_;
  std::vector<float> weights_, squares_;
  model::ModerationScores bias_ = {}, bias_squares_ = {};
  std::vector<uint32_t> features_;
  double scale_ = 0;
};

struct Held {
  double sum = 0;
  bool truth = false;
};

struct Line {
  double slope = 1, offset = 0;
};

// Platt scaling: the line through which a sigmoid of it fits best, by Newton's method on targets
// that are a little inside 0 and 1 (Lin, Lin and Weng 2007).
Line fit_platt(const std::vector<Held>& held) {
  double positives = 0;
  for (const Held& entry : held) positives += entry.truth ? 1 : 0;
  const double negatives = static_cast<double>(held.size()) - positives;
  const double high = (positives + 1) / (positives + 2);
  const double low = 1 / (negatives + 2);
  Line line;
  constexpr int kSteps = 50;
  constexpr double kRidge = 1e-6;
  for (int step = 0; step < kSteps; ++step) {
    double g0 = 0;
    double g1 = 0;
    double h00 = kRidge;
    double h01 = 0;
    double h11 = kRidge;
    for (const Held& entry : held) {
      const double p = sigmoid(line.slope * entry.sum + line.offset);
      const double error = p - (entry.truth ? high : low);
      const double weight = p * (1 - p);
      g0 += error * entry.sum;
      g1 += error;
      h00 += weight * entry.sum * entry.sum;
      h01 += weight * entry.sum;
      h11 += weight;
    }
    const double determinant = h00 * h11 - h01 * h01;
    if (!(determinant > 0)) break;
    const double down = std::clamp((h11 * g0 - h01 * g1) / determinant, -1.0, 1.0);
    const double side = std::clamp((h00 * g1 - h01 * g0) / determinant, -1.0, 1.0);
    line.slope -= down;
    line.offset -= side;
    if (std::abs(down) + std::abs(side) < 1e-9) break;
  }
  return line;
}

// The lowest score that few enough of the harmless texts reach.
double find_threshold(const std::vector<Held>& held, const Line& line, double false_max) {
  std::vector<double> harmless;
  for (const Held& entry : held) {
    if (!entry.truth) harmless.push_back(sigmoid(line.slope * entry.sum + line.offset));
  }
  std::ranges::sort(harmless, std::greater());
  const auto allowed = static_cast<size_t>(false_max * static_cast<double>(harmless.size()));
  const double least = allowed < harmless.size() ? harmless[allowed] : kThresholdMin;
  // Two digits, upwards: a threshold that people read.
  return std::clamp(std::ceil(least * 100) / 100, kThresholdMin, kThresholdMax);
}

base::Status check(const Plan& plan) {
  if (plan.samples < 1 || plan.calibration_samples < 100 || !std::has_single_bit(plan.buckets))
    return base::fail(base::Code::InvalidArgument,
                      "expected at least one sample, 100 for calibration, and a power of two of "
                      "buckets");
  return {};
}

}  // namespace

base::Result<Trained> train(const Plan& plan, const Hooks& hooks) {
  TRY_VOID(check(plan));
  const Generator generator;
  base::Rng rng(plan.seed);
  Learner learner(plan);
  double loss = 0;
  int64_t counted = 0;
  const auto stopped = [&] { return hooks.stop != nullptr && hooks.stop->load(); };
  for (int64_t i = 0; i < plan.samples;) {
    if (stopped()) return base::fail(base::Code::Cancelled, "training was stopped");
    const Sample sample = generator.next(rng);
    if (sample.held_out) continue;
    const double one = learner.learn(sample);
    if (++i > plan.samples - plan.samples / 10) loss += one, ++counted;
    if (hooks.progress && i % kReportEvery == 0) hooks.progress(i, one);
  }
  learner.round();
  std::array<std::vector<Held>, kCategories> held;
  for (int64_t i = 0; i < plan.calibration_samples;) {
    const Sample sample = generator.next(rng);
    if (!sample.held_out) continue;
    ++i;
    const model::ModerationScores sums = learner.sums(sample.text);
    for (size_t c = 0; c < kCategories; ++c) held[c].push_back({sums[c], sample.labels[c]});
  }
  Trained out;
  out.config.name = plan.name;
  out.config.buckets = plan.buckets;
  for (size_t c = 0; c < kCategories; ++c) {
    const Line line = fit_platt(held[c]);
    out.config.slope[c] = line.slope;
    out.config.offset[c] = line.offset + line.slope * learner.bias()[c];
    out.config.thresholds[c] = find_threshold(held[c], line, plan.false_positives_max);
  }
  out.loss = counted > 0 ? loss / static_cast<double>(counted) : 0;
  out.weights = learner.take_weights();
  return out;
}

}  // namespace lab::moderation
