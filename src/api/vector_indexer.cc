#include "api/vector_indexer.h"

#include <map>

#include "api/lists.h"
#include "base/log.h"
#include "objects/blobs.h"
#include "recall/chunks.h"

namespace api {
namespace {

constexpr size_t kTextBytesMax = 64u << 20;

json::Value error_json(const base::Error& error) {
  const bool readable = error.reason == "unsupported_file" || error.reason == "invalid_file";
  return json::Object{{"code", readable ? error.reason : "server_error"},
                      {"message", readable ? error.message : "The file could not be indexed."}};
}

}  // namespace

std::string vector_file_key(std::string_view store_id, std::string_view file_id) {
  return std::string(store_id) + ":" + std::string(file_id);
}

VectorIndexer::VectorIndexer(App& app, std::string path) : app_(app), path_(std::move(path)) {}

VectorIndexer::~VectorIndexer() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

base::Status VectorIndexer::start() {
  TRY(index_, recall::Index::open(path_));
  TRY(auto rows, app_.objects.find_all("vector_store.file", {{"status", "in_progress"}}));
  for (objects::Object& row : rows) queue_.push_back(std::move(row));
  thread_ = std::thread([this] { loop(); });
  return {};
}

void VectorIndexer::add(objects::Object file) {
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back(std::move(file));
  }
  wake_.notify_one();
}

void VectorIndexer::loop() {
  for (;;) {
    objects::Object file;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [&] { return stopping_ || !queue_.empty(); });
      if (stopping_) return;
      file = std::move(queue_.front());
      queue_.pop_front();
    }
    index(file);
  }
}

void VectorIndexer::index(const objects::Object& file) {
  const auto now = app_.objects.get(file.kind, file.project_id, file.id);
  if (!now || now->body["status"] != json::Value("in_progress")) return;  // removed, or cancelled
  const auto bytes = read_and_put(*now);
  const auto updated = app_.objects.update(file.kind, file.project_id, file.id,
                                           [&](json::Value& body) -> base::Status {
                                             if (body["status"] != json::Value("in_progress"))
                                               return {};
                                             body.set("status", bytes ? "completed" : "failed");
                                             body.set("usage_bytes", bytes ? *bytes : 0);
                                             if (!bytes)
                                               body.set("last_error", error_json(bytes.error()));
                                             return {};
                                           });
  if (updated && updated->body["status"] == json::Value("completed")) return;
  // Removed or cancelled meanwhile, or failed: nothing of it stays to be found.
  if (const auto removed = remove_file(file); !removed)
    base::log(base::Level::Warn, "a file stays in the search index",
              {{"file", file.id}, {"error", removed.error().text()}});
}

base::Result<int64_t> VectorIndexer::read_and_put(const objects::Object& file) {
  const std::string file_id = file.body["id"].as_string();
  TRY(const auto mapped, app_.blobs.map(file_id));
  const std::string_view bytes = base::as_text(mapped->bytes());
  if (bytes.size() > kTextBytesMax)
    return base::fail(base::Code::TooLarge, "The file has more than 64 MB of text; split it.",
                      file_id, "invalid_file");
  TRY(const std::string text, recall::extract_text(file.body["_filename"].as_string(), bytes));
  const json::Value& rule = file.body["chunking_strategy"]["static"];
  const auto chunks =
      recall::split_chunks(text, {.units_max = rule["max_chunk_size_tokens"].as_int(),
                                  .units_overlap = rule["chunk_overlap_tokens"].as_int()});
  TRY_VOID(index_->put(file.parent_id, file_id, chunks));
  int64_t used = 0;
  for (const std::string_view chunk : chunks) used += static_cast<int64_t>(chunk.size());
  return used;
}

base::Result<std::vector<FileHit>> VectorIndexer::search(std::string_view project_id,
                                                         const FileSearch& wanted) const {
  if (!wanted.filters.is_null()) TRY_VOID(check_filter(wanted.filters, "filters"));
  for (const std::string& id : wanted.vector_store_ids)
    TRY_VOID(find_object(app_, project_id, "vector_store", id));
  std::map<std::string, std::optional<objects::Object>> rows;  // by key; empty: not to be found
  const auto row_of = [&](const std::string& store_id,
                          const std::string& file_id) -> const std::optional<objects::Object>& {
    const std::string key = vector_file_key(store_id, file_id);
    const auto [entry, is_new] = rows.try_emplace(key);
    if (!is_new) return entry->second;
    auto row = app_.objects.get("vector_store.file", project_id, key);
    if (row && row->body["status"] == json::Value("completed") &&
        filter_admits(wanted.filters, row->body["attributes"]))
      entry->second = *std::move(row);
    return entry->second;
  };
  TRY(const auto hits,
      index_->search({.store_ids = wanted.vector_store_ids,
                      .queries = wanted.queries,
                      .limit = wanted.max_results,
                      .score_min = wanted.score_threshold,
                      .admits = [&](const std::string& store_id, const std::string& file_id) {
                        return row_of(store_id, file_id).has_value();
                      }}));
  std::vector<FileHit> out;
  for (const recall::Hit& hit : hits) {
    const json::Value& body = row_of(hit.store_id, hit.file_id)->body;
    out.push_back({.vector_store_id = hit.store_id,
                   .file_id = hit.file_id,
                   .filename = body["_filename"].as_string(),
                   .score = hit.score,
                   .attributes = body["attributes"],
                   .text = hit.text});
  }
  return out;
}

base::Result<std::vector<std::string>> VectorIndexer::chunks(std::string_view store_id,
                                                             std::string_view file_id) const {
  return index_->chunks(store_id, file_id);
}

base::Status VectorIndexer::remove_file(const objects::Object& file) {
  return index_->remove_file(file.parent_id, file.body["id"].as_string());
}

base::Status VectorIndexer::remove_store(const objects::Object& store) {
  return index_->remove_store(store.id);
}

base::Status VectorIndexer::forget_file(std::string_view project_id, std::string_view file_id) {
  TRY(const auto rows, app_.objects.list({.kind = "vector_store.file",
                                          .project_id = std::string(project_id),
                                          .equal = {{"id", std::string(file_id)}},
                                          .limit = 10'000}));
  for (const objects::Object& row : rows.data) {
    TRY_VOID(app_.objects.remove(row.kind, row.project_id, row.id));
    TRY_VOID(remove_file(row));
  }
  return {};
}

}  // namespace api
