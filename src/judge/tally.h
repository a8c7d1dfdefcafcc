// Counts of a whole run: every (setting, case, epoch) exactly once, each answer scored again from
// its raw text, bounds instead of means, the worst setting as the result.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "judge/record.h"
#include "judge/statistics.h"

namespace judge {

struct Identity {
  std::string model;          // the subject's name
  crypto::Digest manifest{};  // the subject's digest
  std::string engine;
  // Of a suite with a judge model: its calibration (SHA-256 of the file) and kappa as printed.
  std::optional<crypto::Digest> calibration = {};
  std::string kappa = {};
};

struct SettingTally {
  std::string name;
  int64_t passed = 0;  // scored 1; of a harm suite these are the events
  int64_t failed = 0;
  int64_t errors = 0;  // error, timeout or refused: counted as the worst score
  double mean = 0;     // with the worst score for errors
  Bounds bounds;       // at the gate's alpha, or 0.05
  base::ClusterSummary clusters;
};

struct Tally : SettingTally {  // of the worst setting
  std::vector<SettingTally> settings;
  bool gate_passed = true;
  crypto::Digest result_root{};
  std::string finished;  // of the last record to end, whole seconds UTC
};

// The records of a whole run in any order. EVIDENCE_INCOMPLETE lists the results that are missing
// or there twice; DIGEST_MISMATCH names a record whose leaf, model, sampling, seed, grader or
// engine is not the run's, or whose transcript does not follow its script; SCORE_MISMATCH one whose
// score is not what its answer gives.
base::Result<Tally> tally(const Suite& suite, const Identity& identity,
                          std::span<const Record> records);

// One record by itself, which tally() does for each.
base::Status check_record(const Suite& suite, const Identity& identity, const Record& record);

// Where a record stands among all: by setting, case and epoch. Empty when the suite has no such
// place.
std::optional<size_t> place_of(const Suite& suite, const Record& record);
size_t place_count(const Suite& suite);

// The mean score of each cluster over a whole run's records of one setting, by the cluster's name.
std::vector<double> cluster_means(const Suite& suite, std::span<const Record> records);

double alpha_of(const Suite& suite);

}  // namespace judge
