#include "db/connection.h"

#include <unistd.h>

namespace db {

Connection::~Connection() {
  for (auto& [sql, statements] : idle)
    for (sqlite3_stmt* statement : statements) sqlite3_finalize(statement);
  sqlite3_close_v2(handle);
  if (lock_fd >= 0) close(lock_fd);  // the lock goes with the descriptor
}

std::unexpected<base::Error> Connection::failure(int code, std::string_view doing) const {
  using base::Code;
  const std::string detail = handle != nullptr ? sqlite3_errmsg(handle) : sqlite3_errstr(code);
  const std::string what = std::string(doing) + ": " + detail;
  switch (code & 0xff) {
    case SQLITE_FULL:
      return base::fail(
          Code::Unavailable,
          "the disk is full (" + what + "); free space on it, nothing written so far is lost", path,
          "STORAGE_UNAVAILABLE");
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM:
      return base::fail(Code::Unavailable,
                        "the database cannot be read or written (" + what +
                            "); check the disk's free space and the file's owner",
                        path, "STORAGE_UNAVAILABLE");
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return base::fail(Code::Unavailable,
                        "the database is busy (" + what + "); close other programs that use it",
                        path, "DATABASE_BUSY");
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return base::fail(Code::Corrupt,
                        "the database is damaged (" + what + "); restore it from a backup", path,
                        "DATABASE_DAMAGED");
    case SQLITE_CONSTRAINT:
      return base::fail(Code::AlreadyExists, "a row breaks a rule of its table (" + what + ")",
                        path, "CONSTRAINT");
    default:
      return base::fail(Code::Internal, what, path, "SQL");
  }
}

}  // namespace db
