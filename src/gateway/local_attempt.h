// An attempt by a local release: one job of its engine per choice.
#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "gateway/attempt.h"
#include "gateway/channel.h"
#include "gateway/local_choice.h"

namespace gateway {

// The tokens that the release reads for the input. Errors: TooLarge (context_length_exceeded),
// InvalidArgument.
base::Result<std::vector<int32_t>> local_prompt(const Channel& channel,
                                                const Generation& generation);
// Whether local releases offer this at all. Unimplemented names the parameter.
base::Status check_local(const Generation& generation);

class LocalAttempt final : public Attempt, public std::enable_shared_from_this<LocalAttempt> {
 public:
  // `generation` outlives the attempt.
  LocalAttempt(std::shared_ptr<Channel> channel, const Generation& generation,
               std::vector<int32_t> prompt, int64_t max_tokens, std::string fairness_key);

  // After an error the listener may hear of choices that had begun; it knows this attempt no more.
  base::Status start(std::shared_ptr<AttemptListener> listener);
  void cancel() override;
  const Answerer& answerer() const override { return answerer_; }

 private:
  base::Result<engine::Request> job() const;
  void on_event(int index, const engine::Event& event);
  void echo_prompt(int index, const engine::Event& event, Delta* delta);
  void hand_over(Delta delta);
  void hand_over_best();
  AttemptEnd result() const;

  const std::shared_ptr<Channel> channel_;
  const Generation& generation_;
  std::vector<int32_t> prompt_;
  const int64_t prompt_tokens_, max_tokens_;
  const std::string fairness_key_;
  Answerer answerer_;
  model::AnswerForm form_;
  std::shared_ptr<AttemptListener> listener_;
  std::vector<uint64_t> engine_ids_;  // complete before start returns
  std::atomic<bool> begun_{false};    // then they are

  // On the engine's thread alone.
  std::vector<LocalChoice> choices_;      // as many as run: best_of, where that is more
  std::vector<size_t> order_;             // of choices_, as they are handed out
  std::vector<std::vector<Delta>> kept_;  // by choice, when only the best are handed out
  std::vector<bool> echoed_;              // by choice
  size_t unfinished_ = 0;
  std::optional<base::Error> error_;
  bool halted_ = false;  // the release was stopped: nobody goes on with its answer
};

}  // namespace gateway
