// What API clients store: files, responses, conversations, batches, jobs, vector stores, webhooks.
// Each is one JSON object in objects.db with a kind, an id, an owner project and perhaps a parent;
// lists are pages by cursor as OpenAI's clients walk them. Every call may come from any thread;
// those that write return when the row is durable.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "json/json.h"

namespace objects {

struct Object {
  std::string kind = {};        // "file", "response", "conversation.item", ...
  std::string id = {};          // "file-…"; unique within its kind
  std::string project_id = {};  // whose it is; to other projects it does not exist
  std::string parent_id = {};   // of an item: its conversation; empty: none
  base::Time created = {};
  std::optional<base::Time> expires = {};  // past it the object is gone
  json::Value body = {};                   // an object
};

struct Query {
  std::string kind = {};
  std::string project_id = {};
  std::optional<std::string> parent_id = {};  // empty: whatever parent
  // Members of the body that must be equal, as text: {"purpose", "batch"}, {"metadata.topic", "a"}.
  // Behind the first dot stands the name of a member of that member, dots and all.
  std::vector<std::pair<std::string, std::string>> equal = {};
  int64_t limit = 20;
  // Ids that the page comes after or before, in the order of the list. A page with only a `before`
  // ends right before it.
  std::string after = {}, before = {};
  bool ascending = false;  // by order of creation
};

struct Page {
  std::vector<Object> data = {};
  bool has_more = false;
};

class Store {
 public:
  static base::Result<std::unique_ptr<Store>> open(const std::string& path,
                                                   const base::Clock& clock);
  ~Store();

  // AlreadyExists when the kind has the id. Several are inserted all or none, in order.
  base::Status insert(Object object);
  base::Status insert(std::vector<Object> objects);
  // NotFound (also: expired, another project's) with the kind and id in `where`.
  base::Result<Object> get(std::string_view kind, std::string_view project_id,
                           std::string_view id) const;
  // Reads, changes and writes in one step; what `change` refuses is left as it was.
  base::Result<Object> update(std::string_view kind, std::string_view project_id,
                              std::string_view id,
                              const std::function<base::Status(json::Value& body)>& change);
  // Moves the end of the object's life; empty: none.
  base::Status set_expiry(std::string_view kind, std::string_view project_id, std::string_view id,
                          std::optional<base::Time> expires);
  base::Status remove(std::string_view kind, std::string_view project_id, std::string_view id);
  base::Status remove_children(std::string_view kind, std::string_view project_id,
                               std::string_view parent_id);
  // An `after` or `before` that names nothing: NotFound. What was removed within the last day still
  // marks its place, so that a client may delete while it walks.
  base::Result<Page> list(const Query& query) const;
  // Of all projects, for work that goes on after a restart: {"status", "in_progress"}.
  base::Result<std::vector<Object>> find_all(
      std::string_view kind, const std::vector<std::pair<std::string, std::string>>& equal) const;
  base::Result<int64_t> count(std::string_view kind, std::string_view project_id,
                              std::string_view parent_id) const;
  // Removes what is past its expiry, with its children, and tells of each once that is durable.
  // Returns how many.
  int64_t remove_expired(const std::function<void(const Object&)>& removed = {});

 private:
  struct State;
  explicit Store(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace objects
