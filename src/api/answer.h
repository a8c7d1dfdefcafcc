// Answers on their way to clients, whatever the wire: what a choice has said so far, and the sink
// that ties a generation to the call that asked for it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "api/call.h"
#include "gateway/generation.h"

namespace api {

// One choice as its deltas have built it.
struct AnswerChoice {
  struct Call {
    std::string id = {}, name = {}, arguments = {};
  };
  std::string text = {}, reasoning = {}, refusal = {};
  std::vector<Call> calls = {};
  std::vector<gateway::TokenProbability> tokens = {};
  std::optional<gateway::Finish> finish = {};

  void add(const gateway::Delta& delta);
};

// Why an answer failed; empty when it did not. Nobody but the server itself cancels a request whose
// client is still there to read of it.
std::optional<base::Error> failure_of(const gateway::End& end);

// The headers that admission gave, for an answer or a refusal; with the wait that a provider asked
// for, in place of admission's own.
std::vector<net::Header> headers_of(const gateway::Admission& admission,
                                    std::optional<base::Duration> retry_after = {});

// A sink that answers a call.
class AnswerSink : public gateway::Sink, public std::enable_shared_from_this<AnswerSink> {
 public:
  explicit AnswerSink(Call call) : call_(std::move(call)) {}

 protected:
  // An error before anything was sent.
  void fail(const base::Error& error, std::optional<base::Duration> retry_after = {}) const {
    call_.fail(error, headers_of(admission_, retry_after));
  }
  void begin_events() const { call_.begin_events(headers_of(admission_)); }
  void respond_json(std::string body) const;

  Call call_;

 private:
  friend void answer(gateway::Generation generation, std::shared_ptr<AnswerSink> sink);
  gateway::Admission admission_;  // filled before the sink hears of anything
};

// Hands the generation to the gateway; a client that goes away cancels it.
void answer(gateway::Generation generation, std::shared_ptr<AnswerSink> sink);

// Appends "\"NAME\":" and the text quoted.
void append_member(std::string* out, std::string_view name, std::string_view text);

}  // namespace api
