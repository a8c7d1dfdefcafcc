#include "objects/rows.h"

namespace objects {
namespace {

using base::Code;

constexpr std::string_view kSchema[] = {R"sql(
CREATE TABLE objects(
  seq INTEGER PRIMARY KEY AUTOINCREMENT,  -- the order of creation, never used again
  kind TEXT NOT NULL,
  id TEXT NOT NULL,
  project TEXT NOT NULL,
  parent TEXT NOT NULL,                   -- '': none
  created INTEGER NOT NULL,
  expires INTEGER,
  body TEXT NOT NULL,
  UNIQUE(kind, id)
) STRICT;
CREATE INDEX objects_by_project ON objects(kind, project, seq);
CREATE INDEX objects_by_parent ON objects(project, parent, kind, seq) WHERE parent <> '';
CREATE INDEX objects_by_expiry ON objects(expires) WHERE expires IS NOT NULL;
-- Where removed objects stood, so that a client that deletes while it walks a list can go on.
CREATE TABLE removed(
  kind TEXT NOT NULL, id TEXT NOT NULL, project TEXT NOT NULL, seq INTEGER NOT NULL, at INTEGER NOT NULL,
  PRIMARY KEY(kind, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX removed_by_time ON removed(at);
)sql"};

constexpr std::string_view kSelect =
    "SELECT kind, id, project, parent, created, expires, body FROM objects ";
constexpr std::string_view kAlive = "(expires IS NULL OR expires > ?)";

std::unexpected<base::Error> not_found(std::string_view kind, std::string_view id) {
  const std::string what = std::string(kind) + " " + std::string(id.substr(0, 100));
  return base::fail(Code::NotFound, "there is no " + what, what, "object_not_found");
}

base::Result<Object> read_row(const db::Statement& row) {
  Object object{.kind = row.text(0),
                .id = row.text(1),
                .project_id = row.text(2),
                .parent_id = row.text(3),
                .created = {row.integer(4)}};
  if (!row.is_null(5)) object.expires = base::Time{row.integer(5)};
  auto body = json::parse(row.text(6), {.bytes_max = size_t{1} << 30, .depth_max = 200});
  if (!body)
    return base::fail(Code::Corrupt, "a stored object does not parse; restore a backup",
                      object.kind + " " + object.id, "OBJECT_DAMAGED");
  object.body = *std::move(body);
  return object;
}

base::Result<std::vector<Object>> read_rows(db::Statement rows) {
  std::vector<Object> objects;
  for (;;) {
    TRY(const bool more, rows.step());
    if (!more) return objects;
    TRY(Object object, read_row(rows));
    objects.push_back(std::move(object));
  }
}

// One wanted equality: a member of the body, or of a member of it. Names are bound, never part of
// the statement: a client chooses those of its metadata.
void append_equality(std::string* sql, std::vector<std::string>* values,
                     const std::pair<std::string, std::string>& equal) {
  const auto& [name, value] = equal;
  const size_t dot = name.find('.');
  if (dot == std::string::npos) {
    *sql += " AND EXISTS(SELECT 1 FROM json_each(body) e WHERE e.key = ?";
    values->push_back(name);
  } else {
    *sql +=
        " AND EXISTS(SELECT 1 FROM json_each(body) o, json_each(o.value) e WHERE o.key = ? AND "
        "o.type = 'object' AND e.key = ?";
    values->push_back(name.substr(0, dot));
    values->push_back(name.substr(dot + 1));
  }
  *sql += " AND CAST(e.value AS TEXT) = ?)";
  values->push_back(value);
}

}  // namespace

base::Status prepare_schema(db::Database& database) { return database.migrate(kSchema); }

base::Status insert_row(db::Database& database, const Object& object) {
  TRY(db::Statement taken,
      database.query("SELECT 1 FROM objects WHERE kind = ? AND id = ?", object.kind, object.id));
  TRY(const bool there, taken.step());
  if (there)
    return base::fail(Code::AlreadyExists, "there is a " + object.kind + " of this id already",
                      object.id, "id_taken");
  return database.run(
      "INSERT INTO objects(kind, id, project, parent, created, expires, body) "
      "VALUES(?,?,?,?,?,?,?)",
      object.kind, object.id, object.project_id, object.parent_id, object.created.ns,
      object.expires ? std::optional(object.expires->ns) : std::nullopt, json::dump(object.body));
}

base::Result<Object> load_row(db::Database& database, const Key& key, base::Time now) {
  TRY(db::Statement row,
      database.query(std::string(kSelect) + "WHERE kind = ? AND id = ? AND project = ? AND " +
                         std::string(kAlive),
                     key.kind, key.id, key.project_id, now.ns));
  TRY(const bool there, row.step());
  if (!there) return not_found(key.kind, key.id);
  return read_row(row);
}

base::Status remove_row(db::Database& database, const Key& key, base::Time now) {
  TRY_VOID(
      database.run("INSERT OR REPLACE INTO removed SELECT kind, id, project, seq, ? FROM objects "
                   "WHERE kind = ? AND id = ?",
                   now.ns, key.kind, key.id));
  return database.run("DELETE FROM objects WHERE kind = ? AND id = ?", key.kind, key.id);
}

base::Status remove_child_rows(db::Database& database, const Family& family, base::Time now) {
  TRY_VOID(
      database.run("INSERT OR REPLACE INTO removed SELECT kind, id, project, seq, ? FROM objects "
                   "WHERE kind = ? AND project = ? AND parent = ? AND parent <> ''",
                   now.ns, family.kind, family.project_id, family.parent_id));
  return database.run(
      "DELETE FROM objects WHERE kind = ? AND project = ? AND parent = ? AND parent <> ''",
      family.kind, family.project_id, family.parent_id);
}

base::Result<int64_t> find_place(db::Database& database, const Query& query, std::string_view id) {
  TRY(db::Statement row,
      database.query(
          "SELECT seq FROM objects WHERE kind = ?1 AND id = ?2 AND project = ?3 UNION ALL "
          "SELECT seq FROM removed WHERE kind = ?1 AND id = ?2 AND project = ?3",
          query.kind, id, query.project_id));
  TRY(const bool there, row.step());
  if (!there) return not_found(query.kind, id);
  return row.integer(0);
}

base::Result<std::vector<Object>> load_range(db::Database& database, const Query& query,
                                             const Range& range, base::Time now) {
  std::string sql = std::string(kSelect) + "WHERE kind = ?";
  std::vector<std::string> values{query.kind};
  if (!range.every_project) {
    sql += " AND project = ?";
    values.push_back(query.project_id);
  }
  if (query.parent_id) {
    sql += query.parent_id->empty() ? " AND parent = ?" : " AND parent = ? AND parent <> ''";
    values.push_back(*query.parent_id);
  }
  for (const auto& equal : query.equal) append_equality(&sql, &values, equal);
  sql += " AND " + std::string(kAlive);
  if (range.from) sql += range.ascending ? " AND seq > ?" : " AND seq < ?";
  if (range.to) sql += range.ascending ? " AND seq < ?" : " AND seq > ?";
  sql += range.ascending ? " ORDER BY seq LIMIT ?" : " ORDER BY seq DESC LIMIT ?";
  TRY(db::Statement rows, database.prepare(sql));
  int index = 0;
  for (const std::string& value : values) rows.bind(++index, value);
  rows.bind(++index, now.ns);
  if (range.from) rows.bind(++index, *range.from);
  if (range.to) rows.bind(++index, *range.to);
  rows.bind(++index, range.limit);
  return read_rows(std::move(rows));
}

base::Result<int64_t> count_rows(db::Database& database, const Family& family, base::Time now) {
  TRY(db::Statement row,
      database.query("SELECT count(*) FROM objects WHERE kind = ? AND project = ? AND parent = ? "
                     "AND parent <> '' AND " +
                         std::string(kAlive),
                     family.kind, family.project_id, family.parent_id, now.ns));
  TRY(const bool there, row.step());
  return there ? row.integer(0) : 0;
}

base::Result<std::vector<Object>> load_expired(db::Database& database, base::Time now) {
  // UNION, not UNION ALL: a child that has expired by itself is told of once.
  TRY(db::Statement rows,
      database.query("WITH RECURSIVE gone(seq, project, id) AS ("
                     "SELECT seq, project, id FROM objects WHERE expires <= ? UNION "
                     "SELECT o.seq, o.project, o.id FROM gone JOIN objects o ON "
                     "o.project = gone.project AND o.parent = gone.id AND o.parent <> '') " +
                         std::string(kSelect) + "WHERE seq IN (SELECT seq FROM gone) ORDER BY seq",
                     now.ns));
  return read_rows(std::move(rows));
}

}  // namespace objects
