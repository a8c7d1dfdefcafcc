// Files of vector stores: attached as rows, read and indexed by one thread, found by search. Rows
// that a restart finds in progress are indexed again.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "api/call.h"
#include "objects/store.h"
#include "recall/index.h"

namespace api {

// A search over vector stores of a project, as POST /vector_stores/{id}/search and the file_search
// tool of responses mean it.
struct FileSearch {
  std::vector<std::string> vector_store_ids = {};
  std::vector<std::string> queries = {};
  int64_t max_results = 10;
  double score_threshold = 0;
  json::Value filters = {};  // null: none; {"type": "eq", "key", "value"} or {"type": "and", …}
};

struct FileHit {
  std::string vector_store_id = {}, file_id = {}, filename = {};
  double score = 0;  // 0..1
  json::Value attributes = {};
  std::string text = {};
};

class VectorIndexer {
 public:
  VectorIndexer(App& app, std::string path);
  ~VectorIndexer();  // what is unfinished is indexed at the next start
  VectorIndexer(const VectorIndexer&) = delete;

  base::Status start();
  void add(objects::Object file);  // its row is there and in progress

  // Best first. Errors: NotFound for a store that the project does not have; InvalidArgument for
  // filters (check_filter) .
  base::Result<std::vector<FileHit>> search(std::string_view project_id,
                                            const FileSearch& search) const;
  base::Result<std::vector<std::string>> chunks(std::string_view store_id,
                                                std::string_view file_id) const;
  base::Status remove_file(const objects::Object& file);
  base::Status remove_store(const objects::Object& store);
  // A file was deleted: no vector store has it any more.
  base::Status forget_file(std::string_view project_id, std::string_view file_id);

 private:
  void loop();
  void index(const objects::Object& file);
  base::Result<int64_t> read_and_put(const objects::Object& file);

  App& app_;
  const std::string path_;
  std::unique_ptr<recall::Index> index_;
  std::mutex mutex_;  // all up to the thread
  std::condition_variable wake_;
  std::deque<objects::Object> queue_;
  bool stopping_ = false;
  std::thread thread_;
};

// A row's id: a file may be in several stores.
std::string vector_file_key(std::string_view store_id, std::string_view file_id);

// eq ne gt gte lt lte in nin over attributes, and/or of those.
base::Status check_filter(const json::Value& filter, const std::string& path, int depth = 0);
bool filter_admits(const json::Value& filter, const json::Value& attributes);

}  // namespace api
