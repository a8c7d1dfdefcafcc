// A run of a suite: every case in every epoch and setting, several at once, or nothing. There is no
// way to run a part of a suite.
#pragma once

#include <atomic>
#include <functional>

#include "base/time.h"
#include "judge/case_run.h"
#include "judge/evidence.h"

namespace judge {

struct Progress {
  int64_t done = 0, total = 0;
  int64_t passed = 0, errors = 0;
};

struct RunOptions {
  Identity identity;
  int concurrency = 16;                     // cases under way together; the engine batches them
  const std::atomic<bool>* stop = nullptr;  // set from elsewhere: the run ends as Code::Cancelled
  std::function<void(const Progress&)> progress = {};  // called by one thread at a time
  Subject* counterpart = nullptr;                      // of a suite that pins one
  Subject* judge = nullptr;                            // likewise
  std::vector<Record> done = {};  // of an earlier, interrupted start of this run
  // Called with each new record by one thread at a time, before it counts; a failure ends the run.
  std::function<base::Status(const Record&)> keep = {};
};

struct Run {
  std::vector<Record> records;  // in the order of (setting, case, epoch)
  Tally tally;
};

// Code::Cancelled with reason EVIDENCE_INCOMPLETE and the number of results there were, when it was
// stopped; SENTINEL_MISSED when the judge model cannot be trusted.
base::Result<Run> run(const Suite& suite, Subject& subject, const base::Clock& clock,
                      const RunOptions& options);

}  // namespace judge
