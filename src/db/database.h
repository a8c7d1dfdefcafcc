// SQLite behind values and Results; no header of this folder shows the library. Debian's 3.40.1 can
// lose committed pages when two connections write and checkpoint at once, so a database file has
// exactly one read-write connection, used by one thread, guarded by a lock file beside it; every
// other connection is read-only.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

namespace db {

class Connection;  // hides sqlite3*

// A prepared statement, lent by its Database; going out of scope resets it and hands it back for
// the next use.
//   TRY(auto rows, database.query("SELECT id, name FROM users WHERE org = ?", org));
//   for (;;) { TRY(const bool more, rows.step()); if (!more) break; use(rows.text(1)); }
class Statement {
 public:
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&& other) noexcept;
  ~Statement();

  // Parameters count from 1. Text and bytes are copied.
  void bind(int index, int64_t value);
  void bind(int index, int value) { bind(index, int64_t{value}); }
  void bind(int index, uint32_t value) { bind(index, int64_t{value}); }
  void bind(int index, bool value) { bind(index, int64_t{value}); }
  void bind(int index, std::string_view text);
  void bind(int index, const std::string& text) { bind(index, std::string_view(text)); }
  void bind(int index, const char* text) { bind(index, std::string_view(text)); }
  void bind(int index, base::ByteSpan bytes);
  void bind(int index, std::nullptr_t);
  template <class T>
  void bind(int index, const std::optional<T>& value) {
    value ? bind(index, *value) : bind(index, nullptr);
  }
  template <class... Args>
  void bind_all(const Args&... args) {
    int index = 0;
    (bind(++index, args), ...);
  }

  base::Result<bool> step();  // true: a row is there
  base::Status run();         // to the end, rows dropped; then reset, ready to be bound again
  void reset();

  // Columns count from 0, and are read only while a row is there. NULL reads as 0, "" and no bytes.
  int64_t integer(int column) const;
  std::string text(int column) const;
  base::Bytes bytes(int column) const;
  bool is_null(int column) const;
  int columns() const;

 private:
  friend class Database;
  Statement(Connection* connection, void* handle) : connection_(connection), handle_(handle) {}
  Connection* connection_ = nullptr;
  void* handle_ = nullptr;
};

// Full: a commit is on the disk when it returns. Normal: a crash of the process loses nothing, one
// of the machine may lose the last commits.
enum class Sync : unsigned char { Normal, Full };

struct OpenOptions {
  Sync sync = Sync::Full;
  int64_t cache_bytes_max = 4 << 20;
};

class Database {
 public:
  // The one read-write connection. It takes the lock PATH.lock; when another process has it:
  // Code::Unavailable, reason DATABASE_LOCKED, with that process's number. A damaged file:
  // Code::Corrupt.
  static base::Result<Database> open(const std::string& path, const OpenOptions& options = {});
  static base::Result<Database> open_readonly(const std::string& path);
  Database(Database&&) noexcept;
  Database& operator=(Database&&) noexcept;
  ~Database();

  base::Status execute(std::string_view sql);  // any number of statements, no parameters
  base::Result<Statement> prepare(std::string_view sql);
  template <class... Args>
  base::Result<Statement> query(std::string_view sql, const Args&... args) {
    TRY(Statement statement, prepare(sql));
    statement.bind_all(args...);
    return statement;
  }
  template <class... Args>
  base::Status run(std::string_view sql, const Args&... args) {
    TRY(Statement statement, prepare(sql));
    statement.bind_all(args...);
    return statement.run();
  }
  int64_t changes() const;         // rows that the last INSERT, UPDATE or DELETE touched
  int64_t last_insert_id() const;  // the rowid that the last INSERT gave

  base::Status begin();   // BEGIN IMMEDIATE
  base::Status commit();  // on failure everything is rolled back
  void rollback();

  // Brings the schema from its user_version to steps.size(), each step in a transaction of its own.
  // A file that a newer Charter wrote is refused: Code::FailedPrecondition, reason SCHEMA_TOO_NEW.
  base::Status migrate(std::span<const std::string_view> steps);
  base::Status check_integrity();
  base::Status checkpoint();  // moves the write-ahead log into the file and empties it
  // What has been committed is on the disk when it returns, also with Sync::Normal.
  base::Status sync_wal();
  // A consistent picture of the whole database as a new file of its own, on the disk when it
  // returns; others may write meanwhile. AlreadyExists when there is a file.
  base::Status copy_to(const std::string& to) const;
  int64_t wal_bytes() const;  // of the write-ahead log as it is on the disk
  const std::string& path() const;

 private:
  explicit Database(std::unique_ptr<Connection> connection);
  std::unique_ptr<Connection> connection_;
};

}  // namespace db
