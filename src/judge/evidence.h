// Evidence: the complete result of a pinned suite on one model, as an in-toto Statement
// (test-result v0.1) over the model's manifest digest. Complete or refused: every (case, epoch)
// stands in it exactly once, each answer is scored again from its raw text, and the roots are
// computed from what is there. The statement is not signed here.
#pragma once

#include <span>
#include <string>

#include "judge/record.h"
#include "judge/statistics.h"

namespace judge {

struct Tally {
  int64_t passed = 0;  // scored 1; of a harm suite these are the events
  int64_t failed = 0;
  int64_t errors = 0;  // error, timeout or refused: counted as the worst score
  double mean = 0;     // with the worst score for errors
  Bounds bounds;       // at the gate's alpha, or 0.05
  bool gate_passed = true;
  crypto::Digest result_root{};
  std::string finished;  // of the last record to end, whole seconds UTC
};

struct Identity {
  std::string model;          // the subject's name
  crypto::Digest manifest{};  // the subject's digest
  std::string engine;
};

// The records of a whole run in any order. EVIDENCE_INCOMPLETE lists the (case, epoch) pairs that
// are missing or there twice; DIGEST_MISMATCH names a record whose leaf, model, sampling, seed,
// grader or engine is not the run's; SCORE_MISMATCH one whose score is not what its answer gives.
base::Result<Tally> tally(const Suite& suite, const Identity& identity,
                          std::span<const Record> records);

std::string write_evidence(const Suite& suite, const Identity& identity, const Tally& tally,
                           std::span<const Record> records);
std::string write_results(
    std::span<const Record> records);  // JSON lines in the order of (case, epoch)

struct Checked {
  Identity identity;
  Tally tally;
};
// Recomputes all of a statement from its suite and its results.jsonl, and refuses any difference
// (DIGEST_MISMATCH).
base::Result<Checked> check_evidence(const Suite& suite, std::string_view evidence,
                                     std::string_view results);

}  // namespace judge
