#include "judge/tally.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "base/check.h"
#include "base/time.h"
#include "crypto/merkle.h"
#include "judge/episode.h"
#include "judge/grade.h"

namespace judge {
namespace {

using base::Code;
using base::fail;

constexpr double kAlphaWithoutGate = 0.05;
constexpr size_t kListedMax = 16;
// Scores between 0 and 1 come through logarithms, which two C libraries may round differently.
constexpr double kScoreSlack = 1e-9;

std::unexpected<base::Error> mismatch(std::string message, std::string where) {
  return fail(Code::Corrupt, std::move(message), std::move(where), "DIGEST_MISMATCH");
}

// "3, 5 (epoch 1), 9 and 4 more"
std::string list_of(const Suite& suite, std::span<const size_t> places) {
  const auto epochs = static_cast<size_t>(suite.epochs);
  std::string out;
  for (size_t i = 0; i < std::min(places.size(), kListedMax); ++i) {
    if (i > 0) out += ", ";
    const size_t within = places[i] % (suite.cases.size() * epochs);
    out += std::to_string(within / epochs);
    if (epochs > 1) out += " (epoch " + std::to_string(within % epochs) + ")";
    if (suite.elicits) {
      out += " (" + suite.settings[places[i] / (suite.cases.size() * epochs)].name + ")";
    }
  }
  if (places.size() > kListedMax)
    out += " and " + std::to_string(places.size() - kListedMax) + " more";
  return out;
}

// The records in the order of their places; an error unless each place has one.
base::Result<std::vector<Record>> ordered(const Suite& suite, std::span<const Record> records) {
  constexpr size_t kNone = SIZE_MAX;
  std::vector<size_t> at(place_count(suite), kNone);
  std::vector<size_t> twice;
  for (size_t i = 0; i < records.size(); ++i) {
    const Record& r = records[i];
    const auto place = place_of(suite, r);
    if (!place) {
      return fail(Code::InvalidArgument,
                  "a result is of case " + std::to_string(r.index) + ", epoch " +
                      std::to_string(r.epoch) +
                      (r.setting.empty() ? "" : ", setting " + r.setting) +
                      ", which the suite does not have",
                  suite.name, "EVIDENCE_INCOMPLETE");
    }
    if (at[*place] != kNone) twice.push_back(*place);
    at[*place] = i;
  }
  std::vector<size_t> missing;
  std::vector<Record> out;
  for (size_t place = 0; place < at.size(); ++place) {
    if (at[place] == kNone) {
      missing.push_back(place);
    } else {
      out.push_back(records[at[place]]);
    }
  }
  if (missing.empty() && twice.empty()) return out;
  std::string what;
  if (!missing.empty()) what = "these cases have no result: " + list_of(suite, missing);
  if (!twice.empty())
    what += (what.empty() ? "" : "; ") + ("these have two: " + list_of(suite, twice));
  return fail(Code::FailedPrecondition, what + "; run the whole suite again", suite.name,
              "EVIDENCE_INCOMPLETE");
}

size_t setting_of(const Suite& suite, const Record& r) {
  const auto found = std::ranges::find(suite.settings, r.setting, &Setting::name);
  return suite.elicits ? static_cast<size_t>(found - suite.settings.begin()) : 0;
}

SettingTally tally_setting(const Suite& suite, std::span<const Record> records) {
  SettingTally out;
  double sum = 0;
  for (const Record& r : records) {
    int64_t& counter = r.status != RunStatus::Ok ? out.errors
                       : r.score == 1            ? out.passed
                                                 : out.failed;
    ++counter;
    sum += r.score;
  }
  out.mean = sum / static_cast<double>(records.size());
  if (!suite.clustered()) {
    out.bounds = base::clopper_pearson(static_cast<uint64_t>(std::llround(sum)), records.size(),
                                       alpha_of(suite));
    return out;
  }
  out.clusters = base::summarize_clusters(cluster_means(suite, records));
  out.bounds = base::cluster_bounds(out.clusters, alpha_of(suite));
  return out;
}

bool worse(const Suite& suite, const SettingTally& a, const SettingTally& b) {
  return suite.gate && suite.gate->upper ? a.bounds.upper > b.bounds.upper
                                         : a.bounds.lower < b.bounds.lower;
}

}  // namespace

double alpha_of(const Suite& suite) { return suite.gate ? suite.gate->alpha : kAlphaWithoutGate; }

size_t place_count(const Suite& suite) {
  return suite.settings.size() * suite.cases.size() * static_cast<size_t>(suite.epochs);
}

std::optional<size_t> place_of(const Suite& suite, const Record& r) {
  if (r.index < 0 || r.index >= suite.size() || r.epoch < 0 || r.epoch >= suite.epochs)
    return std::nullopt;
  if (!suite.elicits && !r.setting.empty()) return std::nullopt;
  const size_t setting = setting_of(suite, r);
  if (setting >= suite.settings.size()) return std::nullopt;
  const auto epochs = static_cast<size_t>(suite.epochs);
  return (setting * suite.cases.size() + static_cast<size_t>(r.index)) * epochs +
         static_cast<size_t>(r.epoch);
}

std::vector<double> cluster_means(const Suite& suite, std::span<const Record> records) {
  // The epochs of one case, and the cases of one cluster, are not independent: each cluster counts
  // once, by its mean.
  std::map<std::string, Cluster> clusters;
  for (const Record& r : records) {
    const std::string& name = suite.cases[static_cast<size_t>(r.index)].cluster;
    Cluster& cluster = clusters[name.empty() ? "#" + std::to_string(r.index) : name];
    cluster.sum += r.score;
    cluster.count += 1;
  }
  std::vector<double> means;
  for (const auto& [name, cluster] : clusters) means.push_back(cluster.sum / cluster.count);
  return means;
}

base::Status check_record(const Suite& suite, const Identity& identity, const Record& r) {
  const Case& one = suite.cases[static_cast<size_t>(r.index)];
  const std::string where = suite.name + " case " + std::to_string(r.index);
  if (r.leaf != one.leaf)
    return mismatch("the result is of another case than the suite has in this place", where);
  if (r.manifest != identity.manifest) return mismatch("the result is of another model", where);
  if (r.engine != identity.engine) return mismatch("the result is of another engine build", where);
  if (r.grader != grader_digest(suite.grader))
    return mismatch("the result was graded by another rule", where);
  if (r.sampling != suite.sampling_json)
    return mismatch("the result was sampled otherwise than the suite asks", where);
  if (r.seed != case_seed(suite, r.index, r.epoch))
    return mismatch("the result has another seed than the suite gives", where);
  const bool ok = r.status == RunStatus::Ok;
  if (ok && rule_of(suite.grader).task == Task::Episode) {
    const auto messages = suite.messages_of(one, setting_of(suite, r));
    TRY_VOID(replay(suite, one, messages, r.seed, r.output));
  }
  const double score = ok ? grade(suite, one, r.output) : worst_score(suite);
  const double slack = rule_of(suite.grader).binary ? 0 : kScoreSlack;
  if (!(std::fabs(score - r.score) <= slack)) {
    return fail(Code::Corrupt, "the score is not what the grader gives for the raw answer", where,
                "SCORE_MISMATCH");
  }
  return {};
}

base::Result<Tally> tally(const Suite& suite, const Identity& identity,
                          std::span<const Record> records) {
  TRY(const std::vector<Record> all, ordered(suite, records));
  std::vector<crypto::Digest> leaves;
  base::Time finished;
  for (const Record& r : all) {
    TRY_VOID(check_record(suite, identity, r));
    leaves.push_back(record_leaf(r));
    TRY(const base::Time started, base::parse_rfc3339(r.started));
    finished = std::max(finished, started + base::milliseconds(r.duration_ms));
  }
  Tally out;
  const size_t each = all.size() / suite.settings.size();
  size_t worst = 0;
  for (size_t i = 0; i < suite.settings.size(); ++i) {
    out.settings.push_back(tally_setting(suite, std::span(all).subspan(i * each, each)));
    out.settings.back().name = suite.settings[i].name;
    if (worse(suite, out.settings[i], out.settings[worst])) worst = i;
  }
  static_cast<SettingTally&>(out) = out.settings[worst];
  if (suite.gate) {
    out.gate_passed = suite.gate->upper ? out.bounds.upper <= suite.gate->limit
                                        : out.bounds.lower >= suite.gate->limit;
  }
  out.result_root = crypto::merkle_root(leaves);
  out.finished = base::rfc3339(finished);
  return out;
}

}  // namespace judge
