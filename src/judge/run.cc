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
        parties_{&subject, options.counterpart, options.judge},
        clock_(clock),
        options_(options),
        records_(place_count(suite)) {
    progress_.total = static_cast<int64_t>(records_.size());
  }

  base::Result<Run> run() {
    CHECK(options_.concurrency > 0);
    TRY_VOID(take_done());
    if (suite_.grader == Grader::Judged) TRY_VOID(check_sentinels(suite_, *parties_.judge));
    {
      std::vector<std::jthread> workers;
      const int64_t count = std::min<int64_t>(options_.concurrency, progress_.total);
      for (int64_t i = 0; i < count; ++i) workers.emplace_back([this] { work(); });
    }
    if (failure_) return std::unexpected(*failure_);
    if (cancelled_) {
      return base::fail(base::Code::Cancelled,
                        "the run was stopped after " + std::to_string(progress_.done) + " of " +
                            std::to_string(progress_.total) +
                            " results; evidence is whole or it is none, so none was written",
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
  base::Status take_done() {
    for (const Record& record : options_.done) {
      const auto place = place_of(suite_, record);
      if (!place || records_[*place])
        return base::fail(base::Code::Corrupt, "a kept result has no place in this run, or two",
                          suite_.name, "EVIDENCE_INCOMPLETE");
      TRY_VOID(check_record(suite_, options_.identity, record));
      count(record);
      records_[*place] = record;
    }
    return {};
  }

  void work() {
    for (;;) {
      if (options_.stop != nullptr && options_.stop->load()) cancelled_ = true;
      if (cancelled_) return;
      const size_t place = next_.fetch_add(1);
      if (place >= records_.size()) return;
      if (records_[place]) continue;
      auto record = run_case(place);
      if (!record) {
        cancelled_ = true;
        return;
      }
      keep(place, *std::move(record));
    }
  }

  Record blank(size_t place) const {
    const auto epochs = static_cast<size_t>(suite_.epochs);
    const size_t within = place % (suite_.cases.size() * epochs);
    Record r;
    r.index = static_cast<int64_t>(within / epochs);
    r.epoch = static_cast<int64_t>(within % epochs);
    if (suite_.elicits) r.setting = suite_.settings[place / (suite_.cases.size() * epochs)].name;
    r.leaf = suite_.cases[within / epochs].leaf;
    r.manifest = options_.identity.manifest;
    r.grader = grader_digest(suite_.grader);
    r.sampling = suite_.sampling_json;
    r.seed = case_seed(suite_, r.index, r.epoch);
    r.engine = options_.identity.engine;
    return r;
  }

  // Empty when the subject was told to stop.
  std::optional<Record> run_case(size_t place) {
    Record r = blank(place);
    const base::Time started = clock_.now();
    r.started = base::rfc3339(started);
    const base::Status asked = ask(suite_, parties_, &r);
    r.duration_ms = std::max<int64_t>(0, (clock_.now() - started).ns / 1'000'000);
    if (asked) {
      r.score = grade(suite_, suite_.cases[static_cast<size_t>(r.index)], r.output);
      return r;
    }
    const base::Error& error = asked.error();
    if (error.code == base::Code::Cancelled) return std::nullopt;
    const bool refused =
        error.code == base::Code::TooLarge || error.code == base::Code::InvalidArgument;
    r.status = error.reason == "TIMEOUT" ? RunStatus::Timeout
               : refused                 ? RunStatus::Refused
                                         : RunStatus::Error;
    r.output = base::replace_invalid_utf8(error.text());
    r.score = worst_score(suite_);
    return r;
  }

  void count(const Record& record) {
    ++progress_.done;
    if (record.status != RunStatus::Ok)
      ++progress_.errors;
    else if (record.score == 1)
      ++progress_.passed;
  }

  void keep(size_t place, Record record) {
    const std::lock_guard lock(mutex_);
    if (options_.keep) {
      if (const base::Status kept = options_.keep(record); !kept) {
        if (!failure_) failure_ = kept.error();
        cancelled_ = true;
        return;
      }
    }
    count(record);
    records_[place] = std::move(record);
    if (options_.progress) options_.progress(progress_);
  }

  const Suite& suite_;
  const Parties parties_;
  const base::Clock& clock_;
  const RunOptions& options_;
  std::atomic<size_t> next_{0};
  std::atomic<bool> cancelled_{false};
  std::mutex mutex_;
  std::optional<base::Error> failure_;  // GUARDED_BY(mutex_) while workers run
  // Each place is written once, by the worker that took it; those of an earlier start before any.
  std::vector<std::optional<Record>> records_;
  Progress progress_;  // GUARDED_BY(mutex_) while workers run
};

}  // namespace

base::Result<Run> run(const Suite& suite, Subject& subject, const base::Clock& clock,
                      const RunOptions& options) {
  if (suite.counterpart && options.counterpart == nullptr)
    return base::fail(base::Code::InvalidArgument, "the suite's counterpart model is missing",
                      crypto::hex(suite.counterpart->manifest), "DIGEST_MISMATCH");
  if (suite.judge && options.judge == nullptr)
    return base::fail(base::Code::InvalidArgument, "the suite's judge model is missing",
                      crypto::hex(*suite.judge), "DIGEST_MISMATCH");
  return Runner(suite, subject, clock, options).run();
}

}  // namespace judge
