// Stored objects on the wire: the query of a list, its page, one object, and the refusals for what
// is not there. Members of a body whose name begins with '_' are the server's own and never shown.
#pragma once

#include <string>
#include <string_view>

#include "api/call.h"
#include "objects/store.h"

namespace api {

struct ListRules {
  int64_t limit = 20, limit_max = 100;
  bool ascending = false;  // when the client asks for no order
};

// limit, after, before, order and metadata[KEY] of the request's query, among the caller's objects.
base::Result<objects::Query> read_list_query(const Call& call, std::string_view kind,
                                             const ListRules& rules = {});
// A parameter of the request's query, decoded; empty when absent.
std::string query_parameter(const Call& call, std::string_view name);

json::Value shown(const objects::Object& object);
// {"object":"list","data":[…],"first_id","last_id","has_more"}
json::Value page_json(const objects::Page& page,
                      json::Value (*show)(const objects::Object&) = shown);
void respond_page(const Call& call, const base::Result<objects::Query>& query,
                  json::Value (*show)(const objects::Object&) = shown);
json::Value deleted_object_json(std::string_view id, std::string_view object);

// NotFound with OpenAI's words for the kind: "No such File object: file-x".
std::unexpected<base::Error> no_such_object(std::string_view kind, std::string_view id);
// The caller's object, or no_such_object().
base::Result<objects::Object> find_object(const Call& call, std::string_view kind,
                                          std::string_view id);
base::Result<objects::Object> find_object(const App& app, std::string_view project_id,
                                          std::string_view kind, std::string_view id);

}  // namespace api
