// One request from its admission to its receipt: holds the worst case, makes attempts until one
// answers, passes on what it says, settles what was delivered, and tells the end once that is on
// disk.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "gateway/attempt.h"
#include "gateway/catalog.h"
#include "identity/identity.h"
#include "journal/ledger.h"

namespace gateway {

class Gateway;

class GenerationRun final : public Run,
                            public AttemptListener,
                            public std::enable_shared_from_this<GenerationRun> {
 public:
  GenerationRun(Gateway& gateway, std::shared_ptr<const ModelRoute> route,
                const identity::Caller& caller, Generation generation, std::shared_ptr<Sink> sink);

  // Admits and begins. After an error the sink hears nothing.
  base::Status start();

  void cancel() override;
  void attempt_delta(Attempt& attempt, Delta delta) override;
  void attempt_end(Attempt& attempt, AttemptEnd end) override;

 private:
  base::Status hold(const Target& target, int64_t prompt_tokens, int64_t* max_tokens);
  base::Status begin(std::shared_ptr<Attempt> attempt);
  void finish(AttemptEnd attempt_end);
  journal::Usage usage_of(const End& end) const;
  void report(const End& end);

  Gateway& gateway_;
  const std::shared_ptr<const ModelRoute> route_;
  const identity::Caller caller_;
  const Generation generation_;
  const std::shared_ptr<Sink> sink_;
  journal::Hold hold_;

  std::mutex mutex_;  // taken by whoever calls the sink
  bool started_ = false;
  bool first_token_seen_ = false;

  std::mutex attempt_mutex_;  // never held while anything else is called
  std::shared_ptr<Attempt> attempt_;
};

}  // namespace gateway
