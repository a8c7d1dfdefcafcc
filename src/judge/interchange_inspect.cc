#include <array>
#include <cmath>
#include <map>

#include "base/check.h"
#include "crypto/merkle.h"
#include "files/zip.h"
#include "judge/import_checks.h"
#include "judge/interchange.h"
#include "judge/python_json.h"

namespace judge {
namespace {

using json::Array;
using json::Object;
using json::Value;

constexpr int64_t kLogVersion = 2;
constexpr double kMeanSlack = 1e-6;

// 2026-11-22T03:00:00Z as Python's datetime.isoformat() writes it.
std::string iso_time(std::string_view rfc3339) {
  return std::string(rfc3339.substr(0, 19)) + "+00:00";
}

std::string sample_id(const Suite& suite, const Record& r) {
  const std::string& id = suite.cases[static_cast<size_t>(r.index)].id;
  return r.setting.empty() ? id : id + "@" + r.setting;
}

Value chat_message(const std::string& role, const std::string& content) {
  Object out = {{"content", content}, {"role", role}};
  if (role == "assistant") out.insert(out.begin() + 1, {"source", "generate"});
  return out;
}

Value sample_json(const Suite& suite, const Checked& checked, const Record& r) {
  const Case& one = suite.cases[static_cast<size_t>(r.index)];
  size_t setting = 0;
  while (suite.elicits && suite.settings[setting].name != r.setting) ++setting;
  Array input;
  for (const Message& message : suite.messages_of(one, setting)) {
    input.emplace_back(Object{{"content", message.content}, {"role", message.role}});
  }
  Array messages = input;
  const Value answer = chat_message("assistant", r.output);
  messages.push_back(answer);
  const std::string grader(grader_name(suite.grader));
  return Object{
      {"id", sample_id(suite, r)},
      {"epoch", r.epoch + 1},
      {"input", std::move(input)},
      {"target", python_json(one.expect)},
      {"messages", std::move(messages)},
      {"output", Object{{"model", checked.identity.model},
                        {"choices", Array{Object{{"message", answer}, {"stop_reason", "stop"}}}},
                        {"completion", r.output}}},
      {"scores", Object{{grader, Object{{"value", r.score},
                                        {"answer", r.output},
                                        {"metadata",
                                         Object{{"status", std::string(run_status_name(r.status))},
                                                {"leaf", crypto::hex(r.leaf)},
                                                {"prompt_sha256", crypto::hex(r.prompt)}}}}}}},
      {"metadata", Object{{"group", one.group}, {"cluster", one.cluster}}},
      {"started_at", iso_time(r.started)},
      {"total_time", static_cast<double>(r.duration_ms) / 1000},
      {"model_usage", Object{{checked.identity.model,
                              Object{{"input_tokens", r.prompt_tokens},
                                     {"output_tokens", r.completion_tokens},
                                     {"total_tokens", r.prompt_tokens + r.completion_tokens}}}}}};
}

// Everything but the samples.
Value header_json(const Suite& suite, const Checked& checked) {
  Array ids;
  double sum = 0;
  for (const Record& r : checked.records) {
    sum += r.score;
    if (r.epoch == 0) ids.emplace_back(sample_id(suite, r));
  }
  const auto total = static_cast<int64_t>(checked.records.size());
  const double mean = sum / static_cast<double>(total);
  const std::string grader(grader_name(suite.grader));
  const std::string time = iso_time(checked.tally.finished);
  const auto cases = static_cast<int64_t>(ids.size());
  return Object{
      {"version", kLogVersion},
      {"status", "success"},
      {"eval",
       Object{{"eval_id", crypto::hex(checked.tally.result_root).substr(0, 22)},
              {"run_id", crypto::hex(checked.tally.result_root).substr(22, 22)},
              {"created", time},
              {"task", suite.name},
              {"task_id", crypto::hex(suite.definition).substr(0, 22)},
              {"task_version", suite.version},
              {"dataset", Object{{"name", suite.name},
                                 {"location", "sha256:" + crypto::hex(suite.root)},
                                 {"samples", cases},
                                 {"sample_ids", std::move(ids)},
                                 {"shuffled", false}}},
              {"model", checked.identity.model},
              {"model_args", Object{{"manifest_sha256", crypto::hex(checked.identity.manifest)}}},
              {"config", Object{{"epochs", suite.epochs}}},
              {"packages", Object{{"charter", checked.identity.engine}}},
              {"metadata", Object{{"suite_root", crypto::hex(suite.root)},
                                  {"result_root", crypto::hex(checked.tally.result_root)}}}}},
      {"plan", Object{{"name", "plan"},
                      {"steps", Array{}},
                      {"config", Object{{"max_tokens", suite.sampling.max_tokens},
                                        {"temperature", suite.sampling.temperature},
                                        {"top_p", suite.sampling.top_p}}}}},
      {"results",
       Object{{"total_samples", total},
              {"completed_samples", total},
              {"scores", Array{Object{{"name", grader},
                                      {"scorer", grader},
                                      {"scored_samples", total},
                                      {"unscored_samples", 0},
                                      {"metrics", Object{{"mean", Object{{"name", "mean"},
                                                                         {"value", mean}}}}}}}}}},
      {"stats", Object{{"started_at", time}, {"completed_at", time}}},
      {"invalidated", false}};
}

Value summary_json(const Value& sample) {
  return Object{
      {"id", sample["id"]},         {"epoch", sample["epoch"]},       {"input", sample["input"]},
      {"target", sample["target"]}, {"metadata", sample["metadata"]}, {"scores", sample["scores"]},
      {"completed", true}};
}

// A log as one value, whichever way it was kept.
base::Result<Value> read_log(std::string_view bytes) {
  constexpr json::Limits kLimits{.bytes_max = size_t{1} << 30, .depth_max = 256};
  if (!bytes.starts_with("PK")) return json::parse(bytes, kLimits);
  TRY(const auto entries, files::read_zip(bytes));
  Value log;
  Array samples;
  for (const files::ZipEntry& entry : entries) {
    const bool sample = entry.name.starts_with("samples/") && entry.name.ends_with(".json");
    if (entry.name != "header.json" && !sample) continue;
    TRY(Value value, json::parse(entry.bytes, kLimits));
    if (sample) {
      samples.push_back(std::move(value));
    } else {
      log = std::move(value);
    }
  }
  if (!log.is_object())
    return import_incomplete("the archive has no header: the run did not end", "header.json");
  log.set("samples", std::move(samples));
  return log;
}

bool absent(const Value& value) {
  return value.is_null() || (value.is_array() && value.as_array().empty());
}

base::Status check_header(const Value& log) {
  TRY(const int64_t version, json::get_int(log, "version"));
  if (version != kLogVersion)
    return base::fail(base::Code::Unimplemented, "only logs of version 2 are read",
                      std::to_string(version));
  TRY(const std::string status, json::get_string(log, "status"));
  if (status != "success") return import_incomplete("the run's status is " + status, "status");
  if (!absent(log["error"])) return import_incomplete("the run ended in an error", "error");
  if (log["invalidated"] != Value(false) && !log["invalidated"].is_null())
    return import_mismatch("the log was invalidated", "invalidated");
  for (const char* edits : {"log_updates", "config_updates"}) {
    if (!absent(log[edits])) return import_mismatch("the log was edited after the run", edits);
  }
  TRY(const Value* eval, json::get_object(log, "eval"));
  TRY(const Value* config, json::get_object(*eval, "config"));
  for (const char* limit : {"limit", "sample_id"}) {
    if (!(*config)[limit].is_null())
      return import_incomplete("the run was of a part of its samples", limit);
  }
  return {};
}

base::Result<double> value_of(const Value& score, const std::string& where) {
  const Value& value = score["value"];
  if (value.is_bool()) return value.as_bool() ? 1 : 0;
  if (value.is_number() && value.as_double() >= 0 && value.as_double() <= 1)
    return value.as_double();
  constexpr std::array<std::pair<std::string_view, double>, 4> kLetters = {
      {{"C", 1}, {"P", 0.5}, {"I", 0}, {"N", 0}}};
  for (const auto& [letter, number] : kLetters) {
    if (value == Value(letter)) return number;
  }
  return import_incomplete("the sample's score is no number between 0 and 1", where);
}

struct ReadSample {
  double score = 0;
  crypto::Digest prompt{};
};

base::Result<ReadSample> read_sample(const Value& sample, const std::string& scorer,
                                     const std::string& where) {
  for (const char* fault : {"error", "limit", "invalidation"}) {
    if (!absent(sample[fault]))
      return import_incomplete("a sample has an entry `" + std::string(fault) + "`", where);
  }
  const Value& score = sample["scores"][scorer];
  if (!score.is_object()) return import_incomplete("a sample was not scored", where);
  if (const Value& history = score["history"]; !absent(history))
    return import_mismatch("a score was edited after the run", where);
  ReadSample out;
  TRY(out.score, value_of(score, where));
  const Value& input = sample["input"];
  if (input.is_null()) return import_incomplete("a sample has no input", where);
  // The messages' ids are made anew in each run.
  Value prompt = input;
  if (prompt.is_array()) {
    prompt = Array{};
    for (const Value& message : input.as_array()) {
      prompt.as_array().emplace_back(
          Object{{"content", message["content"]}, {"role", message["role"]}});
    }
  }
  out.prompt = crypto::sha256(prompt.is_string() ? prompt.as_string() : python_json(prompt));
  return out;
}

base::Status check_metrics(const Value& score, double mean) {
  for (const char* name : {"accuracy", "mean"}) {
    const Value& metric = score["metrics"][name]["value"];
    if (metric.is_number() && !(std::fabs(metric.as_double() - mean) <= kMeanSlack))
      return import_mismatch("the stated " + std::string(name) + " is not the samples'", name);
  }
  return {};
}

}  // namespace

ExportedFile export_inspect(const Suite& suite, const Checked& checked) {
  Value log = header_json(suite, checked);
  Array samples;
  for (const Record& r : checked.records) samples.push_back(sample_json(suite, checked, r));
  log.set("samples", std::move(samples));
  return {suite.name + ".json", json::dump_pretty(log)};
}

ExportedFile export_inspect_eval(const Suite& suite, const Checked& checked) {
  const Value header = header_json(suite, checked);
  std::vector<files::ZipEntry> entries;
  const Value start =
      Object{{"version", kLogVersion}, {"eval", header["eval"]}, {"plan", header["plan"]}};
  entries.push_back({"_journal/start.json", json::dump(start)});
  Array summaries;
  for (const Record& r : checked.records) {
    const Value sample = sample_json(suite, checked, r);
    summaries.push_back(summary_json(sample));
    entries.push_back(
        {"samples/" + sample_id(suite, r) + "_epoch_" + std::to_string(r.epoch + 1) + ".json",
         json::dump(sample)});
  }
  entries.push_back({"summaries.json", json::dump(Value(std::move(summaries)))});
  entries.push_back({"header.json", json::dump(header)});
  return {suite.name + ".eval", files::write_zip(entries)};
}

base::Result<ImportedResult> import_inspect(std::string_view bytes) {
  TRY(const Value log, read_log(bytes));
  TRY_VOID(check_header(log));
  const Value& eval = log["eval"];
  TRY(const Value* results, json::get_object(log, "results"));
  TRY(const int64_t total, json::get_int(*results, "total_samples"));
  TRY(const int64_t completed, json::get_int(*results, "completed_samples"));
  TRY(const Array* samples, json::get_array(log, "samples"));
  TRY(const Array* scores, json::get_array(*results, "scores"));
  ImportedResult out;
  out.harness = "inspect";
  TRY(out.model, json::get_string(eval, "model"));
  TRY(out.task, json::get_string(eval, "task"));
  if (eval["config"]["epochs"].is_int()) out.epochs = eval["config"]["epochs"].as_int();
  TRY(const Value* dataset, json::get_object(eval, "dataset"));
  TRY(const int64_t cases, json::get_int(*dataset, "samples"));
  if (total != completed || total != static_cast<int64_t>(samples->size()) || total == 0 ||
      out.epochs < 1 || out.epochs > total || cases * out.epochs != total)
    return import_incomplete("the log has " + std::to_string(samples->size()) + " samples of " +
                                 std::to_string(cases) + " cases, " + std::to_string(completed) +
                                 " completed of " + std::to_string(total),
                             "results");
  if (scores->empty()) return import_incomplete("the log has no score", "scores");
  TRY(out.metric, json::get_string(scores->front(), "name"));
  std::map<std::pair<std::string, int64_t>, ReadSample> read;
  for (const Value& sample : *samples) {
    const Value& id = sample["id"];
    const std::string name = id.is_string() ? id.as_string()
                             : id.is_int()  ? std::to_string(id.as_int())
                                            : "";
    TRY(const int64_t epoch, json::get_int(sample, "epoch"));
    TRY(const ReadSample each, read_sample(sample, out.metric, "sample " + name));
    if (name.empty() || epoch < 1 || epoch > out.epochs ||
        !read.emplace(std::pair(name, epoch), each).second)
      return import_incomplete("a sample is there twice, or has no place", "sample " + name);
  }
  std::vector<crypto::Digest> prompts;
  for (const auto& [place, each] : read) {
    out.scores.push_back(each.score);
    prompts.push_back(crypto::merkle_leaf(base::ByteSpan(each.prompt)));
  }
  out.prompts = crypto::merkle_root(prompts);
  summarize_import(&out);
  TRY_VOID(check_metrics(scores->front(), out.mean));
  return out;
}

}  // namespace judge
