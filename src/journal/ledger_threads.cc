// The two threads of a ledger: entries to the write-ahead file, then to ledger.db.
#include "base/check.h"
#include "base/log.h"
#include "journal/ledger_state.h"

namespace journal {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr auto kRetryAfter = std::chrono::seconds(1);
// Groups of so many entries show that requests come fast, and that waiting for more is worth it.
constexpr int64_t kFastGroup = 4;
constexpr int64_t kFullGroup = 256;
constexpr auto kIndexEvery = std::chrono::milliseconds(50);
constexpr int64_t kWalBytesMax = 32 << 20;
constexpr auto kIdleBeforeCheckpoint = std::chrono::seconds(20);

void append_group(Group* to, Group from) {
  if (to->count == 0) {
    *to = std::move(from);
    return;
  }
  to->count += from.count;
  to->bytes += from.bytes;
}

void log_failure(std::string_view what, const base::Status& status) {
  base::log(base::Level::Error, what, {{"error", status.error().text()}});
}

}  // namespace

void Ledger::State::write_loop() {
  Group writing;  // what the disk refused goes first, and again
  int64_t last_count = 0;
  SteadyClock::time_point last_start = {};
  std::unique_lock lock(mutex);
  for (;;) {
    const auto has_work = [&] { return group.count > 0 || !waiting.empty(); };
    if (write_health)
      write_wake.wait(lock, [&] { return stopping || has_work(); });
    else
      write_wake.wait_for(lock, kRetryAfter, [&] { return stopping || poked_write; });
    if (last_count >= kFastGroup && urgent == 0 && !stopping)
      write_wake.wait_until(lock, last_start + std::chrono::nanoseconds(options.group_window.ns),
                            [&] { return stopping || urgent > 0 || group.count >= kFullGroup; });
    poked_write = false;
    if (group.count > 0) {
      append_group(&writing, std::move(group));
      group = {};
    }
    if (stopping && writing.count == 0 && waiting.empty()) break;
    std::vector<Durable> ready;
    ready.swap(waiting);
    last_start = SteadyClock::now();
    last_count = writing.count;
    ahead.safe_through(safe_seq);
    delivering = true;
    lock.unlock();
    const base::Status written = writing.count > 0 ? ahead.append(writing) : base::Status();
    lock.lock();
    if (!written && write_health) log_failure("ledger cannot write", written);
    write_health = written;
    ++write_tries;
    if (written && writing.count > 0) {
      durable_seq = writing.first_seq + writing.count - 1;
      unindexed.push_back(std::exchange(writing, {}));
      wants_room = ahead.wants_room();
      index_wake.notify_one();
    }
    lock.unlock();
    for (const Durable& durable : ready) durable(written);
    ready.clear();
    lock.lock();
    delivering = false;
    progress.notify_all();
    if (stopping && !written) break;  // the disk does not take it; what waits has been told
  }
  written_all = true;
  index_wake.notify_one();
}

base::Status Ledger::State::index(const std::vector<Group>& groups) {
  if (!tables) {
    TRY(auto folded, read_folded(database));
    CHECK(folded);
    tables.emplace(&database, std::move(*folded));
  }
  TRY_VOID(database.begin());
  const auto add_all = [&]() -> base::Status {
    for (const Group& one : groups) {
      TRY(const auto records, read_records(one));
      for (const AheadRecord& record : records) {
        TRY(Entry entry, decode_entry(record.encoded));
        entry.digest = record.digest;
        TRY_VOID(tables->add(entry));
      }
    }
    return tables->finish();
  };
  base::Status done = add_all();
  if (done)
    done = database.commit();
  else
    database.rollback();
  if (!done) tables.reset();
  return done;
}

base::Status Ledger::State::make_safe(bool whole) {
  if (whole || database.wal_bytes() > kWalBytesMax) return database.checkpoint();
  return database.sync_wal();
}

void Ledger::State::index_loop() {
  bool dirty = false;
  SteadyClock::time_point last_start = {};
  std::vector<Group> taken;
  std::unique_lock lock(mutex);
  for (;;) {
    const auto ready = [&] { return written_all || !unindexed.empty(); };
    bool idle = false;
    if (!index_health)
      index_wake.wait_for(lock, kRetryAfter, [&] { return written_all || poked_index; });
    else if (dirty)
      idle = !index_wake.wait_for(lock, kIdleBeforeCheckpoint, ready);
    else
      index_wake.wait(lock, ready);
    // A commit costs as much for one entry as for many.
    index_wake.wait_until(lock, last_start + kIndexEvery,
                          [&] { return written_all || urgent > 0; });
    poked_index = false;
    std::ranges::move(unindexed, std::back_inserter(taken));
    unindexed.clear();
    const bool last = written_all;
    const bool sync = wants_room || idle || last;
    last_start = SteadyClock::now();
    lock.unlock();

    base::Status indexed = taken.empty() ? base::Status() : index(taken);
    bool safe = false;
    if (indexed && sync) {
      const base::Status synced = make_safe(idle || last);
      safe = synced.has_value();
      if (!safe) log_failure("checkpoint failed", synced);
    }

    lock.lock();
    if (!indexed && index_health) log_failure("ledger.db takes no entries", indexed);
    index_health = indexed;
    ++index_tries;
    if (indexed && !taken.empty()) {
      indexed_seq = taken.back().first_seq + taken.back().count - 1;
      taken.clear();
      dirty = true;
    }
    if (safe) {
      safe_seq = indexed_seq;
      wants_room = false;
      dirty = dirty && !idle;
    }
    progress.notify_all();
    if (last) return;
  }
}

}  // namespace journal
