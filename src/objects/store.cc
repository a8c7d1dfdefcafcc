#include "objects/store.h"

#include <algorithm>

#include "base/check.h"
#include "base/log.h"
#include "db/writer.h"
#include "objects/rows.h"

namespace objects {
namespace {

using base::Code;

constexpr base::Duration kPlaceLife = base::seconds(24 * 3600);  // of what was removed

}  // namespace

struct Store::State {
  State(db::Database database, const base::Clock& its_clock)
      : clock(its_clock), readers(database.path()), writer(std::move(database)) {}
  const base::Clock& clock;
  mutable db::ReadPool readers;
  db::Writer writer;
};

Store::Store(std::unique_ptr<State> state) : state_(std::move(state)) {}
Store::~Store() = default;

base::Result<std::unique_ptr<Store>> Store::open(const std::string& path,
                                                 const base::Clock& clock) {
  TRY(db::Database database, db::Database::open(path));
  TRY_VOID(prepare_schema(database));
  return std::unique_ptr<Store>(new Store(std::make_unique<State>(std::move(database), clock)));
}

base::Status Store::insert(Object object) {
  std::vector<Object> one;
  one.push_back(std::move(object));
  return insert(std::move(one));
}

base::Status Store::insert(std::vector<Object> objects) {
  for (const Object& object : objects) CHECK(object.body.is_object() && !object.id.empty());
  return state_->writer.run([&](db::Database& database) -> base::Status {
    for (const Object& object : objects) TRY_VOID(insert_row(database, object));
    return {};
  });
}

base::Result<Object> Store::get(std::string_view kind, std::string_view project_id,
                                std::string_view id) const {
  const Key key{kind, project_id, id};
  const base::Time now = state_->clock.now();
  std::optional<Object> found;
  TRY_VOID(state_->readers.read([&](db::Database& database) -> base::Status {
    TRY(Object object, load_row(database, key, now));
    found = std::move(object);
    return {};
  }));
  return *std::move(found);
}

base::Result<Object> Store::update(std::string_view kind, std::string_view project_id,
                                   std::string_view id,
                                   const std::function<base::Status(json::Value& body)>& change) {
  const Key key{kind, project_id, id};
  const base::Time now = state_->clock.now();
  std::optional<Object> changed;
  TRY_VOID(state_->writer.run([&](db::Database& database) -> base::Status {
    TRY(Object object, load_row(database, key, now));
    TRY_VOID(change(object.body));
    CHECK(object.body.is_object());
    TRY_VOID(database.run("UPDATE objects SET body = ? WHERE kind = ? AND id = ?",
                          json::dump(object.body), kind, id));
    changed = std::move(object);
    return {};
  }));
  return *std::move(changed);
}

base::Status Store::set_expiry(std::string_view kind, std::string_view project_id,
                               std::string_view id, std::optional<base::Time> expires) {
  const Key key{kind, project_id, id};
  const base::Time now = state_->clock.now();
  return state_->writer.run([&](db::Database& database) -> base::Status {
    TRY_VOID(load_row(database, key, now));
    return database.run("UPDATE objects SET expires = ? WHERE kind = ? AND id = ?",
                        expires ? std::optional(expires->ns) : std::nullopt, kind, id);
  });
}

base::Status Store::remove(std::string_view kind, std::string_view project_id,
                           std::string_view id) {
  const Key key{kind, project_id, id};
  const base::Time now = state_->clock.now();
  return state_->writer.run([&](db::Database& database) -> base::Status {
    TRY_VOID(load_row(database, key, now));
    return remove_row(database, key, now);
  });
}

base::Status Store::remove_children(std::string_view kind, std::string_view project_id,
                                    std::string_view parent_id) {
  const base::Time now = state_->clock.now();
  return state_->writer.run([&](db::Database& database) -> base::Status {
    return remove_child_rows(database, {kind, project_id, parent_id}, now);
  });
}

base::Result<Page> Store::list(const Query& query) const {
  CHECK(query.limit >= 1);
  const base::Time now = state_->clock.now();
  // The page before a place is read from that place backwards, and then turned round.
  const bool backwards = query.after.empty() && !query.before.empty();
  Page page;
  TRY_VOID(state_->readers.read([&](db::Database& database) -> base::Status {
    page.data.clear();
    Range range{.ascending = query.ascending != backwards, .limit = query.limit + 1};
    // `from` and `to` are places in the direction of reading.
    const std::string& from = backwards ? query.before : query.after;
    if (!from.empty()) {
      TRY(const int64_t place, find_place(database, query, from));
      range.from = place;
    }
    if (!backwards && !query.before.empty()) {
      TRY(const int64_t place, find_place(database, query, query.before));
      range.to = place;
    }
    TRY(page.data, load_range(database, query, range, now));
    return {};
  }));
  page.has_more = static_cast<int64_t>(page.data.size()) > query.limit;
  if (page.has_more) page.data.pop_back();
  if (backwards) std::reverse(page.data.begin(), page.data.end());
  return page;
}

base::Result<std::vector<Object>> Store::find_all(
    std::string_view kind, const std::vector<std::pair<std::string, std::string>>& equal) const {
  const base::Time now = state_->clock.now();
  const Query query{.kind = std::string(kind), .equal = equal};
  std::vector<Object> found;
  TRY_VOID(state_->readers.read([&](db::Database& database) -> base::Status {
    TRY(found, load_range(database, query, {.ascending = true, .every_project = true}, now));
    return {};
  }));
  return found;
}

base::Result<int64_t> Store::count(std::string_view kind, std::string_view project_id,
                                   std::string_view parent_id) const {
  const base::Time now = state_->clock.now();
  int64_t count = 0;
  TRY_VOID(state_->readers.read([&](db::Database& database) -> base::Status {
    TRY(count, count_rows(database, {kind, project_id, parent_id}, now));
    return {};
  }));
  return count;
}

int64_t Store::remove_expired(const std::function<void(const Object&)>& removed) {
  const base::Time now = state_->clock.now();
  std::vector<Object> gone;
  const auto status = state_->writer.run([&](db::Database& database) -> base::Status {
    TRY(gone, load_expired(database, now));
    for (const Object& object : gone)
      TRY_VOID(remove_row(database, {object.kind, object.project_id, object.id}, now));
    return database.run("DELETE FROM removed WHERE at < ?", now.ns - kPlaceLife.ns);
  });
  if (!status) {
    base::log(base::Level::Warn, "expired objects are not removed",
              {{"error", status.error().text()}});
    return 0;
  }
  if (removed)
    for (const Object& object : gone) removed(object);
  return static_cast<int64_t>(gone.size());
}

}  // namespace objects
