#include "govern/evidence.h"

#include <charconv>

#include "base/binomial.h"
#include "govern/refusal.h"

namespace govern {
namespace {

constexpr uint64_t kCountMax = uint64_t{1} << 40;

const json::Value* find_resource(const json::Array& configuration, std::string_view name) {
  const json::Value* found = nullptr;
  for (const json::Value& resource : configuration) {
    if (resource["name"] != json::Value(name)) continue;
    if (found != nullptr) return nullptr;  // named twice: ambiguous, so not there
    found = &resource;
  }
  return found;
}

base::Status read_suite(const json::Array& configuration, Evidence* out) {
  const json::Value* suite = find_resource(configuration, "suite");
  if (suite == nullptr) return malformed("the evidence names its suite once", "configuration");
  TRY(std::string uri, json::get_string(*suite, "uri"));
  const size_t at = uri.rfind('@');
  if (!uri.starts_with("suite:") || at == uri.npos || at < 7 || at + 1 == uri.size())
    return malformed("a suite is written suite:<id>@<version>", uri);
  out->suite = uri.substr(6, at - 6);
  out->suite_version = uri.substr(at + 1);
  TRY(const json::Value* digest, json::get_object(*suite, "digest"));
  TRY(out->suite_root, get_digest(*digest, "sha256"));
  TRY(const json::Value* notes, json::get_object(*suite, "annotations"));
  TRY(out->size, get_decimal(*notes, "size"));
  TRY(out->epochs, get_decimal(*notes, "epochs"));
  return {};
}

base::Result<double> unit_decimal(const json::Value& notes, std::string_view key) {
  TRY(const std::string text, json::get_string(notes, key));
  double value = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  if (error != std::errc{} || end != text.data() + text.size() || !(value >= 0 && value <= 1))
    return malformed("the field is a decimal between 0 and 1", std::string(key));
  return value;
}

base::Status read_clusters(const json::Value& notes, Evidence* out) {
  base::ClusterSummary read;
  TRY(read.clusters, get_decimal(notes, "clusters"));
  TRY(read.at_zero, get_decimal(notes, "clusters_at_zero"));
  TRY(read.at_one, get_decimal(notes, "clusters_at_one"));
  TRY(read.mean, unit_decimal(notes, "cluster_mean"));
  TRY(read.standard_error, unit_decimal(notes, "standard_error"));
  if (read.clusters == 0 || read.clusters > out->size || read.at_zero > read.clusters ||
      read.at_one > read.clusters - read.at_zero)
    return malformed("the clusters are more than the cases, or do not add up", "clusters");
  out->clusters = read;
  return {};
}

base::Status read_bound(const json::Value& notes, Evidence* out) {
  TRY(out->bound, json::get_string(notes, "bound"));
  TRY(out->alpha, json::get_string(notes, "alpha"));
  TRY(out->lower, json::get_string(notes, "lower_bound"));
  TRY(out->upper, json::get_string(notes, "upper_bound"));
  if (out->bound != kExactBound && out->bound != kClusterBound)
    return malformed("a bound of a kind that is not known", out->bound);
  return {};
}

base::Status read_results(const json::Array& configuration, Evidence* out) {
  const json::Value* results = find_resource(configuration, "results");
  if (results == nullptr) return malformed("the evidence names its results once", "configuration");
  TRY(const json::Value* digest, json::get_object(*results, "digest"));
  TRY(out->result_root, get_digest(*digest, "sha256"));
  TRY(const json::Value* notes, json::get_object(*results, "annotations"));
  TRY(const bool complete, json::get_bool(*notes, "complete"));
  TRY(const uint64_t size, get_decimal(*notes, "size"));
  TRY(const uint64_t epochs, get_decimal(*notes, "epochs"));
  TRY(out->passed, get_decimal(*notes, "passed"));
  TRY(out->failed, get_decimal(*notes, "failed"));
  TRY(out->errors, get_decimal(*notes, "errors"));
  TRY(out->metric, json::get_string(*notes, "metric"));
  TRY(out->finished, get_time(*notes, "finished"));
  if (notes->find("bound") != nullptr) TRY_VOID(read_bound(*notes, out));
  if (out->bound == kClusterBound && notes->find("clusters") != nullptr)
    TRY_VOID(read_clusters(*notes, out));
  for (const uint64_t count : {out->size, out->epochs, out->passed, out->failed, out->errors}) {
    if (count > kCountMax) return malformed("a count of the evidence is out of range", "results");
  }
  const bool whole = complete && size == out->size && epochs == out->epochs && size > 0 &&
                     epochs > 0 && epochs <= kCountMax / size &&
                     out->passed + out->failed + out->errors == size * epochs;
  if (!whole)
    return refuse("EVIDENCE_INCOMPLETE",
                  "the run does not have every case of its suite exactly once an epoch",
                  out->suite);
  return {};
}

}  // namespace

std::string format_evidence(const Evidence& e) {
  const auto number = [](uint64_t n) { return json::Value(std::to_string(n)); };
  const auto digest = [](const crypto::Digest& d) {
    return json::Value(json::Object{{"sha256", crypto::hex(d)}});
  };
  const json::Value suite = json::Object{
      {"name", "suite"},
      {"uri", "suite:" + e.suite + '@' + e.suite_version},
      {"digest", digest(e.suite_root)},
      {"annotations", json::Object{{"size", number(e.size)}, {"epochs", number(e.epochs)}}}};
  json::Object notes = {{"complete", true},           {"size", number(e.size)},
                        {"epochs", number(e.epochs)}, {"passed", number(e.passed)},
                        {"failed", number(e.failed)}, {"errors", number(e.errors)},
                        {"metric", e.metric},         {"finished", base::rfc3339(e.finished)}};
  if (!e.alpha.empty()) {
    const json::Object more = {
        {"bound", e.bound}, {"alpha", e.alpha}, {"lower_bound", e.lower}, {"upper_bound", e.upper}};
    notes.insert(notes.end(), more.begin(), more.end());
  }
  const json::Value results = json::Object{
      {"name", "results"}, {"digest", digest(e.result_root)}, {"annotations", std::move(notes)}};
  const json::Value predicate =
      json::Object{{"result", e.failed + e.errors == 0 ? "PASSED" : "WARNED"},
                   {"configuration", json::Array{suite, results}}};
  return format_statement({e.model, e.manifest_digest, std::string(kTestResultType), predicate});
}

base::Result<Evidence> parse_evidence(std::string_view payload) {
  TRY(const Statement statement, parse_statement(payload));
  if (statement.predicate_type != kTestResultType)
    return malformed("the evidence is not an in-toto test result v0.1", statement.predicate_type);
  TRY(const json::Array* configuration, json::get_array(statement.predicate, "configuration"));
  Evidence evidence;
  evidence.model = statement.subject_name;
  evidence.manifest_digest = statement.subject_digest;
  TRY_VOID(read_suite(*configuration, &evidence));
  TRY_VOID(read_results(*configuration, &evidence));
  return evidence;
}

double lower_bound(uint64_t passed, uint64_t count, double alpha) {
  return base::clopper_pearson(passed, count, alpha).lower;
}

double upper_bound(uint64_t passed, uint64_t count, double alpha) {
  return base::clopper_pearson(passed, count, alpha).upper;
}

}  // namespace govern
