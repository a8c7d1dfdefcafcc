// How a provider is asked and how its answer is read: one wire per kind of API. What comes back is
// hostile until it is checked: an answer is whole only when every choice has said why it ended.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/generation.h"
#include "gateway/upstream.h"
#include "gateway/upstream_error.h"

namespace gateway {

// What is asked of a provider; the parts that depend on the target and on what came before.
struct WireRequest {
  const Generation& generation;
  std::string_view model;  // its name there
  std::optional<int64_t> max_tokens = {};
  std::string_view max_tokens_parameter = {};
  std::string_view prefix = {};  // what another answerer has written already, to be continued
};

struct WireCall {
  std::string path;  // below the base URL
  std::string body;
};

// Reads one answer, an event at a time. It is fed nothing after an error.
class AnswerReader {
 public:
  virtual ~AnswerReader() = default;

  // An event of the stream. Errors: Malformed; for an error that the provider states, stated() has
  // it.
  virtual base::Status read_event(std::string_view type, std::string_view data,
                                  std::vector<Delta>* deltas) = 0;
  // An answer that came whole although a stream was asked for.
  virtual base::Status read_whole(std::string_view body, std::vector<Delta>* deltas) = 0;

  bool complete() const;                   // every choice has finished
  bool closed() const { return closed_; }  // the provider said that nothing follows
  const std::vector<std::optional<Finish>>& finishes() const { return finishes_; }
  const std::optional<TokenUsage>& usage() const { return usage_; }
  const std::optional<ProviderError>& stated() const { return stated_; }

 protected:
  explicit AnswerReader(const Generation& generation);
  // Adds a choice's end, with what the house calls it: a call that was forced by name ends with
  // stop, other calls with tool_calls. Malformed when the choice had ended before.
  base::Status finish_choice(int choice, Finish finish, Delta* delta);
  base::Status check_choice(int64_t choice) const;
  base::Status state(const json::Value& error);  // keeps the provider's error, and fails
  // The house's numbers for the calls of a choice, dense and first seen in order. `id` and `name`
  // are kept in the first delta of a call alone.
  base::Status add_call(int choice, int64_t index, std::string id, std::string name,
                        std::string arguments, Delta* delta);

  const Generation& generation_;
  bool closed_ = false;
  std::optional<TokenUsage> usage_;

 private:
  std::optional<ProviderError> stated_;
  std::vector<std::optional<Finish>> finishes_;
  std::vector<std::vector<int64_t>> calls_;  // by choice: the provider's index of each
};

// Whether the kind of API can be asked this at all. Errors: Unimplemented, with the parameter.
base::Status check_wire(UpstreamKind kind, const Generation& generation);
WireCall write_call(UpstreamKind kind, const WireRequest& request);
std::unique_ptr<AnswerReader> make_reader(UpstreamKind kind, const Generation& generation);

// wire_openai.cc
WireCall write_openai_call(const WireRequest& request);
std::unique_ptr<AnswerReader> make_openai_reader(const Generation& generation);
// wire_anthropic.cc
base::Status check_anthropic(const Generation& generation);
WireCall write_anthropic_call(const WireRequest& request);
std::unique_ptr<AnswerReader> make_anthropic_reader(const Generation& generation);

// Members that are read leniently: what is absent, null or of another kind is empty.
const json::Value* find_member(const json::Value& object, std::string_view name);
std::string string_member(const json::Value& object, std::string_view name);
std::optional<int64_t> count_member(const json::Value& object, std::string_view name);  // >= 0

}  // namespace gateway
