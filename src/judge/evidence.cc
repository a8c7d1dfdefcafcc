#include "judge/evidence.h"

#include <algorithm>
#include <charconv>

#include "base/check.h"

namespace judge {
namespace {

using base::Code;
using base::fail;
using json::Object;
using json::Value;

constexpr std::string_view kStatementType = "https://in-toto.io/Statement/v1";
constexpr std::string_view kPredicateType = "https://in-toto.io/attestation/test-result/v0.1";

std::unexpected<base::Error> mismatch(std::string message, std::string where) {
  return fail(Code::Corrupt, std::move(message), std::move(where), "DIGEST_MISMATCH");
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

// Ten digits: what the gate computes the bound from.
std::string fine_decimal(double value) {
  char text[32];
  const auto [end, error] =
      std::to_chars(text, text + sizeof text, value, std::chars_format::fixed, 10);
  CHECK(error == std::errc{});
  return std::string(text, end);
}

std::vector<Record> in_order(const Suite& suite, std::span<const Record> records) {
  std::vector<Record> out(records.begin(), records.end());
  std::ranges::sort(out, {}, [&](const Record& r) { return place_of(suite, r); });
  return out;
}

Value digest_json(const crypto::Digest& digest) { return Object{{"sha256", crypto::hex(digest)}}; }

base::Result<crypto::Digest> digest_in(const Value& resource) {
  TRY(const Value* digest, json::get_object(resource, "digest"));
  TRY(const std::string hex, json::get_string(*digest, "sha256"));
  return crypto::digest_from_hex(hex);
}

base::Result<Identity> identity_of(const Value& statement) {
  TRY_VOID(json::only_fields(statement, {"_type", "subject", "predicateType", "predicate"}));
  TRY(const json::Array* subjects, json::get_array(statement, "subject"));
  if (subjects->size() != 1) return mismatch("a statement is about exactly one model", "subject");
  Identity identity;
  TRY(identity.model, json::get_string(subjects->front(), "name"));
  TRY(identity.manifest, digest_in(subjects->front()));
  TRY(const Value* predicate, json::get_object(statement, "predicate"));
  TRY(const json::Array* configuration, json::get_array(*predicate, "configuration"));
  for (const Value& entry : *configuration) {
    if (entry["name"] == Value("engine")) {
      TRY(const std::string uri, json::get_string(entry, "uri"));
      constexpr std::string_view kScheme = "charter:";
      if (!uri.starts_with(kScheme)) return mismatch("an engine is written charter:<build>", uri);
      identity.engine = uri.substr(kScheme.size());
    } else if (entry["name"] == Value("calibration")) {
      TRY(identity.calibration, digest_in(entry));
      TRY(const Value* notes, json::get_object(entry, "annotations"));
      TRY(identity.kappa, json::get_string(*notes, "kappa"));
    }
  }
  return identity;
}

// What a suite's result rests on beside the candidate: settings, other models, sentinels.
void append_conditions(const Suite& suite, const Identity& identity, const Tally& counted,
                       json::Array* configuration) {
  if (suite.elicits) {
    json::Array settings;
    for (const SettingTally& each : counted.settings) {
      settings.emplace_back(Object{{"name", each.name},
                                   {"passed", std::to_string(each.passed)},
                                   {"failed", std::to_string(each.failed)},
                                   {"errors", std::to_string(each.errors)},
                                   {"mean", decimal(each.mean)},
                                   {"lower_bound", decimal(each.bounds.lower)},
                                   {"upper_bound", decimal(each.bounds.upper)}});
    }
    configuration->emplace_back(Object{
        {"name", "elicitation"},
        {"annotations", Object{{"worst", counted.name}, {"settings", std::move(settings)}}}});
  }
  if (suite.counterpart)
    configuration->emplace_back(
        Object{{"name", "counterpart"}, {"digest", digest_json(suite.counterpart->manifest)}});
  if (suite.judge)
    configuration->emplace_back(Object{{"name", "judge"}, {"digest", digest_json(*suite.judge)}});
  if (identity.calibration)
    configuration->emplace_back(Object{{"name", "calibration"},
                                       {"digest", digest_json(*identity.calibration)},
                                       {"annotations", Object{{"kappa", identity.kappa}}}});
  if (!suite.sentinels.empty())
    configuration->emplace_back(
        Object{{"name", "sentinels"},
               {"annotations",
                Object{{"count", std::to_string(suite.sentinels.size())}, {"missed", "0"}}}});
}

}  // namespace

std::string write_evidence(const Suite& suite, const Identity& identity, const Tally& counted,
                           std::span<const Record> records) {
  const std::string size = std::to_string(suite.cases.size());
  const std::string epochs = std::to_string(suite.epochs);
  Value results = Object{{"complete", true},
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
  if (suite.clustered()) {
    results.set("clusters", std::to_string(counted.clusters.clusters));
    results.set("clusters_at_zero", std::to_string(counted.clusters.at_zero));
    results.set("clusters_at_one", std::to_string(counted.clusters.at_one));
    results.set("cluster_mean", fine_decimal(counted.clusters.mean));
    results.set("standard_error", fine_decimal(counted.clusters.standard_error));
  }
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
  append_conditions(suite, identity, counted, &configuration);
  json::Array passed;
  json::Array failed;
  for (const Record& r : in_order(suite, records)) {
    std::string name = suite.cases[static_cast<size_t>(r.index)].id;
    if (suite.epochs > 1) name += '#' + std::to_string(r.epoch);
    if (suite.elicits) name += '@' + r.setting;
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

std::string write_results(const Suite& suite, std::span<const Record> records) {
  std::string out;
  for (const Record& r : in_order(suite, records)) out += print_record(r) + '\n';
  return out;
}

base::Result<std::vector<Record>> parse_results(std::string_view results) {
  TRY(const auto lines, split_lines(results, "results.jsonl"));
  std::vector<Record> records;
  for (const std::string_view line : lines) {
    TRY(Record record, parse_record(line));
    records.push_back(std::move(record));
  }
  return records;
}

base::Result<Checked> check_evidence(const Suite& suite, std::string_view evidence,
                                     std::string_view results) {
  TRY(const Value stated, json::parse(evidence));
  TRY(const Identity identity, identity_of(stated));
  TRY(std::vector<Record> records, parse_results(results));
  TRY(const Tally counted, tally(suite, identity, records));
  if (write_evidence(suite, identity, counted, records) != evidence) {
    return mismatch("the statement is not the one that its suite and its results give", suite.name);
  }
  return Checked{identity, counted, std::move(records)};
}

base::Result<Comparison> compare(const Suite& suite, const Checked& candidate,
                                 const Checked& production, double alpha, double margin) {
  const auto means = [&](const Checked& side) {
    std::vector<Record> worst;
    for (const Record& r : side.records) {
      if (!suite.elicits || r.setting == side.tally.name) worst.push_back(r);
    }
    return cluster_means(suite, worst);
  };
  const std::vector<double> ours = means(candidate);
  const std::vector<double> theirs = means(production);
  if (ours.size() < 2)
    return fail(Code::FailedPrecondition, "a comparison needs at least two independent cases",
                suite.name, "EVIDENCE_INCOMPLETE");
  const Estimate estimate = paired_difference(ours, theirs, alpha);
  Comparison out;
  out.difference = estimate.value;
  out.worse_at_most = suite.gate && suite.gate->upper ? estimate.upper : -estimate.lower;
  out.passed = out.worse_at_most <= margin;
  return out;
}

}  // namespace judge
