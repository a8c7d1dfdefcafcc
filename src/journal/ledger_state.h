// What journal::Ledger keeps: the books, budgets and open holds in memory, and the entries on their
// way to the disk. One thread writes groups of entries ahead (journal/ledger_ahead.h) and tells who
// waits for them; another brings them into ledger.db, at its leisure. Included only by ledger*.cc.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <unordered_map>

#include "db/writer.h"
#include "journal/ledger_ahead.h"
#include "journal/ledger_fold.h"

namespace journal {

struct Ledger::State {
  State(const base::Clock& the_clock, const LedgerOptions& the_options, std::string path,
        db::Database the_database, AheadFiles the_ahead, Folded folded);
  ~State();

  struct OpenHold {
    HoldRequest request;
    base::Time at;
  };
  // A request that has ended, kept for a while so that its id is not used again.
  struct Ended {
    int64_t seq = 0;  // of its charge; 0: released
    Amount charge = {};
  };
  struct IdHash {
    size_t operator()(money::Id id) const { return static_cast<size_t>(id ^ (id >> 64)); }
  };

  // Wakes the writing thread when the scope ends: declared before the lock, so that the thread
  // finds the lock free.
  class Wake {
   public:
    explicit Wake(State& state) : state_(state) {}
    ~Wake() { state_.write_wake.notify_one(); }
    Wake(const Wake&) = delete;
    Wake& operator=(const Wake&) = delete;

   private:
    State& state_;
  };

  // All of these are called with `mutex` held, under a Wake.
  base::Time now();
  // The transfers go to the books, the entry to the next group; nothing when the books refuse.
  money::TransferResult append(Entry entry, std::span<const money::Transfer> transfers);
  void release(money::Id id, const OpenHold& hold);  // frees what is held; `hold` is gone then
  void remember(money::Id id, const Ended& ended);
  void when_durable(Durable durable);  // after everything appended so far
  void poke();                         // try again at once where the disk refused
  base::Status health() const;

  void write_loop();  // the writing thread
  void index_loop();  // the indexing thread
  base::Status index(const std::vector<Group>& groups);
  base::Status make_safe(bool whole);  // what ledger.db has is on the disk

  const base::Clock& clock;
  const LedgerOptions options;

  mutable std::mutex mutex;
  std::condition_variable write_wake, index_wake;
  mutable std::condition_variable progress;
  money::Ledger books;  // guarded by mutex, as is all that follows
  money::Budgets budgets;
  std::unordered_map<money::Id, OpenHold, IdHash> open;
  std::unordered_map<money::Id, Ended, IdHash> ended;
  std::deque<money::Id> ended_order;
  base::Time last_at;       // the ledger's time never runs back, whatever the clock does
  crypto::Digest digest{};  // of the last entry
  int64_t rows = 0;         // appended, on disk or not
  std::string encoded;      // scratch
  Group group;              // appended, not handed to the disk
  std::vector<Durable> waiting;
  std::vector<Group> unindexed;  // on the disk, not in ledger.db
  int64_t durable_seq = 0, indexed_seq = 0, safe_seq = 0;
  int64_t write_tries = 0, index_tries = 0;
  base::Status write_health, index_health;
  int urgent = 0;  // callers of flush()
  bool poked_write = false, poked_index = false;
  bool wants_room = false;
  bool delivering = false;
  bool stopping = false;
  bool written_all = false;  // the writing thread has ended

  std::mutex deposits;  // one at a time; taken before `mutex`
  mutable db::ReadPool readers;

  AheadFiles ahead;                   // the writing thread's
  db::Database database;              // the indexing thread's
  std::optional<IndexWriter> tables;  // the indexing thread's; empty after a failure
  std::thread writer, indexer;
};

}  // namespace journal
