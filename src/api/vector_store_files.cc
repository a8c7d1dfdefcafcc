// /v1/vector_stores/{id}/files and /file_batches: which files a store has, and how far they are.
#include "api/background.h"
#include "api/lists.h"
#include "api/parameter.h"
#include "api/routes.h"
#include "api/vector_store_json.h"
#include "crypto/random.h"

namespace api {
namespace {

constexpr size_t kBodyBytesMax = 4u << 20;

constexpr Field kFileFields[] = {{.name = "file_id", .kinds = kString, .required = true},
                                 {.name = "attributes", .kinds = kObject},
                                 {.name = "chunking_strategy", .kinds = kObject}};
constexpr Schema kFile{"CreateVectorStoreFileRequest", kFileFields};
constexpr Field kAttributeFields[] = {{.name = "attributes", .kinds = kObject}};
constexpr Schema kAttributes{"UpdateVectorStoreFileAttributesRequest", kAttributeFields};
constexpr Field kBatchFields[] = {
    {.name = "file_ids", .kinds = kArray, .min = 1, .max = 2000, .elements = kString},
    {.name = "files",
     .kinds = kArray,
     .min = 1,
     .max = 2000,
     .schema = &kFile,
     .elements = kObject},
    {.name = "attributes", .kinds = kObject},
    {.name = "chunking_strategy", .kinds = kObject}};
constexpr Schema kBatch{"CreateVectorStoreFileBatchRequest", kBatchFields};

base::Result<objects::Object> find_store(const Call& call) {
  return find_object(call, "vector_store", call.parameters[0]);
}

base::Result<objects::Object> find_file(const Call& call) {
  TRY(const objects::Object store, find_store(call));
  const std::string& file_id = call.parameters[1];
  auto row = call.app->objects.get("vector_store.file", call.caller.project_id,
                                   vector_file_key(store.id, file_id));
  if (!row && row.error().code == base::Code::NotFound)
    return no_such_object("vector_store.file", file_id);
  return row;
}

void answer_file(const Call& call, const base::Result<objects::Object>& file) {
  if (!file) return call.fail(file.error());
  respond_polled(call, vector_file_json(*file));
}

base::Result<Attachment> read_attachment(const json::Value& body, const std::string& path) {
  Attachment one{.file_id = body["file_id"].as_string()};
  TRY(one.chunking, read_chunking(body, path + "chunking_strategy"));
  TRY(one.attributes, read_attributes(body, path + "attributes"));
  return one;
}

base::Result<objects::Object> attach(const Call& call) {
  TRY(const json::Value body, call.json_body());
  TRY(const objects::Object store, find_store(call));
  TRY(Attachment one, read_attachment(body, ""));
  TRY(auto rows, attach_files(call, store, {std::move(one)}, ""));
  return std::move(rows.front());
}

void create_file(const Call& call) { answer_file(call, attach(call)); }
void get_file(const Call& call) { answer_file(call, find_file(call)); }

// The page of a store's files, of a batch's if one is named. Cursors are file ids.
void respond_files(const Call& call, const std::string& batch_id) {
  const auto store = find_store(call);
  if (!store) return call.fail(store.error());
  auto query = read_list_query(call, "vector_store.file");
  if (query) {
    query->parent_id = store->id;
    if (!query->after.empty()) query->after = vector_file_key(store->id, query->after);
    if (!query->before.empty()) query->before = vector_file_key(store->id, query->before);
    if (!batch_id.empty()) query->equal.emplace_back("_batch_id", batch_id);
    if (std::string status = query_parameter(call, "filter"); !status.empty())
      query->equal.emplace_back("status", std::move(status));
  }
  if (!query) return call.fail(query.error());
  auto page = call.app->objects.list(*query);
  if (!page) return respond_page(call, query);
  for (objects::Object& file : page->data) file.id = file.body["id"].as_string();
  call.respond_json(page_json(*page));
}

void list_files(const Call& call) { respond_files(call, ""); }

base::Result<objects::Object> update(const Call& call) {
  TRY(const json::Value given, call.json_body());
  TRY(const objects::Object file, find_file(call));
  TRY(const json::Value attributes, read_attributes(given, "attributes"));
  return call.app->objects.update(file.kind, file.project_id, file.id, [&](json::Value& body) {
    body.set("attributes", attributes);
    return base::Status();
  });
}

void update_file(const Call& call) { answer_file(call, update(call)); }

base::Status remove(const Call& call) {
  TRY(const objects::Object file, find_file(call));
  TRY_VOID(call.app->objects.remove(file.kind, file.project_id, file.id));
  return call.app->background->vectors.remove_file(file);
}

void delete_file(const Call& call) {
  if (const auto removed = remove(call); !removed) return call.fail(removed.error());
  call.respond_json(deleted_object_json(call.parameters[1], "vector_store.file.deleted"));
}

void get_content(const Call& call) {
  const auto file = find_file(call);
  if (!file) return call.fail(file.error());
  const auto chunks = call.app->background->vectors.chunks(file->parent_id, call.parameters[1]);
  if (!chunks) return call.fail(chunks.error());
  json::Array data;
  for (const std::string& chunk : *chunks)
    data.push_back(json::Object{{"type", "text"}, {"text", chunk}});
  call.respond_json(json::Object{{"object", "vector_store.file_content.page"},
                                 {"data", std::move(data)},
                                 {"has_more", false},
                                 {"next_page", nullptr}});
}

base::Result<std::vector<Attachment>> read_batch_files(const json::Value& body) {
  const json::Value* ids = find_parameter(body, "file_ids");
  const json::Value* given = find_parameter(body, "files");
  if ((ids == nullptr) == (given == nullptr))
    return refuse_parameter("invalid_value", "file_ids",
                            "Exactly one of 'file_ids' and 'files' must be given.");
  std::vector<Attachment> files;
  if (ids != nullptr) {
    json::Value one = body;
    for (const json::Value& id : ids->as_array()) {
      one.set("file_id", id);
      TRY(Attachment attachment, read_attachment(one, ""));
      files.push_back(std::move(attachment));
    }
    return files;
  }
  for (size_t i = 0; i < given->as_array().size(); ++i) {
    TRY(Attachment attachment,
        read_attachment(given->as_array()[i], "files[" + std::to_string(i) + "]."));
    files.push_back(std::move(attachment));
  }
  return files;
}

base::Result<objects::Object> create_batch_of(const Call& call) {
  TRY(const json::Value body, call.json_body());
  TRY(const objects::Object store, find_store(call));
  TRY(const auto files, read_batch_files(body));
  for (const Attachment& one : files) TRY_VOID(find_object(call, "file", one.file_id));
  objects::Object batch{.kind = "vector_store.files_batch",
                        .id = crypto::random_id("vsfb_"),
                        .project_id = store.project_id,
                        .parent_id = store.id,
                        .created = call.app->clock.now()};
  batch.body = json::Object{{"id", batch.id},
                            {"object", "vector_store.files_batch"},
                            {"created_at", batch.created.seconds()},
                            {"vector_store_id", store.id},
                            {"status", "in_progress"},
                            {"file_counts", nullptr}};
  TRY_VOID(call.app->objects.insert(batch));
  TRY_VOID(attach_files(call, store, files, batch.id));
  return batch;
}

base::Result<objects::Object> find_batch(const Call& call) {
  TRY(const objects::Object store, find_store(call));
  TRY(objects::Object batch, find_object(call, "vector_store.files_batch", call.parameters[1]));
  if (batch.parent_id != store.id) return no_such_object("vector_store.files_batch", batch.id);
  return batch;
}

void answer_batch(const Call& call, const base::Result<objects::Object>& batch) {
  if (!batch) return call.fail(batch.error());
  respond_polled(call, file_batch_json(*call.app, *batch));
}

void create_batch(const Call& call) { answer_batch(call, create_batch_of(call)); }
void get_batch(const Call& call) { answer_batch(call, find_batch(call)); }

base::Result<objects::Object> cancel(const Call& call) {
  const App& app = *call.app;
  TRY(const objects::Object batch, find_batch(call));
  if (file_batch_json(app, batch)["status"] != json::Value("in_progress")) return batch;
  TRY(const auto files, app.objects.list({.kind = "vector_store.file",
                                          .project_id = batch.project_id,
                                          .parent_id = batch.parent_id,
                                          .equal = {{"_batch_id", batch.id}},
                                          .limit = 10'000}));
  for (const objects::Object& file : files.data) {
    [[maybe_unused]] const auto cancelled =
        app.objects.update(file.kind, file.project_id, file.id, [](json::Value& body) {
          if (body["status"] == json::Value("in_progress")) body.set("status", "cancelled");
          return base::Status();
        });
  }
  return app.objects.update(batch.kind, batch.project_id, batch.id, [](json::Value& body) {
    body.set("status", "cancelled");
    return base::Status();
  });
}

void cancel_batch(const Call& call) { answer_batch(call, cancel(call)); }

void list_batch_files(const Call& call) {
  const auto batch = find_batch(call);
  if (!batch) return call.fail(batch.error());
  respond_files(call, batch->id);
}

constexpr Route route(std::string_view method, std::string_view pattern, const Schema* body,
                      void (*handle)(const Call&), std::string_view summary) {
  return {.method = method,
          .pattern = pattern,
          .auth = Auth::Key,
          .scope = method == "GET" ? "vector_stores.read" : "vector_stores.write",
          .blocks = true,
          .body_bytes_max = kBodyBytesMax,
          .body = body,
          .handle = handle,
          .summary = summary};
}

constexpr Route kRoutes[] = {
    route("POST", "/v1/vector_stores/{id}/files", &kFile, create_file, "adds a file"),
    route("GET", "/v1/vector_stores/{id}/files", nullptr, list_files, "lists its files"),
    route("GET", "/v1/vector_stores/{id}/files/{file}", nullptr, get_file, "one of them"),
    route("POST", "/v1/vector_stores/{id}/files/{file}", &kAttributes, update_file,
          "changes its attributes"),
    route("DELETE", "/v1/vector_stores/{id}/files/{file}", nullptr, delete_file, "takes it out"),
    route("GET", "/v1/vector_stores/{id}/files/{file}/content", nullptr, get_content,
          "its text, in chunks"),
    route("POST", "/v1/vector_stores/{id}/file_batches", &kBatch, create_batch,
          "adds several files"),
    route("GET", "/v1/vector_stores/{id}/file_batches/{batch}", nullptr, get_batch,
          "how far they are"),
    route("POST", "/v1/vector_stores/{id}/file_batches/{batch}/cancel", nullptr, cancel_batch,
          "stops adding them"),
    route("GET", "/v1/vector_stores/{id}/file_batches/{batch}/files", nullptr, list_batch_files,
          "lists them"),
};

}  // namespace

std::span<const Route> vector_store_file_routes() { return kRoutes; }

}  // namespace api
