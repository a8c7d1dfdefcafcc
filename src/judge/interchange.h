// Results as other harnesses write and read them: lm-evaluation-harness (results_*.json with
// samples_*.jsonl) and Inspect (.json of log version 2, .eval archives). What is exported says the
// same as the evidence; what is imported is checked and becomes a report, never evidence: these
// formats name no weights.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "judge/evidence.h"

namespace judge {

struct ExportedFile {
  std::string name;
  std::string bytes;
};

// results_TIME.json and samples_SUITE_TIME.jsonl, TIME as of the last result.
std::vector<ExportedFile> export_lm_eval(const Suite& suite, const Checked& checked);
// SUITE.json, or as archive SUITE.eval.
ExportedFile export_inspect(const Suite& suite, const Checked& checked);
ExportedFile export_inspect_eval(const Suite& suite, const Checked& checked);

// Another harness's complete result, after every check that its format allows.
struct ImportedResult {
  std::string harness, model, task, metric;
  int64_t samples = 0, epochs = 1;
  double mean = 0;           // recomputed from the samples
  Bounds bounds;             // of the mean, at 0.05
  crypto::Digest prompts{};  // Merkle root over the SHA-256 of each prompt, in order of the samples
  std::vector<double> scores;  // one a sample, in their order
};

// EVIDENCE_INCOMPLETE when samples are missing, a limit was set, or original and effective numbers
// differ; DIGEST_MISMATCH when a document, prompt, target or task does not have the hash that is
// stated, or the metric is not the samples' mean.
base::Result<ImportedResult> import_lm_eval(std::string_view results_json,
                                            std::string_view samples_jsonl);
// A .json log or an .eval archive. EVIDENCE_INCOMPLETE unless status is success, all samples are
// complete without an error, and there is no limit; DIGEST_MISMATCH when the log was invalidated or
// edited, or its accuracy or mean is not the samples'.
base::Result<ImportedResult> import_inspect(std::string_view bytes);

std::string print_import(const ImportedResult& result);  // a report in JSON

}  // namespace judge
