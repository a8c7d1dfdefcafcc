// Runs batches: one thread that hands lines to the API's own handlers, a few at a time and fewer
// while people are waiting, writes each result down before it counts, and goes on after a restart
// where it stopped. A line is billed once: its request ids derive from the batch and the line, and
// what was billed without a result on disk is given back before the line runs again.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "api/internal_call.h"
#include "objects/store.h"

namespace api {

struct BatchOptions {
  std::string directory = {};  // DATA/batches: results of those under way
  int lines_max = 8;           // under way together, over all batches
};

class BatchJob;

class Batches {
 public:
  // What is told when a batch ends: "batch.completed", and the batch.
  using Told = std::function<void(const std::string& event, const objects::Object& batch)>;

  Batches(App& app, BatchOptions options, Told told);
  ~Batches();  // stops; what is under way runs again at the next start
  Batches(const Batches&) = delete;

  base::Status start();  // also takes up what a stop or a crash interrupted
  void add(objects::Object batch);
  void cancel(const std::string& batch_id);  // its row says "cancelling" already

 private:
  void loop();
  bool round();  // true: something is under way or waits for its turn
  int lines_allowed(int under_way) const;

  App& app_;
  const BatchOptions options_;
  const Told told_;

  struct Mailbox;  // outlives this: answers may still be on their way
  std::shared_ptr<Mailbox> mailbox_;
  std::thread thread_;
  std::map<std::string, std::unique_ptr<BatchJob>> jobs_;  // the thread's own
};

}  // namespace api
