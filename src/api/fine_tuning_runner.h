// Runs fine-tuning jobs, one at a time and at low priority, on the trainer of lab/. A job goes on
// after a pause or a restart from its checkpoint. Its result is a model version on disk, sealed
// with a manifest: nobody is served by it before the charter's board has released it.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "api/call.h"
#include "lab/fine_tune.h"
#include "objects/store.h"

namespace api {

class FineTuning {
 public:
  // What is told when a job ends: "fine_tuning.job.succeeded", and the job.
  using Told = std::function<void(const std::string& event, const objects::Object& job)>;

  FineTuning(App& app, std::string data, Told told);
  ~FineTuning();  // a job under way writes a checkpoint and goes on at the next start
  FineTuning(const FineTuning&) = delete;

  base::Status start();
  void add(const objects::Object& job);   // its row is there, queued
  void interrupt(const std::string& id);  // its row says why: cancelled or paused
  void tell(const std::string& event, const objects::Object& job) const { told_(event, job); }

  // The folder of a model that can be trained further: a released one, or the result of one of the
  // project's jobs. NotFound (model_not_found).
  base::Result<std::string> base_folder(const identity::Caller& caller,
                                        const std::string& model) const;

  // One event in the job's list.
  base::Status log(const objects::Object& job, std::string_view level, std::string message,
                   json::Value data = {}) const;

 private:
  struct Metrics;

  void loop();
  void run(const std::string& project_id, const std::string& id);
  base::Result<lab::TrainOutcome> train(objects::Object* job, Metrics* metrics);
  base::Status validate(objects::Object* job);
  void begin(objects::Object* job, const lab::FineTunePlan& plan) const;
  void progress(const objects::Object& job, const lab::FineTunePlan& plan,
                const lab::StepReport& step, Metrics* metrics) const;
  void checkpoint(const objects::Object& job, int64_t epoch, int64_t step,
                  const Metrics& metrics) const;
  base::Status succeed(const objects::Object& job, const Metrics& metrics);
  void fail(const objects::Object& job, const base::Error& error);
  base::Result<objects::Object> set(const objects::Object& job, json::Object members) const;
  std::string folder(const std::string& id) const;

  App& app_;
  const std::string data_;
  const Told told_;
  std::mutex mutex_;  // all up to the thread
  std::condition_variable wake_;
  std::deque<std::pair<std::string, std::string>> queue_;  // project, job
  std::string running_;
  bool stopping_ = false;
  std::atomic<bool> interrupt_{false};
  std::thread thread_;
};

}  // namespace api
