// A loaded model as a subject: renders its chat template, and lets the engine run many cases
// together.
#pragma once

#include <memory>

#include "engine/engine.h"
#include "judge/subject.h"

namespace judge {

class EngineSubject final : public Subject {
 public:
  // `stop`, when set from elsewhere, cancels the requests under way within a moment.
  EngineSubject(std::shared_ptr<engine::Engine> engine, const std::atomic<bool>* stop);

  base::Result<crypto::Digest> prompt_digest(std::span<const Message> messages) const override;
  base::Result<Completion> complete(std::span<const Message> messages, const Sampling& sampling,
                                    uint64_t seed) override;

 private:
  base::Result<std::vector<int32_t>> prompt_of(std::span<const Message> messages) const;

  std::shared_ptr<engine::Engine> engine_;
  const std::atomic<bool>* stop_;
};

}  // namespace judge
