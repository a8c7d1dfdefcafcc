// Answers under way, and for a while those that have ended. They belong to the server, not to the
// connection that asked: whoever may see one attaches to its events, from wherever it had come to,
// and a lost connection leaves it running. Thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "api/event_log.h"
#include "gateway/generation.h"

namespace api {

class LiveAnswer {
 public:
  // `owner`: the user or the project that may see it. `name` is unique for ever.
  LiveAnswer(std::string owner, std::string name)
      : owner_(std::move(owner)), name_(std::move(name)), log_(std::make_shared<EventLog>()) {}

  const std::string& owner() const { return owner_; }
  const std::string& name() const { return name_; }
  EventLog& log() { return *log_; }

  // From here on cancel() reaches the run; it does at once if it has been asked for already.
  void began(const std::shared_ptr<gateway::Run>& run);
  // The engine's slot or the upstream's socket is let go within one step.
  void cancel();
  bool cancel_asked() const;
  void set_in_progress();
  bool in_progress() const;
  bool ended() const;
  // Calls back once the answer has ended and is stored; at once if it has.
  void when_ended(std::function<void()> callback);
  void end();  // closes the log and calls back

 private:
  const std::string owner_, name_;
  const std::shared_ptr<EventLog> log_;
  mutable std::mutex mutex_;  // all below
  std::weak_ptr<gateway::Run> run_;
  bool cancel_asked_ = false;
  bool in_progress_ = false;
  bool ended_ = false;
  std::vector<std::function<void()>> waiting_;
};

class Generations {
 public:
  struct Limits {
    int64_t keep_ns = int64_t{600} * 1'000'000'000;  // after the end
    size_t ended_bytes_max = 64u << 20;              // the oldest go first
  };
  Generations() = default;
  explicit Generations(const Limits& limits) : limits_(limits) {}

  // Under a key (a conversation's id, a response's id) one answer at a time: false while another
  // is running. One that has ended makes room.
  bool add(const std::string& key, std::shared_ptr<LiveAnswer> answer);
  // Null when there is none, or it is someone else's.
  std::shared_ptr<LiveAnswer> find(std::string_view key, std::string_view owner) const;
  // Ends the answer and keeps its events for a while; forget() does not keep them.
  void end(std::string_view key);
  void forget(std::string_view key);

 private:
  struct Entry {
    std::shared_ptr<LiveAnswer> answer;
    int64_t ended_ns = 0;  // base::monotonic_ns(); 0: it is running
  };
  void drop_old();

  const Limits limits_ = {};
  mutable std::mutex mutex_;
  std::map<std::string, Entry, std::less<>> entries_;
  int64_t dropped_ns_ = 0;
};

}  // namespace api
