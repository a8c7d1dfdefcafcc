// The answer of a completion, whole and in pieces (API 8).
#pragma once

#include <span>
#include <string>

#include "api/answer.h"
#include "api/chat_format.h"

namespace api {

struct CompletionShape {
  bool logprobs = false;
  int top_logprobs = 0;
  bool include_usage = false;
};

// {"tokens","token_logprobs","top_logprobs","text_offset"}; *characters counts those of the choice
// so far, and moves on.
void append_completion_logprobs(std::string* out, std::span<const gateway::TokenProbability> tokens,
                                int top_logprobs, int64_t* characters);

std::string completion_answer(const AnswerHead& head, std::span<const AnswerChoice> choices,
                              const gateway::TokenUsage& usage, const CompletionShape& shape);

// The events of a streamed answer, each "data: …\n\n".
class CompletionWriter {
 public:
  CompletionWriter(const AnswerHead& head, const CompletionShape& shape, size_t choices);

  // `index` is the choice's, over all prompts. Nothing is written for an empty piece.
  void piece(std::string* out, size_t index, const gateway::Delta& delta);
  void finish(std::string* out, size_t index, gateway::Finish reason);
  void usage(std::string* out, const gateway::TokenUsage& usage) const;

 private:
  void event(std::string* out, size_t index, std::string_view text,
             std::span<const gateway::TokenProbability> tokens, std::string_view finish);

  std::string prefix_;  // up to "choices":[
  CompletionShape shape_;
  std::vector<int64_t> characters_;  // sent, by choice
};

}  // namespace api
