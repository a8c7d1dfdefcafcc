// The result of one case in one epoch, as a line of results.jsonl. It names all that went in (case,
// model, prompt, sampling, seed, engine build, grader) and keeps the raw answer, so that anyone can
// score it again.
#pragma once

#include "judge/suite.h"

namespace judge {

enum class RunStatus : unsigned char { Ok, Error, Timeout, Refused };
std::string_view run_status_name(RunStatus status);

struct Record {
  int64_t index = 0;
  int64_t epoch = 0;
  std::string setting = {};   // of a suite that elicits; empty otherwise
  crypto::Digest leaf{};      // of the case
  crypto::Digest manifest{};  // of the model
  crypto::Digest prompt{};    // zero when the prompt could not be made
  crypto::Digest grader{};
  json::Value sampling;
  uint64_t seed = 0;
  std::string engine;  // the build: "charter/0.1.0 avx512"
  RunStatus status = RunStatus::Ok;
  std::string output;  // raw text, or the error's
  double score = 0;
  int64_t prompt_tokens = 0, completion_tokens = 0;
  std::string started;  // RFC 3339
  int64_t duration_ms = 0;
};

std::string print_record(const Record& record);  // canonical JSON, without a newline
// Strict: unknown members, and an output that is not the one its digest names, are refused
// (DIGEST_MISMATCH).
base::Result<Record> parse_record(std::string_view line);

crypto::Digest record_leaf(const Record& record);  // of the results tree
// The same for every model and every setting.
uint64_t case_seed(const Suite& suite, int64_t index, int64_t epoch);
double worst_score(const Suite& suite);  // of a case that ended in an error

}  // namespace judge
