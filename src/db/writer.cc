#include "db/writer.h"

#include <chrono>
#include <condition_variable>
#include <future>
#include <mutex>
#include <thread>
#include <vector>

#include "base/check.h"
#include "base/log.h"

namespace db {
namespace {

constexpr auto kIdleBeforeCheckpoint = std::chrono::seconds(20);
// Under load sqlite checkpoints by itself, but never empties a log that readers look into all the
// time: from this size on it is done with a wait for them.
constexpr int64_t kWalBytesMax = 32 << 20;
constexpr int64_t kGroupsBetweenLooks = 256;

}  // namespace

struct Writer::State {
  struct Entry {
    Job job;
    Done done;
    base::Status status;
  };

  explicit State(Database opened) : database(std::move(opened)) {}
  void loop();
  void checkpoint();
  base::Status run_group(std::vector<Entry>* group);

  Database database;  // the writer's thread only
  std::mutex mutex;
  std::condition_variable wake;
  std::condition_variable idle;
  std::vector<Entry> queue;  // guarded by mutex
  bool busy = false;         // guarded by mutex
  bool stopping = false;     // guarded by mutex
  Stats stats;               // guarded by mutex
  std::thread thread;
};

// Runs every job under a savepoint of its own, then commits them together.
base::Status Writer::State::run_group(std::vector<Entry>* group) {
  TRY_VOID(database.begin());
  for (Entry& entry : *group) {
    base::Status status = database.run("SAVEPOINT job");
    if (status) status = entry.job(database);
    if (status) status = database.run("RELEASE job");
    if (status) continue;
    entry.status = status;
    // When the failure took the whole transaction with it, there is no savepoint left: the group
    // has failed.
    if (!database.run("ROLLBACK TO job") || !database.run("RELEASE job")) {
      database.rollback();
      return status;
    }
  }
  return database.commit();
}

void Writer::State::checkpoint() {
  if (auto status = database.checkpoint(); !status)
    base::log(base::Level::Warn, "checkpoint failed", {{"error", status.error().text()}});
}

void Writer::State::loop() {
  std::unique_lock lock(mutex);
  bool dirty = false;
  int64_t groups = 0;
  for (;;) {
    const auto ready = [&] { return stopping || !queue.empty(); };
    if (!dirty) {
      wake.wait(lock, ready);
    } else if (!wake.wait_for(lock, kIdleBeforeCheckpoint, ready)) {
      lock.unlock();
      checkpoint();
      dirty = false;
      lock.lock();
      continue;
    }
    if (queue.empty()) break;  // stopping, and nothing left
    std::vector<Entry> group;
    group.swap(queue);
    busy = true;
    lock.unlock();

    const base::Status committed = run_group(&group);
    dirty = true;
    int64_t failures = 0;
    for (Entry& entry : group) {
      if (!committed) entry.status = committed;
      failures += entry.status ? 0 : 1;
      if (entry.done) entry.done(entry.status);
    }
    const auto jobs = static_cast<int64_t>(group.size());
    group.clear();  // jobs may own what their submitter waits for

    if (++groups % kGroupsBetweenLooks == 0 && database.wal_bytes() > kWalBytesMax) checkpoint();
    lock.lock();
    busy = false;
    stats.groups += 1;
    stats.jobs += jobs;
    stats.failures += failures;
    if (queue.empty()) idle.notify_all();
  }
}

Writer::Writer(Database database) : state_(std::make_unique<State>(std::move(database))) {
  state_->thread = std::thread([state = state_.get()] { state->loop(); });
}

Writer::~Writer() {
  {
    std::lock_guard lock(state_->mutex);
    state_->stopping = true;
  }
  state_->wake.notify_all();
  state_->thread.join();
}

void Writer::submit(Job job, Done done) {
  {
    std::lock_guard lock(state_->mutex);
    state_->queue.push_back({std::move(job), std::move(done), {}});
  }
  state_->wake.notify_one();
}

base::Status Writer::run(Job job) {
  CHECK(std::this_thread::get_id() != state_->thread.get_id());
  std::promise<base::Status> promise;
  auto future = promise.get_future();
  submit(std::move(job), [&promise](const base::Status& status) { promise.set_value(status); });
  return future.get();
}

void Writer::drain() {
  std::unique_lock lock(state_->mutex);
  state_->idle.wait(lock, [&] { return state_->queue.empty() && !state_->busy; });
}

Writer::Stats Writer::stats() const {
  std::lock_guard lock(state_->mutex);
  return state_->stats;
}

struct ReadPool::State {
  std::string path;
  int connections_max;
  std::mutex mutex;
  std::condition_variable returned;
  std::vector<Database> idle;  // guarded by mutex
  int lent = 0;                // guarded by mutex
};

ReadPool::ReadPool(std::string path, int connections_max) : state_(std::make_unique<State>()) {
  CHECK(connections_max >= 1);
  state_->path = std::move(path);
  state_->connections_max = connections_max;
}

ReadPool::~ReadPool() = default;

base::Status ReadPool::read(const std::function<base::Status(Database&)>& job) {
  std::optional<Database> database;
  {
    std::unique_lock lock(state_->mutex);
    state_->returned.wait(lock, [&] { return state_->lent < state_->connections_max; });
    ++state_->lent;
    if (!state_->idle.empty()) {
      database.emplace(std::move(state_->idle.back()));
      state_->idle.pop_back();
    }
  }
  base::Status status = [&]() -> base::Status {
    if (!database) {
      TRY(Database opened, Database::open_readonly(state_->path));
      database.emplace(std::move(opened));
    }
    TRY_VOID(database->run("BEGIN"));
    base::Status read = job(*database);
    database->rollback();
    return read;
  }();
  {
    std::lock_guard lock(state_->mutex);
    --state_->lent;
    if (database) state_->idle.push_back(std::move(*database));
  }
  state_->returned.notify_one();
  return status;
}

}  // namespace db
