#include "api/lists.h"

#include <charconv>

#include "api/parameter.h"

namespace api {
namespace {

base::Result<int64_t> read_limit(const std::string& text, const ListRules& rules) {
  int64_t limit = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), limit);
  if (error != std::errc() || end != text.data() + text.size())
    return wrong_type("limit", "an integer", json::Value(text));
  TRY_VOID(check_range(limit, true, 1, static_cast<double>(rules.limit_max), "limit"));
  return limit;
}

}  // namespace

base::Result<objects::Query> read_list_query(const Call& call, std::string_view kind,
                                             const ListRules& rules) {
  objects::Query query{.kind = std::string(kind),
                       .project_id = call.caller.project_id,
                       .limit = rules.limit,
                       .ascending = rules.ascending};
  for (const net::Header& parameter : net::parse_query(call.request().query)) {
    const auto& [name, value] = parameter;
    if (name == "limit") {
      TRY(query.limit, read_limit(value, rules));
    } else if (name == "after") {
      query.after = value;
    } else if (name == "before") {
      query.before = value;
    } else if (name == "order") {
      if (value != "asc" && value != "desc")
        return refuse_parameter("invalid_value", "order",
                                "Invalid value: '" + value.substr(0, 80) +
                                    "'. Supported values are: 'asc' and 'desc'.");
      query.ascending = value == "asc";
    } else if (name.starts_with("metadata[") && name.ends_with("]")) {
      query.equal.emplace_back("metadata." + name.substr(9, name.size() - 10), value);
    }
  }
  return query;
}

std::string query_parameter(const Call& call, std::string_view name) {
  for (net::Header& parameter : net::parse_query(call.request().query))
    if (parameter.name == name) return std::move(parameter.value);
  return {};
}

json::Value shown(const objects::Object& object) {
  json::Object members;
  for (const auto& [name, value] : object.body.as_object())
    if (!name.starts_with('_')) members.emplace_back(name, value);
  return members;
}

json::Value page_json(const objects::Page& page, json::Value (*show)(const objects::Object&)) {
  json::Array data;
  for (const objects::Object& object : page.data) data.push_back(show(object));
  const auto id = [&](bool first) -> json::Value {
    if (page.data.empty()) return nullptr;
    return first ? page.data.front().id : page.data.back().id;
  };
  return json::Object{{"object", "list"},
                      {"data", std::move(data)},
                      {"first_id", id(true)},
                      {"last_id", id(false)},
                      {"has_more", page.has_more}};
}

void respond_page(const Call& call, const base::Result<objects::Query>& query,
                  json::Value (*show)(const objects::Object&)) {
  if (!query) return call.fail(query.error());
  const auto page = call.app->objects.list(*query);
  if (page) return call.respond_json(page_json(*page, show));
  if (page.error().code != base::Code::NotFound) return call.fail(page.error());
  const std::string& cursor = query->after.empty() ? query->before : query->after;
  call.fail(no_such_object(query->kind, cursor).error());
}

json::Value deleted_object_json(std::string_view id, std::string_view object) {
  return json::Object{{"id", id}, {"object", object}, {"deleted", true}};
}

std::unexpected<base::Error> no_such_object(std::string_view kind, std::string_view id) {
  const std::string name(id.substr(0, 100));
  const auto refuse = [](std::string message, std::string param = {}) {
    return base::fail(base::Code::NotFound, std::move(message), std::move(param));
  };
  if (kind == "file") return refuse("No such File object: " + name, "id");
  if (kind == "batch") return refuse("No batch found with id '" + name + "'.");
  if (kind == "upload") return refuse("No such Upload object: " + name, "id");
  if (kind == "upload.part") return refuse("No such Part object: " + name, "part_ids");
  if (kind == "fine_tuning.job") return refuse("Could not find fine tune: " + name);
  if (kind == "vector_store") return refuse("Vector store with id '" + name + "' not found.");
  if (kind == "vector_store.file")
    return refuse("No file found with id '" + name + "' in this vector store.");
  if (kind == "vector_store.files_batch")
    return refuse("No file batch found with id '" + name + "' in this vector store.");
  if (kind == "webhook_endpoint")
    return refuse("Webhook endpoint with id '" + name + "' not found.");
  return refuse("No " + std::string(kind) + " found with id '" + name + "'.");
}

base::Result<objects::Object> find_object(const App& app, std::string_view project_id,
                                          std::string_view kind, std::string_view id) {
  auto object = app.objects.get(kind, project_id, id);
  if (!object && object.error().code == base::Code::NotFound) return no_such_object(kind, id);
  return object;
}

base::Result<objects::Object> find_object(const Call& call, std::string_view kind,
                                          std::string_view id) {
  return find_object(*call.app, call.caller.project_id, kind, id);
}

}  // namespace api
