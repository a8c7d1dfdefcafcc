// The engine's inside: the streams, their pages, and the thread that steps them. Private to this
// folder.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_set>
#include <vector>

#include "base/random.h"
#include "base/thread_pool.h"
#include "engine/engine.h"
#include "engine/fair_queue.h"
#include "engine/grammars.h"
#include "engine/prefix_pages.h"
#include "engine/sampler.h"
#include "engine/text_stream.h"
#include "model/forward.h"

namespace engine {

// Rows of prompts whose logits are wanted, in one step: bounds the memory for logits.
inline constexpr int64_t kScoredRowsPerStep = 32;

// One request from admission to its last event.
struct Stream {
  Stream(uint64_t id, Request request, Sink sink, const text::Tokenizer& tokenizer, uint64_t seed,
         std::shared_ptr<text::GrammarMasks> masks);

  uint64_t id;
  Request request;  // max_tokens is what the context has room for, and 1 when nothing is generated
  Sink sink;
  Sampler sampler;
  TextStream text;
  std::optional<text::GrammarCursor> cursor;
  PrefixPages::Lease
      pages;  // all it can ever need, taken at admission: it never runs out in mid-stream
  int64_t next_position = 0;                  // tokens whose keys and values are in the cache
  int64_t cached = 0;                         // of the prompt, found there
  std::vector<int32_t> tokens;                // generated so far
  std::vector<TokenLogprob> prompt_logprobs;  // to be handed out with the next event
  std::optional<TokenLogprob> stop_token;     // to be handed out at the end
  std::vector<double> hidden_sum;             // [dim], Task::Embed
  base::Result<TokenLogprob> sampled = TokenLogprob{};  // of the step that is running
  bool ended = false;

  int64_t prompt_tokens() const { return static_cast<int64_t>(request.prompt.size()); }
  int64_t generated() const { return static_cast<int64_t>(tokens.size()); }
  bool in_prompt() const { return next_position < prompt_tokens(); }
  // Every row of the prompt is looked at, so none may come from the cache.
  bool needs_all_rows() const { return request.prompt_logprobs || request.task == Task::Embed; }
  int32_t token_at(int64_t position) const;
  int64_t pages_needed() const;
};

class Engine::Core {
 public:
  Core(std::shared_ptr<const model::Model> model, const Options& options,
       std::unique_ptr<model::KvCache> cache);
  ~Core();

  base::Result<uint64_t> submit(Request request, Sink sink);
  void cancel(uint64_t id);
  void drain();
  Stats stats() const;
  const std::shared_ptr<const model::Model>& model() const { return model_; }
  int64_t context_length() const { return context_length_; }

 private:
  base::Status check(const Request& request) const;
  void run();
  bool wait_for_work();  // false: the engine is being destroyed
  void take_cancelled();
  bool admit(Stream& stream);
  void admit_waiting();
  void step();
  struct Share;
  void plan_rows();
  int64_t prompt_rows(Stream& stream, int64_t rows_left, int64_t scored_left);
  void add_rows(Stream& stream, int64_t count);
  void sample();
  void look(const Share& share);
  void score(Stream& stream, int64_t row, int64_t logits_index);
  void take_hidden(Stream& stream, int64_t first_row, int64_t count);
  void finish_rows(const Share& share);
  void accept(Stream& stream);
  Event next_event(Stream& stream);
  void give_back_pages(Stream& stream);
  void end(Stream& stream, Finish finish, std::optional<base::Error> error = {});
  void remove_ended();
  void end_all();

  const std::shared_ptr<const model::Model> model_;
  const Options options_;
  std::unique_ptr<model::KvCache> cache_;
  const int64_t vocab_size_;  // tokens that may be sampled: a model's table may have more rows than
                              // its tokenizer has tokens
  const int64_t context_length_;
  base::ThreadPool pool_;
  model::Forward forward_;
  Grammars grammars_;

  // The engine thread's own.
  std::vector<std::unique_ptr<Stream>> running_;
  PrefixPages pages_;
  struct Share {
    Stream* stream;
    int64_t first_row, rows;
    int64_t first_logits, logits;  // of its last rows: one to sample from, or all that are scored
    bool samples;                  // from the last of them
  };
  std::vector<Share> plan_;  // which streams take part in this step, and with what
  std::vector<model::Row> rows_;

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable changed_, idle_;
  FairQueue<Stream> waiting_;
  std::unordered_set<uint64_t> live_;       // accepted and not ended
  std::unordered_set<uint64_t> cancelled_;  // asked for, not yet done
  bool draining_ = false, stopping_ = false;
  uint64_t next_id_ = 1;
  base::Rng seeds_;
  Stats stats_;

  std::thread thread_;  // last: it uses all of the above
};

}  // namespace engine
