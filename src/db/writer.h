// Group commit: one thread owns a database's read-write connection and runs the jobs that others
// hand it. All jobs that queued while the last commit ran share the next transaction, so a hundred
// requests pay for one flush of the disk.
#pragma once

#include <functional>
#include <memory>

#include "db/database.h"

namespace db {

class Writer {
 public:
  using Job = std::function<base::Status(Database&)>;
  using Done = std::function<void(const base::Status&)>;

  explicit Writer(Database database);
  ~Writer();  // runs what is queued, then stops
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  // Runs `job` in the next group. A job that fails is undone alone. `done` is called on the
  // writer's thread, after the commit is durable or with the reason why it is not; it must be short
  // and may submit. A disk that is full or broken gives Code::Unavailable (reason
  // STORAGE_UNAVAILABLE) for the whole group; the next group tries again.
  void submit(Job job, Done done = {});
  base::Status run(Job job);  // submits and waits; never from the writer's own thread
  void drain();               // waits until everything submitted so far is done

  struct Stats {
    int64_t groups = 0;
    int64_t jobs = 0;
    int64_t failures = 0;
  };
  Stats stats() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Read-only connections, lent one at a time to any thread.
class ReadPool {
 public:
  explicit ReadPool(std::string path, int connections_max = 4);
  ~ReadPool();
  ReadPool(const ReadPool&) = delete;
  ReadPool& operator=(const ReadPool&) = delete;

  // Calls job(Database&) with a connection of the pool, inside one read transaction: a consistent
  // picture.
  base::Status read(const std::function<base::Status(Database&)>& job);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace db
