#include "judge/evidence.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>

#include "base/check.h"
#include "base/time.h"
#include "crypto/merkle.h"
#include "judge/grade.h"

namespace judge {
namespace {

using base::Code;
using base::fail;
using json::Object;
using json::Value;

constexpr std::string_view kStatementType = "https://in-toto.io/Statement/v1";
constexpr std::string_view kPredicateType = "https://in-toto.io/attestation/test-result/v0.1";
constexpr double kAlphaWithoutGate = 0.05;
constexpr size_t kListedMax = 16;

std::unexpected<base::Error> mismatch(std::string message, std::string where) {
  return fail(Code::Corrupt, std::move(message), std::move(where), "DIGEST_MISMATCH");
}

// "cases 3, 5 (epoch 1), 9 and 4 more"
std::string list_of(std::span<const int64_t> places, int64_t epochs) {
  std::string out;
  for (size_t i = 0; i < std::min(places.size(), kListedMax); ++i) {
    if (i > 0) out += ", ";
    out += std::to_string(places[i] / epochs);
    if (epochs > 1) out += " (epoch " + std::to_string(places[i] % epochs) + ")";
  }
  if (places.size() > kListedMax)
    out += " and " + std::to_string(places.size() - kListedMax) + " more";
  return out;
}

// Where each (case, epoch) stands in `records`; an error unless each stands there once.
base::Result<std::vector<size_t>> places_of(const Suite& suite, std::span<const Record> records) {
  const auto size = static_cast<int64_t>(suite.cases.size());
  const auto wanted = static_cast<size_t>(size * suite.epochs);
  constexpr size_t kNone = SIZE_MAX;
  std::vector<size_t> places(wanted, kNone);
  std::vector<int64_t> twice;
  for (size_t i = 0; i < records.size(); ++i) {
    const Record& r = records[i];
    if (r.index < 0 || r.index >= size || r.epoch < 0 || r.epoch >= suite.epochs) {
      return fail(Code::InvalidArgument,
                  "a result is of case " + std::to_string(r.index) + ", epoch " +
                      std::to_string(r.epoch) + ", which the suite does not have",
                  suite.name, "EVIDENCE_INCOMPLETE");
    }
    const int64_t place = r.index * suite.epochs + r.epoch;
    size_t& at = places[static_cast<size_t>(place)];
    if (at != kNone) twice.push_back(place);
    at = i;
  }
  std::vector<int64_t> missing;
  for (size_t i = 0; i < wanted; ++i) {
    if (places[i] == kNone) missing.push_back(static_cast<int64_t>(i));
  }
  if (missing.empty() && twice.empty()) return places;
  std::string what;
  if (!missing.empty()) what = "these cases have no result: " + list_of(missing, suite.epochs);
  if (!twice.empty())
    what += (what.empty() ? "" : "; ") + ("these have two: " + list_of(twice, suite.epochs));
  return fail(Code::FailedPrecondition, what + "; run the whole suite again", suite.name,
              "EVIDENCE_INCOMPLETE");
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
  const double score = r.status == RunStatus::Ok ? grade(suite, one, r.output) : worst_score(suite);
  if (score != r.score) {
    return fail(Code::Corrupt, "the score is not what the grader gives for the raw answer", where,
                "SCORE_MISMATCH");
  }
  return {};
}

Bounds bounds_of(const Suite& suite, std::span<const Record> ordered, uint64_t events) {
  const double alpha = suite.gate ? suite.gate->alpha : kAlphaWithoutGate;
  if (!suite.clustered()) return base::clopper_pearson(events, ordered.size(), alpha);
  // The epochs of one case, and the cases of one cluster, are not independent: each cluster counts
  // once, by its mean.
  std::map<std::string, std::pair<double, double>> clusters;  // sum, count
  for (const Record& r : ordered) {
    const std::string& name = suite.cases[static_cast<size_t>(r.index)].cluster;
    auto& [sum, count] = clusters[name.empty() ? "#" + std::to_string(r.index) : name];
    sum += r.score;
    count += 1;
  }
  std::vector<double> means;
  for (const auto& [name, cluster] : clusters) means.push_back(cluster.first / cluster.second);
  return cluster_t(means, alpha);
}

// Six digits: far coarser than what two C libraries' logarithms differ by, so that the text is the
// same everywhere.
std::string decimal(double value) {
  char text[32];
  const auto [end, error] =
      std::to_chars(text, text + sizeof text, value, std::chars_format::fixed, 6);
  CHECK(error == std::errc{});
  return std::string(text, end);
}

std::vector<Record> in_order(std::span<const Record> records) {
  std::vector<Record> out(records.begin(), records.end());
  std::ranges::sort(out, [](const Record& a, const Record& b) {
    return std::pair(a.index, a.epoch) < std::pair(b.index, b.epoch);
  });
  return out;
}

Value digest_json(const crypto::Digest& digest) { return Object{{"sha256", crypto::hex(digest)}}; }

base::Result<Identity> identity_of(const Value& statement) {
  TRY_VOID(json::only_fields(statement, {"_type", "subject", "predicateType", "predicate"}));
  TRY(const json::Array* subjects, json::get_array(statement, "subject"));
  if (subjects->size() != 1) return mismatch("a statement is about exactly one model", "subject");
  Identity identity;
  TRY(identity.model, json::get_string(subjects->front(), "name"));
  TRY(const Value* digest, json::get_object(subjects->front(), "digest"));
  TRY(const std::string hex, json::get_string(*digest, "sha256"));
  TRY(identity.manifest, crypto::digest_from_hex(hex));
  TRY(const Value* predicate, json::get_object(statement, "predicate"));
  TRY(const json::Array* configuration, json::get_array(*predicate, "configuration"));
  for (const Value& entry : *configuration) {
    if (entry["name"] != Value("engine")) continue;
    TRY(const std::string uri, json::get_string(entry, "uri"));
    constexpr std::string_view kScheme = "charter:";
    if (!uri.starts_with(kScheme)) return mismatch("an engine is written charter:<build>", uri);
    identity.engine = uri.substr(kScheme.size());
  }
  return identity;
}

}  // namespace

base::Result<Tally> tally(const Suite& suite, const Identity& identity,
                          std::span<const Record> records) {
  TRY(const auto places, places_of(suite, records));
  Tally out;
  std::vector<Record> ordered;
  std::vector<crypto::Digest> leaves;
  base::Time finished;
  double sum = 0;
  for (const size_t place : places) {
    const Record& r = records[place];
    TRY_VOID(check_record(suite, identity, r));
    int64_t& counter = r.status != RunStatus::Ok ? out.errors
                       : r.score == 1            ? out.passed
                                                 : out.failed;
    ++counter;
    sum += r.score;
    leaves.push_back(record_leaf(r));
    TRY(const base::Time started, base::parse_rfc3339(r.started));
    finished = std::max(finished, started + base::milliseconds(r.duration_ms));
    ordered.push_back(r);
  }
  out.mean = sum / static_cast<double>(ordered.size());
  out.bounds = bounds_of(suite, ordered, static_cast<uint64_t>(std::llround(sum)));
  if (suite.gate) {
    out.gate_passed = suite.gate->upper ? out.bounds.upper <= suite.gate->limit
                                        : out.bounds.lower >= suite.gate->limit;
  }
  out.result_root = crypto::merkle_root(leaves);
  out.finished = base::rfc3339(finished);
  return out;
}

std::string write_evidence(const Suite& suite, const Identity& identity, const Tally& counted,
                           std::span<const Record> records) {
  const std::string size = std::to_string(suite.cases.size());
  const std::string epochs = std::to_string(suite.epochs);
  const Value results = Object{{"complete", true},
                               {"size", size},
                               {"epochs", epochs},
                               {"passed", std::to_string(counted.passed)},
                               {"failed", std::to_string(counted.failed)},
                               {"errors", std::to_string(counted.errors)},
                               {"metric", suite.metric},
                               {"mean", decimal(counted.mean)},
                               {"lower_bound", decimal(counted.bounds.lower)},
                               {"upper_bound", decimal(counted.bounds.upper)},
                               {"alpha", suite.gate ? suite.gate->alpha_text : "0.05"},
                               {"bound", suite.clustered() ? "cluster-t" : "clopper-pearson"},
                               {"finished", counted.finished}};
  json::Array configuration = {
      Object{{"name", "suite"},
             {"uri", "suite:" + suite.name + '@' + suite.version},
             {"digest", digest_json(suite.root)},
             {"annotations", Object{{"size", size}, {"epochs", epochs}}}},
      Object{{"name", "definition"}, {"digest", digest_json(suite.definition)}},
      Object{{"name", "results"},
             {"digest", digest_json(counted.result_root)},
             {"annotations", results}},
      Object{{"name", "grader"},
             {"uri", "grader:" + std::string(grader_name(suite.grader))},
             {"digest", digest_json(grader_digest(suite.grader))}},
      Object{{"name", "engine"}, {"uri", "charter:" + identity.engine}}};
  if (suite.gate) {
    configuration.emplace_back(
        Object{{"name", "gate"},
               {"annotations", Object{{"direction", suite.gate->upper ? "upper" : "lower"},
                                      {"limit", suite.gate->limit_text},
                                      {"alpha", suite.gate->alpha_text},
                                      {"passed", counted.gate_passed}}}});
  }
  json::Array passed;
  json::Array failed;
  for (const Record& r : in_order(records)) {
    std::string name = suite.cases[static_cast<size_t>(r.index)].id;
    if (suite.epochs > 1) name += '#' + std::to_string(r.epoch);
    (r.status == RunStatus::Ok && r.score == 1 ? passed : failed).emplace_back(std::move(name));
  }
  const std::string_view verdict = !counted.gate_passed           ? "FAILED"
                                   : failed.empty() || suite.gate ? "PASSED"
                                                                  : "WARNED";
  const Value predicate = Object{{"result", verdict},
                                 {"configuration", std::move(configuration)},
                                 {"passedTests", std::move(passed)},
                                 {"failedTests", std::move(failed)}};
  return json::canonical(Object{
      {"_type", kStatementType},
      {"subject",
       json::Array{Object{{"name", identity.model}, {"digest", digest_json(identity.manifest)}}}},
      {"predicateType", kPredicateType},
      {"predicate", predicate}});
}

std::string write_results(std::span<const Record> records) {
  std::string out;
  for (const Record& r : in_order(records)) out += print_record(r) + '\n';
  return out;
}

base::Result<Checked> check_evidence(const Suite& suite, std::string_view evidence,
                                     std::string_view results) {
  TRY(const Value stated, json::parse(evidence));
  TRY(const Identity identity, identity_of(stated));
  TRY(const auto lines, split_lines(results, "results.jsonl"));
  std::vector<Record> records;
  for (const std::string_view line : lines) {
    TRY(Record record, parse_record(line));
    records.push_back(std::move(record));
  }
  TRY(const Tally counted, tally(suite, identity, records));
  if (write_evidence(suite, identity, counted, records) != evidence) {
    return mismatch("the statement is not the one that its suite and its results give", suite.name);
  }
  return Checked{identity, counted};
}

}  // namespace judge
