#include <array>
#include <cmath>
#include <map>

#include "base/time.h"
#include "crypto/merkle.h"
#include "judge/choice.h"
#include "judge/import_checks.h"
#include "judge/interchange.h"
#include "judge/python_json.h"

namespace judge {
namespace {

using json::Array;
using json::Object;
using json::Value;

constexpr double kMeanSlack = 1e-9;

std::string hash_of(std::string_view text) { return crypto::hex(crypto::sha256(text)); }

Value messages_json(std::span<const Message> messages) {
  Array out;
  for (const Message& message : messages)
    out.emplace_back(Object{{"role", message.role}, {"content", message.content}});
  return out;
}

std::string metric_of(const Suite& suite) {
  return suite.metric == "accuracy" ? "acc" : suite.metric;
}

// What lm-eval calls the arguments of a request: the context, then a continuation or the settings.
Value arguments_of(const Suite& suite, const Case& one, std::string_view context) {
  Object out;
  const auto add = [&](Value second) {
    out.emplace_back("gen_args_" + std::to_string(out.size()),
                     Object{{"arg_0", context}, {"arg_1", std::move(second)}});
  };
  if (rule_of(suite.grader).task == Task::Likelihood) {
    for (const std::string& choice : choices_of(one)) add(choice);
  } else {
    add(Object{{"until", Array{}},
               {"max_gen_toks", suite.sampling.max_tokens},
               {"temperature", suite.sampling.temperature},
               {"do_sample", suite.sampling.temperature > 0}});
  }
  return out;
}

// [["text"]] of generation, [["-1.5","False"],…] of likelihood, all as text, as lm-eval keeps them.
Value responses_of(const Suite& suite, const Case& one, const Record& r, bool filtered) {
  if (rule_of(suite.grader).task != Task::Likelihood || r.status != RunStatus::Ok)
    return filtered ? Array{r.output} : Array{Array{r.output}};
  Array out;
  const auto read = parse_likelihoods(r.output, choices_of(one).size());
  for (const Likelihood& each : read.value_or(std::vector<Likelihood>{})) {
    Value pair = Array{python_float(each.logprob), each.greedy ? "True" : "False"};
    out.push_back(filtered ? std::move(pair) : Value(Array{std::move(pair)}));
  }
  return out;
}

struct Sample {
  std::string line, hashes;
};

Sample sample_of(const Suite& suite, const Record& r) {
  const Case& one = suite.cases[static_cast<size_t>(r.index)];
  size_t setting = 0;
  while (suite.elicits && suite.settings[setting].name != r.setting) ++setting;
  const auto messages = suite.messages_of(one, setting);
  const std::string context =
      suite.raw ? messages.back().content : python_json(messages_json(messages));
  const Value doc = Object{{"id", one.id},
                           {"messages", messages_json(messages)},
                           {"expect", one.expect},
                           {"epoch", r.epoch},
                           {"setting", suite.settings[setting].name}};
  const Value* label = one.expect.find("label");
  const std::string target =
      label != nullptr ? std::to_string(label->as_int()) : python_json(one.expect);
  const std::string doc_hash = hash_of(python_json(doc, 2));
  const std::string prompt_hash = hash_of(context);
  const std::string target_hash = hash_of(target);
  const int64_t doc_id =
      static_cast<int64_t>(place_of(suite, r).value_or(0));  // also of epochs and settings
  const Value line = Object{{"doc_id", doc_id},
                            {"doc", doc},
                            {"target", target},
                            {"arguments", arguments_of(suite, one, context)},
                            {"resps", responses_of(suite, one, r, false)},
                            {"filtered_resps", responses_of(suite, one, r, true)},
                            {"filter", "none"},
                            {"metrics", Array{metric_of(suite)}},
                            {"doc_hash", doc_hash},
                            {"prompt_hash", prompt_hash},
                            {"target_hash", target_hash},
                            {metric_of(suite), r.score}};
  return {python_json(line) + '\n', doc_hash + prompt_hash + target_hash};
}

Value configs_of(const Suite& suite) {
  return Object{{"task", suite.name},
                {"output_type", rule_of(suite.grader).task == Task::Likelihood ? "multiple_choice"
                                                                               : "generate_until"},
                {"description", suite.description},
                {"num_fewshot", 0},
                {"metadata", Object{{"version", suite.version},
                                    {"suite_root", crypto::hex(suite.root)},
                                    {"grader", std::string(grader_name(suite.grader))}}}};
}

// The one task of a results file.
base::Result<std::string> only_task(const Value& results) {
  TRY(const Value* tasks, json::get_object(results, "results"));
  if (tasks->as_object().size() != 1)
    return import_incomplete("the file must hold the results of one task", "results");
  return tasks->as_object().front().first;
}

base::Status check_numbers(const Value& results, const std::string& task, int64_t samples) {
  TRY(const Value* numbers, json::get_object(results, "n-samples"));
  TRY(const Value* of_task, json::get_object(*numbers, task));
  TRY(const int64_t original, json::get_int(*of_task, "original"));
  TRY(const int64_t effective, json::get_int(*of_task, "effective"));
  if (original != effective || effective != samples || samples == 0)
    return import_incomplete("the run has " + std::to_string(samples) + " samples of " +
                                 std::to_string(original) + ", " + std::to_string(effective) +
                                 " of them effective",
                             "n-samples");
  TRY(const Value* config, json::get_object(results, "config"));
  if (config->find("limit") == nullptr || !(*config)["limit"].is_null())
    return import_incomplete("the run was limited, or does not say that it was not", "limit");
  return {};
}

struct ReadSample {
  int64_t doc_id = 0;
  std::string hashes;
  crypto::Digest prompt{};
  double score = 0;
};

base::Result<ReadSample> read_sample(const Value& line, const std::string& metric) {
  ReadSample out;
  TRY(out.doc_id, json::get_int(line, "doc_id"));
  const std::string where = "doc_id " + std::to_string(out.doc_id);
  const Value* doc = line.find("doc");
  if (doc == nullptr) return import_incomplete("a sample has no document", where);
  TRY(const std::string target, json::get_string(line, "target"));
  TRY(const Value* arguments, json::get_object(line, "arguments"));
  TRY(const Value* first, json::get_object(*arguments, "gen_args_0"));
  const Value& context = (*first)["arg_0"];
  // A chat's context is a text that holds JSON, or in some versions a list that holds that text.
  const std::string prompt =
      context.is_string() ? context.as_string()
      : context.is_array() && context.as_array().size() == 1 && context.as_array()[0].is_string()
          ? context.as_array()[0].as_string()
          : python_json(context);
  const std::array<std::pair<std::string_view, std::string>, 3> hashes = {
      {{"doc_hash", hash_of(python_json(*doc, 2))},
       {"prompt_hash", hash_of(prompt)},
       {"target_hash", hash_of(target)}}};
  for (const auto& [key, computed] : hashes) {
    TRY(const std::string stated, json::get_string(line, key));
    if (stated != computed)
      return import_mismatch("the sample's " + std::string(key) + " is not that of what it holds",
                             where);
    out.hashes += stated;
  }
  out.prompt = crypto::sha256(prompt);
  const Value& score = line[metric];
  if (!score.is_number() || !(score.as_double() >= 0 && score.as_double() <= 1))
    return import_incomplete("the sample has no score between 0 and 1 for " + metric, where);
  out.score = score.as_double();
  return out;
}

// "acc,none" of a task whose metric can be averaged: the first that every sample has.
base::Result<std::string> metric_in(const Value& task_results, const Value& sample) {
  for (const auto& [key, value] : task_results.as_object()) {
    const size_t comma = key.find(',');
    if (comma == key.npos || key.contains("_stderr,") || !value.is_number()) continue;
    if (sample[key.substr(0, comma)].is_number()) return key;
  }
  return import_incomplete("no metric of the task stands in its samples", "results");
}

}  // namespace

std::vector<ExportedFile> export_lm_eval(const Suite& suite, const Checked& checked) {
  std::string samples;
  std::string hashes;
  for (const Record& r : checked.records) {
    const Sample sample = sample_of(suite, r);
    samples += sample.line;
    hashes += sample.hashes;
  }
  const auto count = static_cast<int64_t>(checked.records.size());
  double sum = 0;
  double squares = 0;
  for (const Record& r : checked.records) sum += r.score;
  const double mean = sum / static_cast<double>(count);
  for (const Record& r : checked.records) squares += (r.score - mean) * (r.score - mean);
  const Value error =
      count > 1
          ? Value(std::sqrt(squares / static_cast<double>(count - 1) / static_cast<double>(count)))
          : Value("N/A");
  const std::string metric = metric_of(suite);
  const auto finished = base::parse_rfc3339(checked.tally.finished);
  const Value results =
      Object{{"results", Object{{suite.name, Object{{"alias", suite.name},
                                                    {metric + ",none", mean},
                                                    {metric + "_stderr,none", error}}}}},
             {"group_subtasks", Object{{suite.name, Array{}}}},
             {"configs", Object{{suite.name, configs_of(suite)}}},
             {"versions", Object{{suite.name, suite.version}}},
             {"n-shot", Object{{suite.name, 0}}},
             {"higher_is_better",
              Object{{suite.name, Object{{metric, !(suite.gate && suite.gate->upper)}}}}},
             {"n-samples", Object{{suite.name, Object{{"original", count}, {"effective", count}}}}},
             {"config", Object{{"model", "charter"},
                               {"model_args", Object{{"model", checked.identity.model}}},
                               {"model_sha", crypto::hex(checked.identity.manifest)},
                               {"limit", nullptr},
                               {"bootstrap_iters", 0},
                               {"gen_kwargs", suite.sampling_json}}},
             {"git_hash", nullptr},
             {"date", finished ? static_cast<double>(finished->seconds()) : 0.0},
             {"lm_eval_version", nullptr},
             {"task_hashes", Object{{suite.name, hash_of(hashes)}}},
             {"model_source", "charter"},
             {"model_name", checked.identity.model},
             {"model_name_sanitized", checked.identity.model}};
  std::string time = checked.tally.finished.substr(0, 19);
  for (char& c : time) c = c == ':' ? '-' : c;
  time += ".000000";  // where lm-eval writes microseconds
  return {{"results_" + time + ".json", python_json(results, 2)},
          {"samples_" + suite.name + "_" + time + ".jsonl", samples}};
}

base::Result<ImportedResult> import_lm_eval(std::string_view results_json,
                                            std::string_view samples_jsonl) {
  TRY(const Value results, json::parse(results_json));
  TRY(const std::string task, only_task(results));
  const Value& task_results = results["results"][task];
  if (!task_results.is_object()) return import_incomplete("the task has no results", task);
  TRY(const auto lines, split_lines(samples_jsonl, "samples"));
  TRY_VOID(check_numbers(results, task, static_cast<int64_t>(lines.size())));
  ImportedResult out;
  out.harness = "lm-eval";
  out.task = task;
  if (results["model_name"].is_string()) out.model = results["model_name"].as_string();
  std::string metric_key;
  std::map<int64_t, ReadSample> samples;
  std::string hashes;
  for (const std::string_view line : lines) {
    TRY(const Value value, json::parse(line));
    if (metric_key.empty()) {
      TRY(metric_key, metric_in(task_results, value));
      out.metric = metric_key.substr(0, metric_key.find(','));
    }
    TRY(const ReadSample sample, read_sample(value, out.metric));
    hashes += sample.hashes;
    if (!samples.emplace(sample.doc_id, sample).second)
      return import_incomplete("two samples are of one document",
                               "doc_id " + std::to_string(sample.doc_id));
  }
  TRY(const Value* task_hashes, json::get_object(results, "task_hashes"));
  TRY(const std::string stated, json::get_string(*task_hashes, task));
  if (stated != hash_of(hashes))
    return import_mismatch("the task's hash is not that of its samples", task);
  std::vector<crypto::Digest> prompts;
  for (const auto& [id, sample] : samples) {
    out.scores.push_back(sample.score);
    prompts.push_back(crypto::merkle_leaf(base::ByteSpan(sample.prompt)));
  }
  out.prompts = crypto::merkle_root(prompts);
  summarize_import(&out);
  if (std::fabs(task_results[metric_key].as_double() - out.mean) > kMeanSlack)
    return import_mismatch("the stated " + metric_key + " is not the mean of the samples", task);
  return out;
}

}  // namespace judge
