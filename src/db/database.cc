#include "db/database.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/check.h"
#include "db/connection.h"

namespace db {
namespace {

using base::Code;

constexpr int kBusyTimeoutMs = 5000;

base::Status take_lock(Connection* connection) {
  const std::string lock_path = connection->path + ".lock";
  const int fd = open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0)
    return base::fail(Code::Unavailable,
                      std::string("cannot make the lock file: ") + std::strerror(errno) +
                          "; check that the folder exists and may be written",
                      lock_path, "STORAGE_UNAVAILABLE");
  connection->lock_fd = fd;
  if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    char owner[32] = {};
    if (read(fd, owner, sizeof owner - 1) <= 0) std::strcpy(owner, "unknown");
    return base::fail(Code::Unavailable,
                      std::string("the database is in use by process ") + owner +
                          "; stop that program, or ask it instead",
                      connection->path, "DATABASE_LOCKED");
  }
  const std::string pid = std::to_string(getpid());
  // Who holds the lock is a courtesy to whoever meets it; the lock itself does not depend on it.
  if (ftruncate(fd, 0) != 0 || pwrite(fd, pid.data(), pid.size(), 0) < 0) return {};
  return {};
}

// sqlite would make the file readable to all; its -wal and -shm take the file's own mode. An
// existing file is left alone: closing a descriptor of it would drop the locks of this process's
// readers.
base::Status make_private_file(const std::string& path) {
  if (access(path.c_str(), F_OK) == 0) return {};
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0)
    return base::fail(Code::Unavailable,
                      std::string("cannot open the database: ") + std::strerror(errno) +
                          "; check that the folder exists and may be written",
                      path, "STORAGE_UNAVAILABLE");
  close(fd);
  return {};
}

base::Status open_handle(Connection* connection, int flags) {
  const int code = sqlite3_open_v2(connection->path.c_str(), &connection->handle,
                                   flags | SQLITE_OPEN_NOMUTEX, nullptr);
  if (code != SQLITE_OK) return connection->failure(code, "opening");
  sqlite3_extended_result_codes(connection->handle, 1);
  sqlite3_busy_timeout(connection->handle, kBusyTimeoutMs);
  // "x" means a column and nothing else; a schema may call no function with side effects.
  sqlite3_db_config(connection->handle, SQLITE_DBCONFIG_DQS_DDL, 0, nullptr);
  sqlite3_db_config(connection->handle, SQLITE_DBCONFIG_DQS_DML, 0, nullptr);
  sqlite3_db_config(connection->handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_db_config(connection->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  return {};
}

}  // namespace

Database::Database(std::unique_ptr<Connection> connection) : connection_(std::move(connection)) {}
Database::Database(Database&&) noexcept = default;
Database& Database::operator=(Database&&) noexcept = default;
Database::~Database() = default;

base::Result<Database> Database::open(const std::string& path, const OpenOptions& options) {
  auto connection = std::make_unique<Connection>(path);
  TRY_VOID(take_lock(connection.get()));
  TRY_VOID(make_private_file(path));
  TRY_VOID(open_handle(connection.get(), SQLITE_OPEN_READWRITE));
  Database database(std::move(connection));
  TRY_VOID(database.execute("PRAGMA journal_mode = WAL"));
  TRY_VOID(database.execute(options.sync == Sync::Full ? "PRAGMA synchronous = FULL"
                                                       : "PRAGMA synchronous = NORMAL"));
  TRY_VOID(database.execute(
      "PRAGMA foreign_keys = ON; PRAGMA journal_size_limit = 67108864; PRAGMA cache_size = -" +
      std::to_string(options.cache_bytes_max / 1024)));
  return database;
}

base::Result<Database> Database::open_readonly(const std::string& path) {
  auto connection = std::make_unique<Connection>(path);
  if (access(path.c_str(), F_OK) != 0)
    return base::fail(
        Code::NotFound,
        "there is no database here; check the data folder, or start `charter serve` once", path,
        "DATABASE_MISSING");
  TRY_VOID(open_handle(connection.get(), SQLITE_OPEN_READONLY));
  Database database(std::move(connection));
  TRY_VOID(database.execute("PRAGMA query_only = ON; PRAGMA cache_size = -1024"));
  return database;
}

base::Status Database::execute(std::string_view sql) {
  const int code =
      sqlite3_exec(connection_->handle, std::string(sql).c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return connection_->failure(code, "a statement failed");
  return {};
}

base::Result<Statement> Database::prepare(std::string_view sql) {
  const auto found = connection_->idle.find(std::string(sql));
  if (found != connection_->idle.end() && !found->second.empty()) {
    sqlite3_stmt* statement = found->second.back();
    found->second.pop_back();
    return Statement(connection_.get(), statement);
  }
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(connection_->handle, sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (code != SQLITE_OK) return connection_->failure(code, "a statement does not parse");
  CHECK(statement != nullptr);
  return Statement(connection_.get(), statement);
}

int64_t Database::changes() const { return sqlite3_changes64(connection_->handle); }

int64_t Database::last_insert_id() const { return sqlite3_last_insert_rowid(connection_->handle); }

base::Status Database::begin() { return run("BEGIN IMMEDIATE"); }

base::Status Database::commit() {
  base::Status committed = run("COMMIT");
  if (!committed) rollback();
  return committed;
}

void Database::rollback() {
  // After some failures sqlite has rolled back by itself, and another ROLLBACK would be an error.
  if (sqlite3_get_autocommit(connection_->handle) == 0)
    sqlite3_exec(connection_->handle, "ROLLBACK", nullptr, nullptr, nullptr);
}

base::Status Database::migrate(std::span<const std::string_view> steps) {
  int64_t version = 0;
  {
    TRY(Statement statement, prepare("PRAGMA user_version"));
    TRY(const bool row, statement.step());
    CHECK(row);
    version = statement.integer(0);
  }
  if (version < 0 || version > static_cast<int64_t>(steps.size()))
    return base::fail(Code::FailedPrecondition,
                      "this database has schema version " + std::to_string(version) +
                          ", and this program knows up to " + std::to_string(steps.size()) +
                          "; use the newer Charter that wrote it, or restore a backup",
                      path(), "SCHEMA_TOO_NEW");
  for (; version < static_cast<int64_t>(steps.size()); ++version) {
    TRY_VOID(begin());
    base::Status done = execute(steps[static_cast<size_t>(version)]);
    if (done) done = execute("PRAGMA user_version = " + std::to_string(version + 1));
    if (!done) {
      rollback();
      return done;
    }
    TRY_VOID(commit());
  }
  return {};
}

base::Status Database::check_integrity() {
  TRY(Statement statement, prepare("PRAGMA integrity_check(1)"));
  TRY(const bool row, statement.step());
  if (!row || statement.text(0) != "ok")
    return base::fail(Code::Corrupt,
                      "the database is damaged (" +
                          (row ? statement.text(0) : std::string("no answer")) +
                          "); restore it from a backup",
                      path(), "DATABASE_DAMAGED");
  return {};
}

base::Status Database::checkpoint() { return execute("PRAGMA wal_checkpoint(TRUNCATE)"); }

base::Status Database::sync_wal() {
  // sqlite takes no lock on this file, so that closing a descriptor of it drops none.
  const std::string wal = path() + "-wal";
  const int fd = ::open(wal.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0 && errno == ENOENT) return {};
  const bool synced = fd >= 0 && fdatasync(fd) == 0;
  const int error = errno;
  if (fd >= 0) close(fd);
  if (synced) return {};
  return base::fail(
      Code::Unavailable,
      std::string("the database cannot be flushed: ") + std::strerror(error) + "; check the disk",
      wal, "STORAGE_UNAVAILABLE");
}

base::Status Database::copy_to(const std::string& to) const {
  if (access(to.c_str(), F_OK) == 0)
    return base::fail(Code::AlreadyExists, "there is a file of this name; choose another one", to,
                      "FILE_EXISTS");
  TRY_VOID(make_private_file(to));
  Connection copy(to);
  base::Status status = open_handle(&copy, SQLITE_OPEN_READWRITE);
  if (status) {
    sqlite3_backup* backup = sqlite3_backup_init(copy.handle, "main", connection_->handle, "main");
    if (backup != nullptr) sqlite3_backup_step(backup, -1);
    const int code =
        backup != nullptr ? sqlite3_backup_finish(backup) : sqlite3_errcode(copy.handle);
    if (code != SQLITE_OK) status = copy.failure(code, "copying the database");
  }
  // The pages say that the source keeps a write-ahead log; a copy that is only read needs none, and
  // reading it shall leave no files beside it.
  if (status && sqlite3_exec(copy.handle, "PRAGMA journal_mode = DELETE", nullptr, nullptr,
                             nullptr) != SQLITE_OK)
    status = copy.failure(sqlite3_errcode(copy.handle), "copying the database");
  if (!status) unlink(to.c_str());
  return status;
}

int64_t Database::wal_bytes() const {
  struct stat info = {};
  return stat((path() + "-wal").c_str(), &info) == 0 ? int64_t{info.st_size} : 0;
}

const std::string& Database::path() const { return connection_->path; }

}  // namespace db
