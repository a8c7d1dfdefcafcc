#include "identity/store.h"

#include "json/json.h"

namespace identity {
namespace {

constexpr std::string_view kSchema[] = {R"sql(
CREATE TABLE organisations(id TEXT PRIMARY KEY, name TEXT NOT NULL, created INTEGER NOT NULL) STRICT;
CREATE TABLE projects(
  id TEXT PRIMARY KEY, org TEXT NOT NULL REFERENCES organisations(id), name TEXT NOT NULL, created INTEGER NOT NULL) STRICT;
CREATE TABLE users(
  id TEXT PRIMARY KEY, org TEXT NOT NULL REFERENCES organisations(id), name TEXT NOT NULL, role INTEGER NOT NULL,
  language TEXT NOT NULL, created INTEGER NOT NULL) STRICT;
CREATE TABLE keys(
  id TEXT PRIMARY KEY, hash BLOB NOT NULL UNIQUE, org TEXT NOT NULL REFERENCES organisations(id),
  project TEXT NOT NULL REFERENCES projects(id), user TEXT NOT NULL REFERENCES users(id), name TEXT NOT NULL,
  redacted TEXT NOT NULL, scopes TEXT NOT NULL, created INTEGER NOT NULL, expires INTEGER, revoked INTEGER) STRICT;
CREATE TABLE sessions(
  id TEXT PRIMARY KEY, hash BLOB NOT NULL UNIQUE, user TEXT NOT NULL REFERENCES users(id), agent TEXT NOT NULL,
  created INTEGER NOT NULL, expires INTEGER NOT NULL) STRICT;
CREATE TABLE owner_links(
  hash BLOB PRIMARY KEY, user TEXT NOT NULL REFERENCES users(id), expires INTEGER NOT NULL) STRICT;
)sql"};

template <class Read>
base::Status each_row(db::Database& database, std::string_view sql, const Read& read) {
  TRY(db::Statement rows, database.query(sql));
  for (;;) {
    TRY(const bool more, rows.step());
    if (!more) return {};
    TRY_VOID(read(rows));
  }
}

std::optional<base::Time> optional_time(const db::Statement& row, int column) {
  if (row.is_null(column)) return std::nullopt;
  return base::Time{row.integer(column)};
}

std::optional<int64_t> optional_ns(const std::optional<base::Time>& time) {
  if (!time) return std::nullopt;
  return time->ns;
}

base::Result<std::vector<std::string>> read_scopes(const std::string& text) {
  TRY(const json::Value value, json::parse(text));
  std::vector<std::string> scopes;
  if (!value.is_array())
    return base::fail(base::Code::Corrupt, "a key's scopes are not a list", "identity.db");
  for (const json::Value& scope : value.as_array()) {
    if (!scope.is_string())
      return base::fail(base::Code::Corrupt, "a key's scope is not a text", "identity.db");
    scopes.push_back(scope.as_string());
  }
  return scopes;
}

std::string scopes_text(const std::vector<std::string>& scopes) {
  json::Array list;
  for (const std::string& scope : scopes) list.emplace_back(scope);
  return json::dump(json::Value(std::move(list)));
}

base::Status load_people(db::Database& database, Tables* tables) {
  TRY_VOID(each_row(database, "SELECT id, name, created FROM organisations",
                    [&](const db::Statement& r) -> base::Status {
                      tables->organisations[r.text(0)] = {r.text(0), r.text(1), {r.integer(2)}};
                      return {};
                    }));
  TRY_VOID(each_row(database, "SELECT id, org, name, created FROM projects",
                    [&](const db::Statement& r) -> base::Status {
                      tables->projects[r.text(0)] = {
                          r.text(0), r.text(1), r.text(2), {r.integer(3)}};
                      return {};
                    }));
  return each_row(database, "SELECT id, org, name, role, language, created FROM users",
                  [&](const db::Statement& r) -> base::Status {
                    tables->users[r.text(0)] = {r.text(0), r.text(1),
                                                r.text(2), static_cast<Role>(r.integer(3)),
                                                r.text(4), {r.integer(5)}};
                    return {};
                  });
}

base::Status load_secrets(db::Database& database, Tables* tables) {
  TRY_VOID(each_row(database,
                    "SELECT id, hash, org, project, user, name, redacted, scopes, created, "
                    "expires, revoked FROM keys",
                    [&](const db::Statement& r) -> base::Status {
                      StoredKey stored;
                      TRY(stored.hash, crypto::digest_from_bytes(r.bytes(1)));
                      TRY(std::vector<std::string> scopes, read_scopes(r.text(7)));
                      stored.key = {r.text(0),           r.text(2),      r.text(3),
                                    r.text(4),           r.text(5),      r.text(6),
                                    std::move(scopes),   {r.integer(8)}, optional_time(r, 9),
                                    optional_time(r, 10)};
                      tables->key_ids[stored.hash] = stored.key.id;
                      tables->keys[stored.key.id] = std::move(stored);
                      return {};
                    }));
  TRY_VOID(each_row(database, "SELECT id, hash, user, agent, created, expires FROM sessions",
                    [&](const db::Statement& r) -> base::Status {
                      TRY(const crypto::Digest hash, crypto::digest_from_bytes(r.bytes(1)));
                      tables->sessions[hash] = {
                          {r.text(0), r.text(2), r.text(3), {r.integer(4)}, {r.integer(5)}}, hash};
                      return {};
                    }));
  return each_row(database, "SELECT hash, user, expires FROM owner_links",
                  [&](const db::Statement& r) -> base::Status {
                    TRY(const crypto::Digest hash, crypto::digest_from_bytes(r.bytes(0)));
                    tables->links[hash] = {r.text(1), {r.integer(2)}, hash};
                    return {};
                  });
}

}  // namespace

base::Status prepare_schema(db::Database& database) { return database.migrate(kSchema); }

base::Status drop_expired(db::Database& database, base::Time now) {
  TRY_VOID(database.run("DELETE FROM sessions WHERE expires <= ?", now.ns));
  return database.run("DELETE FROM owner_links WHERE expires <= ?", now.ns);
}

base::Result<Tables> load_tables(db::Database& database) {
  Tables tables;
  TRY_VOID(load_people(database, &tables));
  TRY_VOID(load_secrets(database, &tables));
  return tables;
}

base::Status insert(db::Database& database, const Organisation& row) {
  return database.run("INSERT INTO organisations VALUES(?,?,?)", row.id, row.name, row.created.ns);
}

base::Status insert(db::Database& database, const Project& row) {
  return database.run("INSERT INTO projects VALUES(?,?,?,?)", row.id, row.org_id, row.name,
                      row.created.ns);
}

base::Status insert(db::Database& database, const User& row) {
  return database.run("INSERT INTO users VALUES(?,?,?,?,?,?)", row.id, row.org_id, row.name,
                      static_cast<int>(row.role), row.language, row.created.ns);
}

base::Status insert(db::Database& database, const StoredKey& row) {
  const Key& key = row.key;
  return database.run("INSERT INTO keys VALUES(?,?,?,?,?,?,?,?,?,?,?)", key.id,
                      base::ByteSpan(row.hash), key.org_id, key.project_id, key.user_id, key.name,
                      key.redacted, scopes_text(key.scopes), key.created.ns,
                      optional_ns(key.expires), optional_ns(key.revoked));
}

base::Status insert(db::Database& database, const StoredSession& row) {
  const Session& session = row.session;
  return database.run("INSERT INTO sessions VALUES(?,?,?,?,?,?)", session.id,
                      base::ByteSpan(row.hash), session.user_id, session.agent, session.created.ns,
                      session.expires.ns);
}

base::Status insert(db::Database& database, const OwnerLink& row) {
  return database.run("INSERT INTO owner_links VALUES(?,?,?)", base::ByteSpan(row.hash),
                      row.user_id, row.expires.ns);
}

}  // namespace identity
