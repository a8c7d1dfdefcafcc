// `charter moderation`: trains the model that moderation asks, measures it, and tries it on a text.
#include <algorithm>
#include <cstdio>
#include <map>

#include "base/binomial.h"
#include "base/time.h"
#include "cli/command.h"
#include "cli/house_options.h"
#include "cli/stop_on_signal.h"
#include "files/files.h"
#include "gateway/moderation.h"
#include "lab/moderation/generator.h"
#include "lab/moderation/trainer.h"

namespace cli {
namespace {

constexpr std::string_view kHelp =
    R"(usage: charter moderation train DIR [--seed S] [--samples N]
       charter moderation evaluate DIR --harmful FILE... --harmless FILE...
       charter moderation check DIR TEXT
       charter moderation data [--count N] [--seed S]

train     makes a moderation model from nothing, on texts that Charter writes itself: logistic
          regression over hashed words, neighbours and pieces of words, in English and Chinese, for
          OpenAI's 13 categories. The same seed gives the same bytes. Minutes on one core.
evaluate  how often the model flags the texts of each FILE (one JSON string a line), with 95 %
          Clopper-Pearson bounds, and over all files together precision, recall and the area under
          the ROC curve
check     the model's answer about one text, as /v1/moderations gives it
data      texts as training reads them, one JSON object a line

The model's digest, which train and check print, is what a charter names:
  [moderation]
  model = "DIGEST"
  before = "block"                # the prompt: "block" or "flag"; left out, it is not checked
  after = "block"                 # the answer, likewise
  thresholds = { "violence" = "0.9" }    # left out, the model's own
A server takes the model of DATA/moderation, or the bundled one.
)";

base::Result<std::shared_ptr<const gateway::Moderation>> open(const std::string& directory) {
  return gateway::Moderation::load(directory, nullptr);
}

base::Status train(const std::string& directory, int64_t seed, int64_t samples, bool as_json) {
  lab::moderation::Plan plan;
  plan.seed = static_cast<uint64_t>(seed);
  if (samples > 0) plan.samples = samples;
  StopOnSignal signals;
  lab::moderation::Hooks hooks;
  hooks.stop = &g_stop;
  hooks.progress = [&](int64_t sample, double loss) {
    if (sample % 50'000 == 0)
      std::fprintf(stderr, "%ld/%ld texts  loss %.4f\n", sample, plan.samples, loss);
  };
  const int64_t start_ns = base::monotonic_ns();
  TRY(const lab::moderation::Trained trained, lab::moderation::train(plan, hooks));
  TRY_VOID(model::write_moderation_model(trained.config, trained.weights, directory));
  TRY(const auto moderation, open(directory));
  const double seconds = static_cast<double>(base::monotonic_ns() - start_ns) * 1e-9;
  if (as_json) {
    print_json(json::Object{{"out", directory},
                            {"digest", moderation->digest()},
                            {"samples", plan.samples},
                            {"loss", trained.loss},
                            {"seconds", seconds}});
  } else {
    std::printf("%s: %ld texts, loss %.4f, %.0f s\ndigest %s\n", directory.c_str(), plan.samples,
                trained.loss, seconds, moderation->digest().c_str());
  }
  return {};
}

struct Scored {
  double score = 0;  // the highest of the categories
  bool harmful = false, flagged = false;
};

base::Result<std::vector<Scored>> score_file(const gateway::Moderation& moderation,
                                             const std::string& path, bool harmful) {
  TRY(const std::string text, files::read_file(path));
  std::vector<Scored> out;
  std::string_view rest = text;
  while (!rest.empty()) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.empty()) continue;
    const auto value = json::parse(line);
    if (!value || !value->is_string())
      return base::fail(base::Code::Malformed,
                        "line " + std::to_string(out.size() + 1) + " is not a JSON string", path);
    const json::Value result = moderation.result_of({value->as_string()});
    Scored scored{0, harmful, result["flagged"].as_bool()};
    for (const auto& [name, score] : result["category_scores"].as_object())
      scored.score = std::max(scored.score, score.as_double());
    out.push_back(scored);
  }
  if (out.empty()) return base::fail(base::Code::InvalidArgument, "the file has no texts", path);
  return out;
}

// The chance that a harmful text scores above a harmless one; equal scores count half.
double area_under_curve(std::vector<Scored> all) {
  std::ranges::sort(all, {}, &Scored::score);
  double harmless = 0;
  double harmful = 0;
  double above = 0;
  for (size_t begin = 0; begin < all.size();) {
    size_t end = begin;
    double same[2] = {0, 0};
    while (end < all.size() && all[end].score == all[begin].score) ++same[all[end++].harmful];
    above += same[1] * (harmless + same[0] / 2);
    harmless += same[0];
    harmful += same[1];
    begin = end;
  }
  return harmless * harmful > 0 ? above / (harmless * harmful) : 0;
}

json::Value rate(uint64_t events, uint64_t count) {
  constexpr double kAlpha = 0.025;  // each side
  const base::RateBounds bounds =
      base::clopper_pearson(events, std::max<uint64_t>(count, 1), kAlpha);
  const double share = count > 0 ? static_cast<double>(events) / static_cast<double>(count) : 0;
  return json::Object{
      {"rate", share}, {"lower", bounds.lower}, {"upper", bounds.upper}, {"count", count}};
}

void print_rate(const std::string& name, const json::Value& value) {
  std::printf("%-40s %6ld  %5.1f %% (%.1f to %.1f)\n", name.c_str(), value["count"].as_int(),
              100 * value["rate"].as_double(), 100 * value["lower"].as_double(),
              100 * value["upper"].as_double());
}

base::Status evaluate(const std::string& directory, const std::vector<std::string>& harmful,
                      const std::vector<std::string>& harmless, bool as_json) {
  TRY(const auto moderation, open(directory));
  std::vector<Scored> all;
  json::Array sets;
  for (const bool kind : {true, false}) {
    for (const std::string& path : kind ? harmful : harmless) {
      TRY(const auto scored, score_file(*moderation, path, kind));
      const auto flagged = static_cast<uint64_t>(std::ranges::count_if(scored, &Scored::flagged));
      const json::Value share = rate(flagged, scored.size());
      if (!as_json)
        print_rate(files::base_name(path) + (kind ? " (harmful)" : " (harmless)"), share);
      sets.push_back(
          json::Object{{"set", files::base_name(path)}, {"harmful", kind}, {"flagged", share}});
      all.insert(all.end(), scored.begin(), scored.end());
    }
  }
  uint64_t positives = 0;
  uint64_t flagged = 0;
  uint64_t right = 0;
  for (const Scored& scored : all) {
    positives += scored.harmful ? 1 : 0;
    flagged += scored.flagged ? 1 : 0;
    right += scored.harmful && scored.flagged ? 1 : 0;
  }
  const json::Value precision = rate(right, flagged);
  const json::Value recall = rate(right, positives);
  const double area = area_under_curve(std::move(all));
  if (as_json) {
    print_json(json::Object{{"digest", moderation->digest()},
                            {"sets", std::move(sets)},
                            {"precision", precision},
                            {"recall", recall},
                            {"roc_auc", area}});
    return {};
  }
  print_rate("precision, all files", precision);
  print_rate("recall, all files", recall);
  std::printf("%-40s         %.3f\n", "area under the ROC curve", area);
  return {};
}

base::Status check(const std::string& directory, const std::string& text) {
  TRY(const auto moderation, open(directory));
  print_json(json::Object{{"model", moderation->name()},
                          {"digest", moderation->digest()},
                          {"results", json::Array{moderation->result_of({text})}}});
  return {};
}

void print_data(int64_t count, int64_t seed) {
  const lab::moderation::Generator generator;
  base::Rng rng(static_cast<uint64_t>(seed));
  for (int64_t i = 0; i < count; ++i) {
    const lab::moderation::Sample sample = generator.next(rng);
    json::Array labels;
    for (size_t c = 0; c < sample.labels.size(); ++c) {
      if (sample.labels[c]) labels.emplace_back(base::kModerationCategories[c]);
    }
    print_json(json::Object{{"text", sample.text},
                            {"categories", std::move(labels)},
                            {"family", sample.family},
                            {"held_out", sample.held_out}});
  }
}

base::Status run(std::span<const std::string> arguments) {
  Options options("moderation");
  const std::string& verb = options.positional("VERB");
  const std::string& directory = options.optional_positional("DIR");
  const std::string& text = options.optional_positional("TEXT");
  const int64_t& seed = options.integer("--seed", 1, 0, INT64_MAX);
  const int64_t& samples = options.integer("--samples", 0, 1, 1'000'000'000);
  const int64_t& count = options.integer("--count", 10, 1, 1'000'000'000);
  const auto& harmful = options.list("--harmful");
  const auto& harmless = options.list("--harmless");
  TRY_VOID(options.parse(arguments));
  if (verb == "data") {
    print_data(count, seed);
    return {};
  }
  const bool known = verb == "train" || verb == "evaluate" || verb == "check";
  if (!known)
    return base::fail(base::Code::InvalidArgument,
                      "expected train, evaluate, check or data; see charter help moderation", verb);
  if (directory.empty())
    return base::fail(base::Code::InvalidArgument,
                      "the model's folder is missing; see charter help moderation", verb);
  if (verb == "train") return train(directory, seed, samples, options.json());
  if (verb == "check") return check(directory, text);
  if (harmful.empty() || harmless.empty())
    return base::fail(base::Code::InvalidArgument,
                      "give at least one file with --harmful and one with --harmless", verb);
  return evaluate(directory, harmful, harmless, options.json());
}

}  // namespace

extern const Command kModerationCommand;
const Command kModerationCommand = {"moderation", "train and measure the model that moderates",
                                    kHelp, run};

}  // namespace cli
