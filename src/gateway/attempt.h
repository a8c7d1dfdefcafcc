// One try of one answerer at one request. The request (gateway/generation_run.h) makes attempts one
// after the other, or two at once when it hedges, and knows nothing of engines and wires.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "gateway/generation.h"
#include "gateway/upstream_error.h"

namespace gateway {

class Attempt;

struct AttemptEnd {
  TokenUsage usage = {};
  std::vector<Finish> finishes = {};  // by choice
  std::optional<Failure> failure = {};
};

// What an attempt tells, one call at a time; after the end nothing.
class AttemptListener {
 public:
  virtual ~AttemptListener() = default;
  virtual void attempt_delta(Attempt& attempt, Delta delta) = 0;
  virtual void attempt_end(Attempt& attempt, AttemptEnd end) = 0;
};

class Attempt {
 public:
  virtual ~Attempt() = default;
  // Any thread, also from within the listener. The end still comes.
  virtual void cancel() = 0;
  virtual void leave() { cancel(); }  // as Run::leave()
  virtual const Answerer& answerer() const = 0;
};

}  // namespace gateway
