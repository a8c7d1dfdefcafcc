// A loaded model as a subject: renders its chat template, and lets the engine run many cases
// together.
#pragma once

#include <atomic>
#include <memory>

#include "base/time.h"
#include "engine/engine.h"
#include "judge/subject.h"

namespace judge {

class EngineSubject final : public Subject {
 public:
  // `stop`, when set from elsewhere, cancels the requests under way within a moment; `timeout` is
  // the longest that one of them may take.
  EngineSubject(std::shared_ptr<engine::Engine> engine, const std::atomic<bool>* stop,
                base::Duration timeout = base::seconds(kTimeoutSecondsDefault));

  base::Result<crypto::Digest> prompt_digest(
      const Prompt& prompt, std::span<const std::string> continuations) const override;
  base::Result<Completion> complete(const Prompt& prompt, const Sampling& sampling,
                                    uint64_t seed) override;
  base::Result<std::vector<Likelihood>> likelihoods(
      const Prompt& prompt, std::span<const std::string> continuations) override;

 private:
  struct Pair;
  struct Waiter;
  base::Result<std::vector<int32_t>> prompt_of(const Prompt& prompt) const;
  base::Result<Pair> pair_of(const Prompt& prompt, std::string_view continuation) const;
  base::Result<std::shared_ptr<Waiter>> run(engine::Request request) const;

  std::shared_ptr<engine::Engine> engine_;
  const std::atomic<bool>* stop_;
  base::Duration timeout_;
};

}  // namespace judge
