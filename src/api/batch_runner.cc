#include "api/batch_runner.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <set>

#include "api/batch_job.h"
#include "base/log.h"
#include "gateway/gateway.h"

namespace api {
namespace {

constexpr auto kTick = std::chrono::milliseconds(100);  // while a batch is under way
constexpr std::string_view kUnfinished[] = {"validating", "in_progress", "finalizing",
                                            "cancelling"};

}  // namespace

struct Batches::Mailbox {
  struct Finished {
    std::string batch_id;
    size_t line = 0;
    InternalResponse response;
  };
  std::mutex mutex;  // all below
  std::condition_variable wake;
  std::vector<objects::Object> added;
  std::vector<std::string> cancelled;
  std::vector<Finished> finished;
  bool stopping = false;

  // Changes what is in here, and wakes the thread.
  template <class Change>
  void post(const Change& change) {
    {
      const std::lock_guard lock(mutex);
      change();
    }
    wake.notify_one();
  }
};

Batches::Batches(App& app, BatchOptions options, Told told)
    : app_(app),
      options_(std::move(options)),
      told_(std::move(told)),
      mailbox_(std::make_shared<Mailbox>()) {}

Batches::~Batches() {
  mailbox_->post([&] { mailbox_->stopping = true; });
  if (thread_.joinable()) thread_.join();
}

base::Status Batches::start() {
  TRY_VOID(files::make_directories(options_.directory, 0700));
  std::set<std::string> unfinished;
  for (const std::string_view status : kUnfinished) {
    TRY(auto found, app_.objects.find_all("batch", {{"status", std::string(status)}}));
    for (objects::Object& batch : found) {
      unfinished.insert(batch.id + ".jsonl");
      mailbox_->added.push_back(std::move(batch));
    }
  }
  // Results of batches that ended just before a crash.
  TRY(const auto names, files::list_files(options_.directory));
  for (const std::string& name : names)
    if (!unfinished.contains(name))
      TRY_VOID(files::remove_file(files::join(options_.directory, name)));
  thread_ = std::thread([this] { loop(); });
  return {};
}

void Batches::add(objects::Object batch) {
  mailbox_->post([&] { mailbox_->added.push_back(std::move(batch)); });
}

void Batches::cancel(const std::string& batch_id) {
  mailbox_->post([&] { mailbox_->cancelled.push_back(batch_id); });
}

void Batches::loop() {
  Mailbox& box = *mailbox_;
  for (bool busy = false;;) {
    {
      std::unique_lock lock(box.mutex);
      const auto ready = [&] {
        return box.stopping || !box.added.empty() || !box.cancelled.empty() ||
               !box.finished.empty();
      };
      if (busy)
        box.wake.wait_for(lock, kTick, ready);
      else
        box.wake.wait(lock, ready);
      if (box.stopping) break;
    }
    busy = round();
  }
  // Answers that come after this are not recorded, and their lines are given back at the next
  // start.
  for (const auto& [id, job] : jobs_) job->cancel();
  jobs_.clear();
}

// Whoever waits for an answer goes first: each of their requests takes one place from the batches,
// which keep one.
int Batches::lines_allowed(int under_way) const {
  if (app_.gateway.draining()) return 0;
  const auto others = std::max<int64_t>(0, app_.gateway.running() - under_way);
  return static_cast<int>(std::max<int64_t>(1, options_.lines_max - others));
}

bool Batches::round() {
  std::vector<objects::Object> added;
  std::vector<std::string> cancelled;
  std::vector<Mailbox::Finished> finished;
  {
    const std::lock_guard lock(mailbox_->mutex);
    added.swap(mailbox_->added);
    cancelled.swap(mailbox_->cancelled);
    finished.swap(mailbox_->finished);
  }
  const auto report = [](const BatchJob& job, const base::Status& status) {
    if (status) return;
    base::log(base::Level::Error, "a batch is stuck",
              {{"batch", job.batch().id}, {"error", status.error().text()}});
  };
  for (objects::Object& batch : added) {
    const std::string id = batch.id;
    auto job = std::make_unique<BatchJob>(
        app_, options_.directory, std::move(batch),
        [box = mailbox_, id](size_t line, InternalResponse response) {
          box->post([&] { box->finished.push_back({id, line, std::move(response)}); });
        });
    report(*job, job->open());
    jobs_[id] = std::move(job);
  }
  for (const Mailbox::Finished& one : finished)
    if (const auto job = jobs_.find(one.batch_id); job != jobs_.end())
      job->second->finish_line(one.line, one.response);
  for (const std::string& id : cancelled)
    if (const auto job = jobs_.find(id); job != jobs_.end()) job->second->cancel();

  int under_way = 0;
  for (const auto& [id, job] : jobs_) {
    report(*job, job->tend());
    under_way += job->under_way();
  }
  // One line of each batch in turn.
  const int allowed = lines_allowed(under_way);
  for (bool started = true; started && under_way < allowed;) {
    started = false;
    for (const auto& [id, job] : jobs_) {
      if (under_way >= allowed || !job->start_line()) continue;
      started = true;
      ++under_way;
    }
  }
  for (auto job = jobs_.begin(); job != jobs_.end();) {
    if (job->second->over()) {
      told_("batch." + job->second->batch().body["status"].as_string(), job->second->batch());
      job = jobs_.erase(job);
    } else {
      ++job;
    }
  }
  return !jobs_.empty();
}

}  // namespace api
