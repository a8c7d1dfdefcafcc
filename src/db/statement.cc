#include "base/check.h"
#include "db/connection.h"
#include "db/database.h"

namespace db {
namespace {

constexpr size_t kIdlePerText = 8;

sqlite3_stmt* raw(void* handle) { return static_cast<sqlite3_stmt*>(handle); }

}  // namespace

Statement::Statement(Statement&& other) noexcept
    : connection_(std::exchange(other.connection_, nullptr)),
      handle_(std::exchange(other.handle_, nullptr)) {}

Statement& Statement::operator=(Statement&& other) noexcept {
  std::swap(connection_, other.connection_);
  std::swap(handle_, other.handle_);
  return *this;
}

Statement::~Statement() {
  if (handle_ == nullptr) return;
  reset();
  auto& idle = connection_->idle[sqlite3_sql(raw(handle_))];
  if (idle.size() < kIdlePerText)
    idle.push_back(raw(handle_));
  else
    sqlite3_finalize(raw(handle_));
}

void Statement::bind(int index, int64_t value) {
  CHECK(sqlite3_bind_int64(raw(handle_), index, value) == SQLITE_OK);
}

void Statement::bind(int index, std::string_view text) {
  // A null pointer would bind NULL where an empty text is meant.
  const char* data = text.data() != nullptr ? text.data() : "";
  CHECK(sqlite3_bind_text64(raw(handle_), index, data, text.size(), SQLITE_TRANSIENT,
                            SQLITE_UTF8) == SQLITE_OK);
}

void Statement::bind(int index, base::ByteSpan bytes) {
  const void* data = bytes.data() != nullptr ? static_cast<const void*>(bytes.data()) : "";
  CHECK(sqlite3_bind_blob64(raw(handle_), index, data, bytes.size(), SQLITE_TRANSIENT) ==
        SQLITE_OK);
}

void Statement::bind(int index, std::nullptr_t) {
  CHECK(sqlite3_bind_null(raw(handle_), index) == SQLITE_OK);
}

base::Result<bool> Statement::step() {
  const int code = sqlite3_step(raw(handle_));
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return connection_->failure(code, "a statement failed");
}

base::Status Statement::run() {
  for (;;) {
    TRY(const bool more, step());
    if (!more) break;
  }
  reset();
  return {};
}

void Statement::reset() {
  sqlite3_reset(raw(handle_));
  sqlite3_clear_bindings(raw(handle_));
}

int64_t Statement::integer(int column) const { return sqlite3_column_int64(raw(handle_), column); }

std::string Statement::text(int column) const {
  const auto* data = sqlite3_column_text(raw(handle_), column);
  if (data == nullptr) return {};
  return {reinterpret_cast<const char*>(data),
          static_cast<size_t>(sqlite3_column_bytes(raw(handle_), column))};
}

base::Bytes Statement::bytes(int column) const {
  const auto* data = static_cast<const uint8_t*>(sqlite3_column_blob(raw(handle_), column));
  if (data == nullptr) return {};
  return {data, data + sqlite3_column_bytes(raw(handle_), column)};
}

bool Statement::is_null(int column) const {
  return sqlite3_column_type(raw(handle_), column) == SQLITE_NULL;
}

int Statement::columns() const { return sqlite3_column_count(raw(handle_)); }

}  // namespace db
