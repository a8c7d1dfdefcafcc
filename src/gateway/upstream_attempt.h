// An attempt by a provider, over the server's HTTP client. Runs on the loop thread that the request
// came in on, so that a piece of the answer never changes thread on its way through.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "gateway/attempt.h"
#include "gateway/sse.h"
#include "gateway/upstream.h"
#include "gateway/wire.h"

namespace gateway {

// How many tokens an input may be: bounds for the hold, and a guess for where nobody counts.
struct PromptSize {
  int64_t tokens_max = 0;
  int64_t tokens_likely = 0;
};
PromptSize prompt_size(const Generation& generation);

class UpstreamAttempt final : public Attempt,
                              public net::ClientSink,
                              public std::enable_shared_from_this<UpstreamAttempt> {
 public:
  struct Plan {
    std::shared_ptr<Upstream> upstream = {};
    std::string model = {};  // its name there
    int64_t max_tokens = 0;  // per choice
    PromptSize prompt = {};
    std::string prefix = {};  // written already by another
  };
  // `generation` outlives the attempt.
  UpstreamAttempt(Plan plan, const Generation& generation);

  void start(std::shared_ptr<AttemptListener> listener);
  void cancel() override;
  void leave() override;
  const Answerer& answerer() const override { return answerer_; }

  void head(int status, const std::vector<net::Header>& headers) override;
  void data(std::string_view bytes) override;
  void end(const base::Status& status) override;

 private:
  enum class Body : uint8_t { None, Events, Whole, Error, Wrong };
  void read_events(std::string_view bytes);
  void hand_over();
  void fail(Failure failure);
  void abandon(Failure failure);
  void succeed();
  Failure broken(const base::Error& error) const;
  void finish(AttemptEnd end);
  TokenUsage usage() const;

  const Plan plan_;
  const Generation& generation_;
  const std::unique_ptr<AnswerReader> reader_;
  Answerer answerer_;
  std::shared_ptr<AttemptListener> listener_;  // null once the end was told

  std::mutex call_mutex_;
  std::shared_ptr<net::ClientCall> call_;
  bool cancelled_ = false;

  // On the call's thread alone.
  Body body_ = Body::None;
  int status_ = 0;
  std::optional<base::Duration> retry_after_;
  SseParser sse_;
  std::string text_;  // of an error, or of an answer that came whole
  std::vector<Delta> deltas_;
  int64_t begun_ns_ = 0, last_event_ns_ = 0;
  int64_t pieces_ = 0, piece_bytes_ = 0;
};

}  // namespace gateway
