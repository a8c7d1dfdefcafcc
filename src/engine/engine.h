// Many requests on one model: continuous batching on one thread, chunked prompts, paged KV memory
// reserved at start, sampling, stop strings. submit() may be called from any thread, a Sink too;
// each request ends with exactly one Event that has `finish`.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "model/model.h"
#include "text/grammar.h"

namespace engine {

struct Sampling {
  float temperature = 1;  // 0: always the likeliest token
  float top_p = 1;
  int top_k = 0;  // 0: off
  float min_p = 0;
  float presence_penalty = 0, frequency_penalty = 0;  // over the tokens generated so far
  std::optional<uint64_t> seed = {};
  std::vector<std::pair<int32_t, float>> logit_bias = {};  // -100 and below bans
  bool logprobs = false;
  int top_logprobs = 0;  // 0..20
};

// Natural logarithms under the model's own distribution, before bias, penalties and temperature.
struct TokenLogprob {
  int32_t id = 0;
  float logprob = 0;
  std::vector<std::pair<int32_t, float>> top = {};  // likeliest first
};

enum class Finish : uint8_t { Stop, Length, Cancelled, Error };
std::string_view finish_name(Finish finish);  // "stop", "length", "cancelled", "error"

struct Event {
  std::string text =
      {};  // valid UTF-8; never ends inside a character, never shows part of a stop string
  std::vector<TokenLogprob> logprobs = {};  // of the tokens whose text has now been handed out
  int64_t completion_tokens = 0;            // so far; a stop token is not counted
  int64_t cached_tokens = 0;  // of the prompt: read by an earlier request and not computed again
  // With Request::prompt_logprobs, once: one for each token of the prompt. The first has only an
  // id: nothing stands before it that could predict it.
  std::vector<TokenLogprob> prompt_logprobs = {};
  // At the end, when logprobs are asked for: the token by which the model ended its turn. It is not
  // counted and has no text.
  std::optional<TokenLogprob> stop_token = {};
  std::vector<float> embedding = {};  // with Task::Embed, at the end: [dim], of unit length
  std::optional<Finish> finish = {};
  std::string stop = {};  // with Finish::Stop: the stop string that ended it, if one did
  std::optional<base::Error> error =
      {};  // with Finish::Error, and with Finish::Cancelled when the engine shut down
};

enum class Task : uint8_t {
  Generate,
  Score,  // reads the prompt and generates nothing: for prompt_logprobs. Ends with Finish::Length
  Embed,  // the mean of the prompt's last hidden states. Ends with Finish::Stop
};

struct Request {
  Task task = Task::Generate;
  std::vector<int32_t> prompt = {};  // at least one token, BOS included where the model wants one
  Sampling sampling = {};
  int64_t max_tokens = 0;  // 0, or more than fits: as many as the context has room for
  std::vector<std::string> stop = {};
  // A project, a user: waiting requests take turns by it, and what prompts have in common is
  // computed once within it and never across.
  std::string fairness_key = {};
  bool ignore_stop_tokens = false;  // for measurements
  // What is generated stays within this language and ends when it is complete; null: anything goes.
  std::shared_ptr<const text::Grammar> grammar = {};
  std::vector<int32_t> spelled_tokens = {};  // control tokens that count as text of their spelling
  bool prompt_logprobs = false;              // with sampling.top_logprobs alternatives each
};

// Called on the engine's thread; it must not block and must not throw.
using Sink = std::function<void(const Event&)>;

struct Options {
  int threads = 0;  // 0: as many as the process may use
  uint64_t kv_bytes_max = uint64_t{256} << 20;
  int64_t max_batch = 32;                // streams that run together
  int64_t queue_max = 256;               // requests that wait
  int64_t prefill_tokens_per_step = 64;  // prompt tokens in one step, so that running streams go on
  std::optional<uint64_t> seed =
      {};  // for requests without one; empty: from the system's random source
};

struct Stats {
  int64_t active = 0;  // running streams
  int64_t queued = 0;
  int64_t pages_total = 0, pages_free = 0;  // free: neither in use nor reserved
  uint64_t steps = 0;
  uint64_t prompt_tokens = 0, completion_tokens = 0;  // computed
  uint64_t cached_tokens = 0;                         // of prompts, found in the cache
  uint64_t requests = 0, cancelled = 0, refused = 0;
};

class Engine {
 public:
  static base::Result<std::unique_ptr<Engine>> start(std::shared_ptr<const model::Model> model,
                                                     const Options& options = {});
  ~Engine();  // cancels what still runs
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // The id for cancel(). Errors: InvalidArgument (empty prompt, unknown token, parameter out of
  // range); TooLarge with reason context_length_exceeded and both counts; Unavailable with reason
  // server_is_overloaded (queue full) or server_is_draining.
  base::Result<uint64_t> submit(Request request, Sink sink);
  // Ends a request with Finish::Cancelled within one step; an id that has ended is fine.
  void cancel(uint64_t id);
  // Refuses new requests and returns when every accepted one has ended.
  void drain();

  Stats stats() const;
  const model::Model& model() const;
  std::shared_ptr<const model::Model> shared_model() const;
  int64_t context_length()
      const;  // tokens a request may have in all: the model's, or what the KV memory holds if less

 private:
  class Core;
  explicit Engine(std::unique_ptr<Core> core);
  std::unique_ptr<Core> core_;
};

}  // namespace engine
