// The answer of a chat completion, whole and in pieces, in the exact shapes and order that clients
// check (API 5).
#pragma once

#include <span>
#include <string>
#include <vector>

#include "gateway/gateway.h"
#include "json/json.h"

namespace api {

struct AnswerHead {
  std::string id;       // "chatcmpl-…"
  int64_t created = 0;  // seconds
  std::string model;
  std::string fingerprint;
};

struct AnswerChoice {
  std::string text;
  std::vector<gateway::TokenProbability> tokens;
};

std::string_view finish_reason(gateway::Finish finish);
json::Value usage_json(int64_t prompt_tokens, int64_t completion_tokens);
// One entry per token: text, probability, raw bytes, alternatives.
json::Array logprobs_json(std::span<const gateway::TokenProbability> tokens);

json::Value answer_json(const AnswerHead& head, std::span<const AnswerChoice> choices,
                        const gateway::End& end, bool logprobs);

// The events of a streamed answer, each "data: …\n\n". With include_usage every chunk but the last
// has "usage":null.
class ChunkWriter {
 public:
  ChunkWriter(const AnswerHead& head, bool include_usage, bool logprobs);

  std::string first(int choice) const;
  std::string text(const gateway::Delta& delta) const;
  std::string finish(int choice, gateway::Finish reason) const;
  std::string usage(const gateway::End& end) const;
  static std::string error(const json::Value& body);
  static std::string done() { return "data: [DONE]\n\n"; }

 private:
  std::string chunk(int choice, std::string_view delta, std::string_view logprobs,
                    std::string_view finish) const;

  std::string prefix_;  // up to "choices":[
  bool include_usage_;
  bool logprobs_;
};

}  // namespace api
