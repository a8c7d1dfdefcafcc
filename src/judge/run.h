// A run of a suite: every case in every epoch, several at once, or nothing. There is no way to run
// a part of a suite.
#pragma once

#include <atomic>
#include <functional>

#include "base/time.h"
#include "judge/evidence.h"
#include "judge/subject.h"

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
};

struct Run {
  std::vector<Record> records;  // in the order of (case, epoch)
  Tally tally;
};

// Code::Cancelled with reason EVIDENCE_INCOMPLETE and the number of results there were, when it was
// stopped.
base::Result<Run> run(const Suite& suite, Subject& subject, const base::Clock& clock,
                      const RunOptions& options);

}  // namespace judge
