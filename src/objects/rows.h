// The rows of objects.db. Included only by the .cc files of this folder.
#pragma once

#include <limits>
#include <vector>

#include "db/database.h"
#include "objects/store.h"

namespace objects {

struct Key {
  std::string_view kind, project_id, id;
};
struct Family {
  std::string_view kind, project_id, parent_id;
};
// A part of a list: what lies strictly between two places, in the direction of reading.
struct Range {
  bool ascending = false;
  int64_t limit = std::numeric_limits<int64_t>::max();
  std::optional<int64_t> from = {}, to = {};
  bool every_project = false;
};

base::Status prepare_schema(db::Database& database);
base::Status insert_row(db::Database& database, const Object& object);
base::Result<Object> load_row(db::Database& database, const Key& key, base::Time now);
base::Status remove_row(db::Database& database, const Key& key, base::Time now);
base::Status remove_child_rows(db::Database& database, const Family& family, base::Time now);
// Where an object stands or stood in the order of creation.
base::Result<int64_t> find_place(db::Database& database, const Query& query, std::string_view id);
base::Result<std::vector<Object>> load_range(db::Database& database, const Query& query,
                                             const Range& range, base::Time now);
base::Result<int64_t> count_rows(db::Database& database, const Family& family, base::Time now);
base::Result<std::vector<Object>> load_expired(db::Database& database, base::Time now);

}  // namespace objects
