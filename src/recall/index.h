// Full-text search over the chunks of files, kept in recall.db: SQLite's FTS5 ranks by BM25 over
// the terms of recall/terms.h, so that a word of Chinese of one or two characters is found. Every
// call may come from any thread; those that write return when the change is durable.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace recall {

struct Hit {
  std::string store_id = {}, file_id = {};
  int64_t ordinal = 0;  // of the chunk in its file
  std::string text = {};
  double score = 0;  // 0..1: three quarters how much of the query is there, one the place by BM25
};

struct Search {
  std::vector<std::string> store_ids = {};
  std::vector<std::string> queries = {};  // the best score over them counts
  int64_t limit = 10;
  double score_min = 0;
  std::function<bool(const std::string& store_id, const std::string& file_id)> admits = {};
};

class Index {
 public:
  static base::Result<std::unique_ptr<Index>> open(const std::string& path);
  ~Index();

  // In place of what the store had of the file.
  base::Status put(std::string_view store_id, std::string_view file_id,
                   const std::vector<std::string_view>& chunks);
  base::Status remove_file(std::string_view store_id, std::string_view file_id);
  base::Status remove_store(std::string_view store_id);
  base::Result<std::vector<std::string>> chunks(std::string_view store_id,
                                                std::string_view file_id) const;
  base::Result<std::vector<Hit>> search(const Search& search) const;  // best first

 private:
  struct State;
  explicit Index(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace recall
