// The sqlite3 handle behind Database and Statement: its lock file, its idle statements, and how its
// errors read. Included only by the .cc files of this folder.
#pragma once

#include <sqlite3.h>

#include <string>
#include <unordered_map>
#include <vector>

#include "base/result.h"

namespace db {

class Connection {
 public:
  explicit Connection(std::string path) : path(std::move(path)) {}
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // The error for a result code of sqlite, in words that say what to do.
  std::unexpected<base::Error> failure(int code, std::string_view doing) const;

  std::string path;
  sqlite3* handle = nullptr;
  int lock_fd = -1;
  std::unordered_map<std::string, std::vector<sqlite3_stmt*>> idle;  // by their text
};

}  // namespace db
