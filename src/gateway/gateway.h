// A request's one way through the house: admit (hold the worst-case price) → run → meter → settle →
// receipt. Callers are authenticated already (identity::Caller). Every function may be called from
// any thread; none waits for the disk.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "gateway/channel.h"
#include "identity/identity.h"
#include "journal/ledger.h"
#include "telemetry/metrics.h"

namespace gateway {

struct ChatRequest {
  std::string request_id;  // unique for ever: the ledger knows the request by it
  std::string channel;
  json::Value messages;                     // an array of {"role", "content"}
  engine::Sampling sampling;                // temperature and top_p: see below
  std::optional<float> temperature, top_p;  // empty: what the model's files say, else 1
  int64_t max_tokens = 0;                   // per choice; 0: as many as fit and can be paid
  std::vector<std::string> stop;
  int choices = 1;
  int64_t received_ns = 0;  // base::monotonic_ns() when the request came
};

struct ChatEnd {
  int64_t prompt_tokens = 0;
  int64_t completion_tokens = 0;  // of all choices
  money::Amount cost;
  std::vector<engine::Finish> finishes;  // by choice
  std::optional<base::Error> error;      // the answer failed, or its settlement is not on disk
};

class ChatRun;

// Who gets the answer. started, then deltas, then end, never two at once; started is called before
// chat() returns. Nothing here may block: deltas come on the engine's thread, end on that of the
// ledger, after the settlement is durable.
class ChatSink {
 public:
  virtual ~ChatSink() = default;
  virtual void started(const ChatRun& run) = 0;
  virtual void delta(int choice, const engine::Event& event) = 0;
  virtual void end(const ChatEnd& end) = 0;
};

// A request under way.
class ChatRun : public std::enable_shared_from_this<ChatRun> {
 public:
  const Channel& channel() const { return *channel_; }
  int64_t prompt_tokens() const { return prompt_tokens_; }
  // The engine lets go within one step; what has been produced is settled, and the sink still gets
  // its end.
  void cancel();

 private:
  friend class Gateway;
  struct Choice {
    uint64_t engine_id = 0;
    bool submitted = false;
    int64_t completion_tokens = 0;
    std::optional<engine::Finish> finish;
  };
  void on_event(int choice, const engine::Event& event);
  void take_event(int choice, const engine::Event& event);
  void finish();
  void report(const ChatEnd& end);
  journal::Usage usage_of(const ChatEnd& end) const;

  class Gateway* gateway_ = nullptr;
  std::shared_ptr<Channel> channel_;
  std::shared_ptr<ChatSink> sink_;
  identity::Caller caller_;
  journal::Hold hold_;
  std::string request_id_;
  int64_t prompt_tokens_ = 0;
  int64_t received_ns_ = 0;

  std::mutex mutex_;  // all below
  std::vector<Choice> choices_;
  std::vector<std::pair<int, engine::Event>>
      early_;  // events of the first choices while the others are being submitted
  bool submitting_ = true;
  bool refused_ = false;  // a later choice found the queue full: nobody hears of the earlier ones
  bool first_token_seen_ = false;
  size_t unfinished_ = 0;
  std::optional<base::Error> error_;
};

class Gateway {
 public:
  // All outlive the gateway, and the gateway every run: wait() before it goes.
  Gateway(journal::Ledger& ledger, telemetry::Registry& metrics,
          std::vector<std::shared_ptr<Channel>> channels);
  ~Gateway();

  const std::vector<std::shared_ptr<Channel>>& channels() const { return channels_; }
  std::shared_ptr<Channel> find(std::string_view name) const;  // null when there is none

  // Errors, before anything was sent or billed: NotFound (model_not_found), TooLarge
  // (context_length_exceeded), QuotaExceeded (insufficient_quota), Unavailable
  // (server_is_overloaded, server_is_draining), InvalidArgument.
  base::Result<std::shared_ptr<ChatRun>> chat(const identity::Caller& caller, ChatRequest request,
                                              std::shared_ptr<ChatSink> sink);

  void drain();  // refuses new requests from here on
  void cancel_all();
  bool wait(base::Duration limit);  // until every run has ended; false when some have not
  int64_t running() const { return running_.load(); }
  bool draining() const { return draining_.load(); }

 private:
  friend class ChatRun;
  base::Result<journal::Hold> hold(const identity::Caller& caller, const Channel& channel,
                                   const ChatRequest& request, int64_t prompt_tokens,
                                   int64_t* max_tokens);
  base::Status submit(ChatRun& run, const ChatRequest& request, const std::vector<int32_t>& prompt,
                      int64_t max_tokens);

  struct ChannelMetrics {
    telemetry::Counter &requests, &failures, &cancelled, &prompt_tokens, &completion_tokens;
    telemetry::Histogram &first_token, &duration;
  };
  ChannelMetrics& metrics_of(const Channel& channel);

  journal::Ledger& ledger_;
  std::vector<std::shared_ptr<Channel>> channels_;
  std::vector<ChannelMetrics> metrics_;  // by channel
  telemetry::Counter& refused_;
  std::atomic<bool> draining_{false};
  std::atomic<int64_t> running_{0};
  std::mutex runs_mutex_;
  std::vector<std::weak_ptr<ChatRun>> runs_;
};

}  // namespace gateway
