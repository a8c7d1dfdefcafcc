// One request from its admission to its receipt: takes rates and holds the worst case, makes
// attempts until one answers, passes on what it says, settles what was delivered, and tells the end
// once that is on disk.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/attempt.h"
#include "gateway/catalog.h"
#include "gateway/metering.h"
#include "gateway/moderation.h"
#include "gateway/upstream_attempt.h"
#include "identity/identity.h"

namespace gateway {

class Gateway;

class GenerationRun final : public Run,
                            public AttemptListener,
                            public std::enable_shared_from_this<GenerationRun> {
 public:
  GenerationRun(Gateway& gateway, std::shared_ptr<const ModelRoute> route,
                const identity::Caller& caller, Generation generation, std::shared_ptr<Sink> sink);

  // Admits and begins. After an error the sink hears nothing.
  base::Status start(Admission* admission);

  void cancel() override;
  void leave() override;
  void attempt_delta(Attempt& attempt, Delta delta) override;
  void attempt_end(Attempt& attempt, AttemptEnd end) override;

 private:
  // An attempt that runs, or waits for a place at its provider.
  struct Try {
    const Target* target = nullptr;
    std::shared_ptr<Attempt> attempt = {};
    int64_t begun_ns = 0;
    bool has_place = false;
  };
  // What must not run under the lock, because it may call back.
  using Later = std::vector<std::function<void()>>;

  // Admission.
  base::Status plan();
  base::Status check_prompt();
  base::Status check_target(const Target& target) const;
  base::Status admit(Admission* admission);
  int64_t room(const Target& target) const;
  int64_t affordable(const money::PriceQuote& price) const;
  base::Status hold_worst_case();

  // Attempts.
  base::Status try_next();
  const Target* next_target();
  base::Status begin(const Target& target);
  base::Status begin_local(const Target& target);
  base::Status begin_upstream(const Target& target);
  void begin_granted(const Target& target);
  void add_try(const Target& target, std::shared_ptr<Attempt> attempt);
  Try take_try(const Attempt& attempt);
  void granted(const Target& target);
  void wake();
  void hedge_later();
  void hedge();
  void let_go();
  bool retry_later();
  void retry();

  // The answer.
  void begin_answer(const Attempt& attempt, Later* later);
  void record(const Delta& delta);
  void deliver(const Attempt& attempt, Delta delta, Later* later);
  void deliver_rest();
  void note_harm(std::string_view hook, const std::vector<size_t>& harm);
  void take_blocked(AttemptEnd* end);
  bool may_continue() const;
  void note_first_piece(const Attempt& attempt);
  void note_health(const Try& entry, const AttemptEnd& end);
  void take_failure(AttemptEnd end, const Try& entry);
  void finish(AttemptEnd end);
  void finish_cancelled();
  void finish_failed(base::Error error);
  void settle(End end);
  journal::Usage usage_of(const End& end) const;
  void report(const End& end);

  Gateway& gateway_;
  const std::shared_ptr<const ModelRoute> route_;
  const identity::Caller caller_;
  const Generation generation_;
  const std::shared_ptr<Sink> sink_;
  Metering metering_;

  std::vector<const Target*> order_;  // those that can answer this, as they are to be tried
  std::vector<int32_t> prompt_;       // of the first, when it is a local release
  PromptSize prompt_size_;
  int64_t max_tokens_ = 0;
  int64_t first_try_ns_ = 0;
  std::atomic<bool> cancelled_{false};  // nobody waits for the answer
  std::atomic<bool> at_once_{false};    // and whatever runs is cut off

  std::mutex mutex_;  // taken by whoever calls the sink; guards what follows
  size_t cursor_ = 0;
  int attempts_ = 0;
  bool waiting_ = false;  // for a place, or for the next try
  bool ended_ = false;
  bool hedging_ = false;
  bool started_ = false;  // the sink has heard so
  bool continued_ = false;
  bool piece_seen_ = false;          // of the attempt that answers
  const Attempt* winner_ = nullptr;  // whose answer the sink hears
  Answerer answerer_;                // of the winner
  const Target* answered_by_ = nullptr;
  std::string written_;                 // by all attempts, where it may have to be continued
  bool only_text_ = true;               // and nothing but text
  TokenUsage earlier_;                  // of attempts that were cut
  std::optional<AnswerScreen> screen_;  // when answers are moderated
  std::optional<base::Error> last_error_;
  std::optional<int64_t> retry_after_ns_;

  std::mutex tries_mutex_;  // never held while anything else is called
  std::vector<Try> tries_;
};

}  // namespace gateway
