// What journal::Ledger keeps: the books in memory, and the rows on their way to the disk. Included
// only by ledger*.cc.
#pragma once

#include <condition_variable>
#include <mutex>
#include <set>

#include "db/writer.h"
#include "journal/ledger_rows.h"

namespace journal {

struct Ledger::State {
  State(const base::Clock& the_clock, const LedgerOptions& the_options, std::string path)
      : clock(the_clock), options(the_options), readers(std::move(path)) {}

  struct Entry {
    money::Transfer transfer = {};
    std::string reason = {};
    std::optional<Metered> metered = {};
  };
  struct Waiting {
    int64_t seq = 0;
    Durable durable;
  };

  // All of these are called with `mutex` held.
  base::Time now();
  money::TransferResult append(
      std::vector<Entry> chain);       // to the books and to the queue, as one linked chain
  void when_durable(Durable durable);  // after everything appended so far
  void start_flush();

  // On the writer's thread.
  base::Status write_queue(db::Database& database);
  void finish_flush(const base::Status& status);

  const base::Clock& clock;
  const LedgerOptions options;

  mutable std::mutex mutex;
  money::Ledger books;             // guarded by mutex, as is all that follows
  base::Time last_at;              // the ledger's time never runs back, whatever the clock does
  crypto::Digest digest{};         // of the last row
  int64_t rows = 0;                // appended, on disk or not
  std::vector<LedgerRow> queue;    // appended, not handed to the disk
  std::vector<LedgerRow> writing;  // handed to the disk, not confirmed
  std::set<std::string> dirty;     // accounts whose index row is behind
  std::vector<money::AccountBalances> writing_accounts;
  std::vector<Waiting> waiting;
  bool flushing = false;
  base::Status health;

  mutable db::ReadPool readers;
  std::unique_ptr<db::Writer> writer;  // last: its thread uses all of the above until it stops
};

}  // namespace journal
