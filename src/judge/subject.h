// What is judged: something that completes a conversation. Its functions may be called from several
// threads at once.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "judge/choice.h"
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
  // Each continuation, where there are some, follows with its own ids after an id of -1.
  virtual base::Result<crypto::Digest> prompt_digest(
      const Prompt& prompt, std::span<const std::string> continuations) const = 0;
  // Code::Cancelled ends the whole run; any other failure is a result of this case, and the worst
  // one (reason TIMEOUT when the time was over).
  virtual base::Result<Completion> complete(const Prompt& prompt, const Sampling& sampling,
                                            uint64_t seed) = 0;
  // How likely each continuation is after the prompt. Likewise.
  virtual base::Result<std::vector<Likelihood>> likelihoods(
      const Prompt& prompt, std::span<const std::string> continuations) = 0;
};

}  // namespace judge
