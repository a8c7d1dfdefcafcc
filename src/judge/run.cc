#include "judge/run.h"

#include <algorithm>
#include <mutex>
#include <optional>
#include <thread>

#include "base/check.h"
#include "base/utf8.h"
#include "judge/grade.h"

namespace judge {
namespace {

class Runner {
 public:
  Runner(const Suite& suite, Subject& subject, const base::Clock& clock, const RunOptions& options)
      : suite_(suite),
        subject_(subject),
        clock_(clock),
        options_(options),
        total_(static_cast<int64_t>(suite.cases.size()) * suite.epochs),
        records_(static_cast<size_t>(total_)) {}

  base::Result<Run> run() {
    CHECK(options_.concurrency > 0);
    {
      std::vector<std::jthread> workers;
      const int64_t count = std::min<int64_t>(options_.concurrency, total_);
      for (int64_t i = 0; i < count; ++i) workers.emplace_back([this] { work(); });
    }
    if (cancelled_) {
      return base::fail(base::Code::Cancelled,
                        "the run was stopped after " + std::to_string(progress_.done) + " of " +
                            std::to_string(total_) +
                            " results; evidence is whole or it is none, so nothing was written",
                        suite_.name, "EVIDENCE_INCOMPLETE");
    }
    Run out;
    for (auto& record : records_) {
      CHECK(record.has_value());
      out.records.push_back(*std::move(record));
    }
    TRY(out.tally, tally(suite_, options_.identity, out.records));
    return out;
  }

 private:
  void work() {
    for (;;) {
      if (options_.stop != nullptr && options_.stop->load()) cancelled_ = true;
      if (cancelled_) return;
      const int64_t place = next_.fetch_add(1);
      if (place >= total_) return;
      auto record = run_case(place / suite_.epochs, place % suite_.epochs);
      if (!record) {
        cancelled_ = true;
        return;
      }
      keep(place, *std::move(record));
    }
  }

  // Empty when the subject was told to stop.
  std::optional<Record> run_case(int64_t index, int64_t epoch) {
    const Case& one = suite_.cases[static_cast<size_t>(index)];
    Record r;
    r.index = index;
    r.epoch = epoch;
    r.leaf = one.leaf;
    r.manifest = options_.identity.manifest;
    r.grader = grader_digest(suite_.grader);
    r.sampling = suite_.sampling_json;
    r.seed = case_seed(suite_, index, epoch);
    r.engine = options_.identity.engine;
    const base::Time started = clock_.now();
    r.started = base::rfc3339(started);
    const auto prompt = subject_.prompt_digest(one.messages);
    if (prompt) r.prompt = *prompt;
    const auto answer = prompt ? subject_.complete(one.messages, suite_.sampling, r.seed)
                               : base::Result<Completion>(std::unexpected(prompt.error()));
    r.duration_ms = std::max<int64_t>(0, (clock_.now() - started).ns / 1'000'000);
    if (answer) {
      r.output = base::replace_invalid_utf8(answer->text);
      r.prompt_tokens = answer->prompt_tokens;
      r.completion_tokens = answer->completion_tokens;
      r.score = grade(suite_, one, r.output);
      return r;
    }
    if (answer.error().code == base::Code::Cancelled) return std::nullopt;
    const bool refused = answer.error().code == base::Code::TooLarge ||
                         answer.error().code == base::Code::InvalidArgument;
    r.status = refused ? RunStatus::Refused : RunStatus::Error;
    r.output = base::replace_invalid_utf8(answer.error().text());
    r.score = worst_score(suite_);
    return r;
  }

  void keep(int64_t place, Record record) {
    const std::lock_guard lock(mutex_);
    ++progress_.done;
    progress_.total = total_;
    if (record.status != RunStatus::Ok)
      ++progress_.errors;
    else if (record.score == 1)
      ++progress_.passed;
    records_[static_cast<size_t>(place)] = std::move(record);
    if (options_.progress) options_.progress(progress_);
  }

  const Suite& suite_;
  Subject& subject_;
  const base::Clock& clock_;
  const RunOptions& options_;
  const int64_t total_;
  std::atomic<int64_t> next_{0};
  std::atomic<bool> cancelled_{false};
  std::mutex mutex_;
  std::vector<std::optional<Record>> records_;  // GUARDED_BY(mutex_) while workers run
  Progress progress_;                           // GUARDED_BY(mutex_) while workers run
};

}  // namespace

base::Result<Run> run(const Suite& suite, Subject& subject, const base::Clock& clock,
                      const RunOptions& options) {
  return Runner(suite, subject, clock, options).run();
}

}  // namespace judge
