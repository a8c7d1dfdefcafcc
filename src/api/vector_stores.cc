// /v1/vector_stores: the stores themselves, and search.
#include "api/background.h"
#include "api/lists.h"
#include "api/parameter.h"
#include "api/routes.h"
#include "api/vector_store_json.h"
#include "crypto/random.h"

namespace api {
namespace {

constexpr size_t kBodyBytesMax = 4u << 20;

constexpr std::string_view kAnchors[] = {"last_active_at"};
constexpr Field kExpiryFields[] = {
    {.name = "anchor", .kinds = kString, .required = true, .values = kAnchors},
    {.name = "days", .kinds = kInteger, .required = true, .min = 1, .max = 365}};
constexpr Schema kExpiry{"VectorStoreExpirationAfter", kExpiryFields};
constexpr Field kCreateFields[] = {
    {.name = "name", .kinds = kString, .max = 512},
    {.name = "description", .kinds = kString, .max = 2048},
    {.name = "file_ids", .kinds = kArray, .max = 500, .elements = kString},
    {.name = "expires_after", .kinds = kObject, .schema = &kExpiry},
    {.name = "chunking_strategy", .kinds = kObject},
    {.name = "metadata", .kinds = kMap}};
constexpr Schema kCreate{"CreateVectorStoreRequest", kCreateFields};
constexpr Field kUpdateFields[] = {{.name = "name", .kinds = kString, .max = 512},
                                   {.name = "expires_after", .kinds = kObject, .schema = &kExpiry},
                                   {.name = "metadata", .kinds = kMap}};
constexpr Schema kUpdate{"UpdateVectorStoreRequest", kUpdateFields};
constexpr Field kRankingFields[] = {
    {.name = "ranker", .kinds = kString},
    {.name = "score_threshold", .kinds = kDecimal, .min = 0, .max = 1}};
constexpr Schema kRanking{"FileSearchRankingOptions", kRankingFields, true};
constexpr Field kSearchFields[] = {
    {.name = "query", .kinds = kString | kArray, .required = true, .elements = kString},
    {.name = "rewrite_query", .kinds = kBoolean},
    {.name = "max_num_results", .kinds = kInteger, .min = 1, .max = 50},
    {.name = "filters", .kinds = kObject},
    {.name = "ranking_options", .kinds = kObject, .schema = &kRanking}};
constexpr Schema kSearch{"VectorStoreSearchRequest", kSearchFields};

base::Result<objects::Object> create(const Call& call) {
  const App& app = *call.app;
  TRY(const json::Value body, call.json_body());
  TRY(const json::Value chunking, read_chunking(body, "chunking_strategy"));
  objects::Object store{.kind = "vector_store",
                        .id = crypto::random_id("vs_"),
                        .project_id = call.caller.project_id,
                        .created = app.clock.now()};
  const int64_t created = store.created.seconds();
  const json::Value* name = find_parameter(body, "name");
  store.body = json::Object{{"id", store.id},
                            {"object", "vector_store"},
                            {"created_at", created},
                            {"name", name != nullptr ? *name : json::Value("")},
                            {"description", body["description"]},
                            {"usage_bytes", 0},
                            {"file_counts", nullptr},
                            {"status", "completed"},
                            {"expires_after", body["expires_after"]},
                            {"expires_at", nullptr},
                            {"last_active_at", created},
                            {"metadata", body["metadata"]}};
  std::vector<Attachment> files;
  if (const json::Value* ids = find_parameter(body, "file_ids")) {
    for (const json::Value& id : ids->as_array()) {
      TRY_VOID(find_object(call, "file", id.as_string()));
      files.push_back({id.as_string(), chunking, json::Object{}});
    }
  }
  TRY_VOID(app.objects.insert(store));
  if (!files.empty()) TRY_VOID(attach_files(call, store, files, ""));
  return store;
}

void answer(const Call& call, const base::Result<objects::Object>& store) {
  if (!store) return call.fail(store.error());
  respond_polled(call, vector_store_json(*call.app, *store));
}

void create_store(const Call& call) { answer(call, create(call)); }

void get_store(const Call& call) {
  answer(call, find_object(call, "vector_store", call.parameters[0]));
}

void list_stores(const Call& call) {
  const auto query = read_list_query(call, "vector_store");
  if (!query) return call.fail(query.error());
  auto page = call.app->objects.list(*query);
  if (!page) return respond_page(call, query);  // which names what is not there
  for (objects::Object& store : page->data) store.body = vector_store_json(*call.app, store);
  call.respond_json(page_json(*page));
}

base::Result<objects::Object> update(const Call& call) {
  TRY(const json::Value given, call.json_body());
  TRY(const objects::Object store, find_object(call, "vector_store", call.parameters[0]));
  return call.app->objects.update(store.kind, store.project_id, store.id,
                                  [&](json::Value& body) -> base::Status {
                                    for (const Field& field : kUpdateFields)
                                      if (const json::Value* value = given.find(field.name))
                                        body.set(std::string(field.name), *value);
                                    return {};
                                  });
}

void update_store(const Call& call) { answer(call, update(call)); }

base::Status remove(const Call& call) {
  const App& app = *call.app;
  TRY(const objects::Object store, find_object(call, "vector_store", call.parameters[0]));
  TRY_VOID(app.objects.remove(store.kind, store.project_id, store.id));
  TRY_VOID(app.objects.remove_children("vector_store.file", store.project_id, store.id));
  TRY_VOID(app.objects.remove_children("vector_store.files_batch", store.project_id, store.id));
  return app.background->vectors.remove_store(store);
}

void delete_store(const Call& call) {
  if (const auto removed = remove(call); !removed) return call.fail(removed.error());
  call.respond_json(deleted_object_json(call.parameters[0], "vector_store.deleted"));
}

base::Result<json::Value> search(const Call& call) {
  const App& app = *call.app;
  TRY(const json::Value body, call.json_body());
  TRY(const objects::Object store, find_object(call, "vector_store", call.parameters[0]));
  if (vector_store_json(app, store)["status"] == json::Value("expired"))
    return refuse_parameter("expired_vector_store", "",
                            "Vector store with id '" + store.id + "' has expired.");
  FileSearch wanted{.vector_store_ids = {store.id}};
  const json::Value& query = body["query"];
  if (query.is_string()) wanted.queries.push_back(query.as_string());
  if (query.is_array())
    for (const json::Value& one : query.as_array()) wanted.queries.push_back(one.as_string());
  if (const auto* limit = find_parameter(body, "max_num_results"))
    wanted.max_results = limit->as_int();
  if (const auto* filters = find_parameter(body, "filters")) wanted.filters = *filters;
  const json::Value& threshold = body["ranking_options"]["score_threshold"];
  if (threshold.is_number()) wanted.score_threshold = threshold.as_double();
  TRY(const auto hits, app.background->vectors.search(store.project_id, wanted));
  TRY_VOID(app.objects.update(store.kind, store.project_id, store.id, [&](json::Value& row) {
    row.set("last_active_at", app.clock.now().seconds());
    return base::Status();
  }));
  json::Array data, queries;
  for (const std::string& one : wanted.queries) queries.push_back(one);
  for (const FileHit& hit : hits) {
    data.push_back(
        json::Object{{"file_id", hit.file_id},
                     {"filename", hit.filename},
                     {"score", hit.score},
                     {"attributes", hit.attributes},
                     {"content", json::Array{json::Object{{"type", "text"}, {"text", hit.text}}}}});
  }
  return json::Object{{"object", "vector_store.search_results.page"},
                      {"search_query", std::move(queries)},
                      {"data", std::move(data)},
                      {"has_more", false},
                      {"next_page", nullptr}};
}

void search_store(const Call& call) {
  const auto page = search(call);
  if (!page) return call.fail(page.error());
  call.respond_json(*page);
}

constexpr Route route(std::string_view method, std::string_view pattern, const Schema* body,
                      void (*handle)(const Call&), std::string_view summary) {
  return {.method = method,
          .pattern = pattern,
          .auth = Auth::Key,
          .scope = method == "GET" || pattern.ends_with("/search") ? "vector_stores.read"
                                                                   : "vector_stores.write",
          .blocks = true,
          .body_bytes_max = kBodyBytesMax,
          .body = body,
          .handle = handle,
          .summary = summary};
}

constexpr Route kRoutes[] = {
    route("POST", "/v1/vector_stores", &kCreate, create_store, "makes a store of files"),
    route("GET", "/v1/vector_stores", nullptr, list_stores, "lists stores"),
    route("GET", "/v1/vector_stores/{id}", nullptr, get_store, "one store"),
    route("POST", "/v1/vector_stores/{id}", &kUpdate, update_store, "changes it"),
    route("DELETE", "/v1/vector_stores/{id}", nullptr, delete_store, "deletes it"),
    route("POST", "/v1/vector_stores/{id}/search", &kSearch, search_store, "finds passages"),
};

}  // namespace

std::span<const Route> vector_store_routes() { return kRoutes; }

}  // namespace api
