// What is judged: something that completes a conversation. complete() may be called from several
// threads at once.
#pragma once

#include <span>

#include "judge/suite.h"

namespace judge {

struct Completion {
  std::string text;  // raw, as the model wrote it
  int64_t prompt_tokens = 0;
  int64_t completion_tokens = 0;
};

class Subject {
 public:
  virtual ~Subject() = default;
  // SHA-256 over exactly what the model is sent: its token ids, each as four little-endian bytes.
  virtual base::Result<crypto::Digest> prompt_digest(std::span<const Message> messages) const = 0;
  // Code::Cancelled ends the whole run; any other failure is a result of this case, and the worst
  // one.
  virtual base::Result<Completion> complete(std::span<const Message> messages,
                                            const Sampling& sampling, uint64_t seed) = 0;
};

}  // namespace judge
