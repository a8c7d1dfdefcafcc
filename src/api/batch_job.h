// One batch under way: which lines are done, the file that says so, and its row. Used by the thread
// of Batches alone.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/batch_input.h"
#include "api/internal_call.h"
#include "files/files.h"
#include "objects/store.h"

namespace api {

class BatchJob {
 public:
  using Finish = std::function<void(size_t line, InternalResponse response)>;

  BatchJob(App& app, std::string directory, objects::Object batch, Finish finish);

  // Reads the input and what an earlier process has done; moves on from "validating".
  base::Status open();
  bool running() const { return open_ && !over_; }
  bool over() const { return over_; }  // the row has its final status
  int under_way() const { return static_cast<int>(calls_.size()); }
  const objects::Object& batch() const { return batch_; }

  bool start_line();  // false: none is left, or none may start yet
  void finish_line(size_t line, const InternalResponse& response);
  void cancel();
  // Writes counts, ends the batch when everything is done or its time is up.
  base::Status tend();

 private:
  struct Line {
    bool done = false;
    int attempts = 0;           // that have failed in passing
    int64_t not_before_ns = 0;  // monotonic
  };

  base::Status load_results();
  void give_back_lost(size_t last_done);
  base::Status fail_validation(const BatchInput& input);
  std::string request_id(size_t line, int64_t start, int attempt) const;
  std::string public_id(size_t line) const;
  base::Status record(size_t line, bool failed, const json::Value& output,
                      const json::Value& usage);
  base::Status record_response(size_t line, const InternalResponse& response);
  base::Status record_unrun(size_t line);
  void count(bool failed, const json::Value& usage);
  std::string custom_id(size_t line) const;
  base::Status finalize(std::string_view status);
  base::Status write_files();
  base::Status set_status(std::string_view status, json::Object more = {});
  json::Value counts_json() const;

  App& app_;
  const std::string results_path_;
  objects::Object batch_;
  const Finish finish_;
  std::shared_ptr<const files::MappedFile> mapped_;
  BatchInput input_;
  std::vector<Line> lines_;
  std::optional<files::AppendFile> results_;
  std::map<size_t, std::shared_ptr<InternalCall>> calls_;  // by line
  size_t next_ = 0;                                        // lines before it have been started
  std::vector<size_t> again_;                              // lines that wait for another attempt
  int64_t starts_ = 0;                                     // processes that ran this batch before
  int64_t completed_ = 0, failed_ = 0, counts_written_ = 0;
  int64_t usage_[4] = {};  // input, cached, output, reasoning
  int64_t tended_ns_ = 0;
  bool open_ = false, over_ = false, cancelled_ = false;
};

}  // namespace api
