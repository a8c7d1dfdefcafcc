#include "judge/interchange.h"

#include <gtest/gtest.h>

#include "files/files.h"
#include "files/zip.h"
#include "judge/python_json.h"
#include "judge/testing_subject.h"

namespace judge {
namespace {

using testing::FunctionSubject;
using testing::line;
using testing::must_suite;

std::string golden(std::string_view name) {
  const auto text = files::read_file(std::string(CHARTER_SOURCE_DIR) + "/tests/golden/harnesses/" +
                                     std::string(name));
  EXPECT_TRUE(text.has_value()) << text.error().text();
  return text.value_or("");
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const size_t at = text.find(from);
  EXPECT_NE(at, text.npos) << from;
  return at == text.npos ? text : text.replace(at, from.size(), to);
}

std::string reason(const base::Result<ImportedResult>& result) {
  return result ? "accepted" : result.error().reason;
}

TEST(PythonJson, PrintsAsPythonDoes) {
  const auto value =
      json::parse(R"({"a":[],"b":{},"c":[1,2.0,1e-5,1e16,0.1,true,null],"d":"é\n\"\u0001"})");
  ASSERT_TRUE(value.has_value());
  EXPECT_EQ(
      python_json(*value),
      R"({"a": [], "b": {}, "c": [1, 2.0, 1e-05, 1e+16, 0.1, true, null], "d": "é\n\"\u0001"})");
  EXPECT_EQ(python_json(*json::parse(R"({"a":[1,{"b":[]}]})"), 2),
            "{\n  \"a\": [\n    1,\n    {\n      \"b\": []\n    }\n  ]\n}");
  EXPECT_EQ(python_float(-113.99340343475342), "-113.99340343475342");
  EXPECT_EQ(python_float(1234567890123456.0), "1234567890123456.0");
  EXPECT_EQ(python_float(0.0001), "0.0001");
  EXPECT_EQ(python_float(0), "0.0");
}

Checked checked_run(const Suite& suite) {
  FunctionSubject subject(
      [](const Prompt& prompt) {
        return prompt.messages.back().content == "1+1" ? "Answer: 2" : "Answer: 3";
      },
      [](const Prompt&, const std::string& each) { return -static_cast<double>(each.size()); });
  const auto done = testing::run_on(suite, subject);
  EXPECT_TRUE(done.has_value()) << done.error().text();
  return {testing::options().identity, done->tally, done->records};
}

Suite sums() {
  return must_suite("number",
                    line("a", "1+1", R"({"number":"2"})") + line("b", "2+2", R"({"number":"4"})"));
}

TEST(LmEval, WhatIsExportedIsImported) {
  for (const Suite& suite :
       {sums(), must_suite("choice", line("a", "It was", R"({"choices":[" a"," bb"],"label":0})"),
                           R"(,"template":"raw")")}) {
    const Checked checked = checked_run(suite);
    const auto files = export_lm_eval(suite, checked);
    ASSERT_EQ(files.size(), 2u);
    EXPECT_EQ(files[0].name, "results_2023-11-14T22-13-20.000000.json");
    EXPECT_EQ(files[1].name, "samples_made_2023-11-14T22-13-20.000000.jsonl");
    const auto read = import_lm_eval(files[0].bytes, files[1].bytes);
    ASSERT_TRUE(read.has_value()) << read.error().text();
    EXPECT_EQ(read->samples, suite.size());
    EXPECT_DOUBLE_EQ(read->mean, checked.tally.mean);
    EXPECT_DOUBLE_EQ(read->bounds.upper, checked.tally.bounds.upper);
  }
}

TEST(LmEval, ReadsWhatLmEvalWrote) {
  const std::string results = golden("lm_eval_results.json");
  const std::string samples = golden("lm_eval_samples.jsonl");
  const auto read = import_lm_eval(results, samples);
  ASSERT_TRUE(read.has_value()) << read.error().text();
  EXPECT_EQ(read->samples, 6);
  EXPECT_EQ(read->metric, "acc");

  EXPECT_EQ(reason(import_lm_eval(replaced(results, "\"limit\": null", "\"limit\": 6"), samples)),
            "EVIDENCE_INCOMPLETE");
  EXPECT_EQ(
      reason(import_lm_eval(replaced(results, "\"original\": 6", "\"original\": 7"), samples)),
      "EVIDENCE_INCOMPLETE");
  EXPECT_EQ(reason(import_lm_eval(results, samples.substr(samples.find('\n') + 1))),
            "EVIDENCE_INCOMPLETE");
  EXPECT_EQ(reason(import_lm_eval(results, replaced(samples, "What is 2", "What is 9"))),
            "DIGEST_MISMATCH");
  EXPECT_EQ(reason(import_lm_eval(results, replaced(samples, "\"acc\": 0.0", "\"acc\": 1.0"))),
            "DIGEST_MISMATCH");
}

TEST(Inspect, WhatIsExportedIsImported) {
  const Suite suite = sums();
  const Checked checked = checked_run(suite);
  for (const ExportedFile& file :
       {export_inspect(suite, checked), export_inspect_eval(suite, checked)}) {
    const auto read = import_inspect(file.bytes);
    ASSERT_TRUE(read.has_value()) << file.name << read.error().text();
    EXPECT_EQ(read->samples, 2);
    EXPECT_EQ(read->mean, 0.5);
    EXPECT_EQ(read->model, "subject");
  }
  EXPECT_EQ(import_inspect(export_inspect(suite, checked).bytes)->prompts,
            import_inspect(export_inspect_eval(suite, checked).bytes)->prompts);
}

TEST(Inspect, ReadsWhatInspectWrote) {
  for (const char* name : {"inspect.json", "inspect.eval"}) {
    const auto read = import_inspect(golden(name));
    ASSERT_TRUE(read.has_value()) << name << read.error().text();
    EXPECT_EQ(read->samples, 4) << name;
    EXPECT_EQ(read->epochs, 2) << name;
    EXPECT_EQ(read->mean, 0.75) << name;
  }
}

TEST(Inspect, OnlyWholeUneditedRuns) {
  const std::string log = golden("inspect.json");
  const auto with = [&](std::string_view from, std::string_view to) {
    return reason(import_inspect(replaced(log, from, to)));
  };
  EXPECT_EQ(with("\"status\": \"success\"", "\"status\": \"cancelled\""), "EVIDENCE_INCOMPLETE");
  EXPECT_EQ(with("\"completed_samples\": 4", "\"completed_samples\": 3"), "EVIDENCE_INCOMPLETE");
  EXPECT_EQ(with("\"invalidated\": false", "\"invalidated\": true"), "DIGEST_MISMATCH");
  EXPECT_EQ(with("\"invalidated\": false", "\"invalidated\": false, \"log_updates\": [{}]"),
            "DIGEST_MISMATCH");
  EXPECT_EQ(with("\"epochs\": 2", "\"epochs\": 2, \"limit\": 2"), "EVIDENCE_INCOMPLETE");
  EXPECT_EQ(with("\"epoch\": 2", "\"epoch\": 1"), "EVIDENCE_INCOMPLETE");
  EXPECT_EQ(with("\"value\": 0.75", "\"value\": 0.95"), "DIGEST_MISMATCH");
  EXPECT_EQ(with("\"value\": \"C\"", "\"value\": \"?\""), "EVIDENCE_INCOMPLETE");
  // An archive of a run that did not end has no header.
  auto entries = files::read_zip(golden("inspect.eval"));
  ASSERT_TRUE(entries.has_value());
  std::erase_if(*entries, [](const auto& entry) { return entry.name == "header.json"; });
  EXPECT_EQ(reason(import_inspect(files::write_zip(*entries))), "EVIDENCE_INCOMPLETE");
}

}  // namespace
}  // namespace judge
