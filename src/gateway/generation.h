// What a client wants generated and what comes back, whatever wire it came by (chat completions,
// responses, completions, Anthropic's messages, the page, a batch) and whoever answers it (a local
// release or an upstream provider). Handlers of api/ parse into a Generation and format what the
// Sink hears; nothing else passes between them and the gateway.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "engine/engine.h"
#include "json/json.h"
#include "model/tool_format.h"
#include "money/amount.h"

namespace gateway {

class Channel;

// The form of an answer is the same for whoever answers.
using model::OutputFormat;
using model::Tool;
using model::ToolChoice;

// Messages as chat completions have them, checked: an array of {"role": "system" | "user" |
// "assistant" | "tool", "content": string, array of parts or null, "name"?, "tool_calls"?,
// "tool_call_id"?}. ("developer" has become "system".)
struct Messages {
  json::Value list = {};
};
using Input = std::variant<Messages, std::string, std::vector<int32_t>>;

struct Generation {
  std::string request_id;  // unique for ever: the ledger knows the request by it
  std::string model;       // the public name that the client asked for
  Input input;
  std::vector<Tool> tools = {};
  ToolChoice tool_choice = ToolChoice::Auto;
  std::string tool_name = {};  // of ToolChoice::Named
  bool parallel_tool_calls = true;
  OutputFormat format = {};
  engine::Sampling sampling = {};           // temperature and top_p: see below
  std::optional<float> temperature, top_p;  // empty: what the model's files say, else 1
  std::optional<int64_t> max_tokens = {};   // per choice; empty: as many as fit and can be paid;
                                            // 0 only with echo
  std::vector<std::string> stop = {};
  int choices = 1;
  int best_of = 1;          // completions: of so many the `choices` likeliest are returned
  bool echo = false;        // completions: the prompt is part of the answer, its logprobs too
  std::string suffix = {};  // completions: text behind the gap (fill in the middle)
  std::string reasoning_effort = {};
  json::Object passthrough = {};  // checked parameters that only an upstream gives a meaning
  bool continue_after_failure =
      true;            // an answer cut in mid-stream may go on from its prefix elsewhere
  bool whole = false;  // nobody hears it before its end: a provider may answer in one piece
  bool batch = false;
  std::string traceparent = {};  // W3C trace context of the request, to be carried onward
  int64_t received_ns = 0;       // base::monotonic_ns() when the request came
};

enum class Finish : uint8_t { Stop, Length, ToolCalls, ContentFilter, Cancelled, Error };
std::string_view finish_name(Finish finish);  // "stop", "length", "tool_calls", ...

// One token of the output with its probability, as far as the answerer tells.
struct TokenProbability {
  std::string bytes = {};  // raw: half a character is half a character
  std::optional<int32_t> id = {};
  std::optional<float> logprob = {};  // empty: the first token of an echoed prompt
  std::vector<std::pair<std::string, float>> top = {};  // bytes, logprob; likeliest first
};

struct ToolCallDelta {
  int index = 0;
  std::string id = {}, name = {};  // only in the first delta of a call
  std::string arguments = {};      // a piece of JSON text, whole characters
};

// A piece of one choice. Text never ends inside a character.
struct Delta {
  int choice = 0;
  std::string text = {};
  std::string reasoning = {};
  std::string refusal = {};
  std::vector<ToolCallDelta> tool_calls = {};
  std::vector<TokenProbability> tokens = {};  // when sampling.logprobs
  std::optional<Finish> finish = {};          // last of its choice
  std::string stop = {};                      // with it: the stop string that ended the choice
};

struct TokenUsage {
  int64_t prompt = 0;  // never lowered by a cache hit
  int64_t cached = 0;  // of prompt
  int64_t completion = 0;
  int64_t reasoning = 0;  // of completion
};

// Who answers.
struct Answerer {
  std::string model = {};       // the public name
  std::string release_id = {};  // a local release's certificate, or "upstream:NAME/MODEL"
  std::string fingerprint = {};
  std::shared_ptr<Channel> channel = {};  // null: an upstream
};

struct End {
  TokenUsage usage = {};
  money::Amount cost = {};
  std::vector<Finish> finishes = {};  // by choice
  Answerer answerer = {};
  bool continued = false;                 // a second answerer went on in mid-stream
  std::optional<base::Error> error = {};  // the answer failed, or its settlement is not on disk
  std::optional<base::Duration> retry_after = {};  // with an error, when a provider said so
};

// A request under way.
class Run {
 public:
  virtual ~Run() = default;
  // The engine's slot or the upstream's socket is let go within one step; what has been produced is
  // settled, and the sink still hears its end.
  virtual void cancel() = 0;
  // The client has gone. As cancel(), but what a provider was asked for in one piece is let come to
  // its end: the provider bills it all the same, and only then is it known how much.
  virtual void leave() { cancel(); }
};

// Who gets the answer: started, deltas, end, never two at once. started comes at most once and
// before the first delta: for a local release before generate() returns, for an upstream with its
// first piece. An answer that failed before it began has an end alone, with an error.
// Nothing here may block: calls come on the engine's, the network's or the ledger's thread, and the
// end after the settlement is durable. cancel() may be called from within them.
class Sink {
 public:
  virtual ~Sink() = default;
  virtual void started(const Answerer& answerer) = 0;
  virtual void delta(const Delta& delta) = 0;
  virtual void end(const End& end) = 0;
};

// What admission told about the caller's limits; filled for refusals as well.
struct Admission {
  std::vector<std::pair<std::string, std::string>> headers = {};  // x-ratelimit-…, retry-after, …
};

struct EmbeddingRequest {
  std::string request_id;
  std::string model;
  std::vector<std::variant<std::string, std::vector<int32_t>>> inputs = {};
  std::optional<int64_t> dimensions = {};  // cut and renormalised
  bool batch = false;
  std::string traceparent = {};
  int64_t received_ns = 0;
};

struct Embeddings {
  std::vector<std::vector<float>> vectors = {};  // by input, of unit length
  TokenUsage usage = {};
  money::Amount cost = {};
  Answerer answerer = {};
};

}  // namespace gateway
