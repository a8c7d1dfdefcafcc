// One step of the engine: which rows run, and what becomes of their results.
#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "engine/core.h"

namespace engine {

// Every stream that writes gets its one row; prompts share what the step allows them, the
// longest-waiting first.
void Engine::Core::plan_rows() {
  plan_.clear();
  rows_.clear();
  int64_t prompt_rows_left = options_.prefill_tokens_per_step;
  int64_t scored_left = kScoredRowsPerStep;
  int64_t logits = 0;
  for (const auto& stream : running_) {
    int64_t count = 1;
    if (stream->in_prompt()) {
      count = prompt_rows(*stream, prompt_rows_left, scored_left);
      prompt_rows_left -= count;
      if (stream->request.prompt_logprobs) scored_left -= count;
      if (count == 0) continue;
    }
    const bool last = stream->next_position + count >= stream->prompt_tokens();
    const bool scores = stream->in_prompt() && stream->request.prompt_logprobs;
    const bool samples = last && stream->request.task == Task::Generate;
    Share share{.stream = stream.get(),
                .first_row = static_cast<int64_t>(rows_.size()),
                .rows = count,
                .first_logits = logits,
                .logits = scores    ? count
                          : samples ? 1
                                    : 0,
                .samples = samples};
    add_rows(*stream, count);
    for (int64_t i = 0; i < share.logits; ++i) {
      rows_[rows_.size() - static_cast<size_t>(share.logits - i)].logits_index =
          static_cast<int32_t>(logits++);
    }
    plan_.push_back(share);
  }
}

// How many tokens of its prompt a stream runs in this step. Pages that others have filled are
// passed over; one that another stream is filling is waited for.
int64_t Engine::Core::prompt_rows(Stream& stream, int64_t rows_left, int64_t scored_left) {
  const auto& shared = stream.pages.shared;
  const auto shared_end = static_cast<int64_t>(shared.size()) * kernels::kPageTokens;
  const auto node_at = [&](int64_t position) {
    return shared[static_cast<size_t>(position / kernels::kPageTokens)];
  };
  int64_t& next = stream.next_position;
  while (next < shared_end && next % kernels::kPageTokens == 0 && node_at(next)->filled) {
    next += kernels::kPageTokens;
    stream.cached += kernels::kPageTokens;
  }
  int64_t count = std::min(rows_left, stream.prompt_tokens() - next);
  if (stream.request.prompt_logprobs) count = std::min(count, scored_left);
  for (int64_t position = next; position < std::min(next + count, shared_end);) {
    PrefixPages::Node* node = node_at(position);
    if (node->filler != 0 && node->filler != stream.id) return position - next;
    node->filler = stream.id;
    position = (position / kernels::kPageTokens + 1) * kernels::kPageTokens;
  }
  return count;
}

void Engine::Core::add_rows(Stream& stream, int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    const int64_t position = stream.next_position + i;
    if (position % kernels::kPageTokens == 0)
      cache_->clear(stream.pages.table[static_cast<size_t>(position / kernels::kPageTokens)]);
    rows_.push_back({.token = stream.token_at(position),
                     .position = static_cast<int32_t>(position),
                     .pages = stream.pages.table.data()});
  }
}

void Engine::Core::step() {
  plan_rows();
  forward_.step(rows_, *cache_, pool_);
  sample();
  uint64_t prompt_tokens = 0, completion_tokens = 0;
  for (const Share& share : plan_) {
    Stream& stream = *share.stream;
    if (stream.in_prompt()) prompt_tokens += static_cast<uint64_t>(share.rows);
    const int64_t before = stream.generated();
    finish_rows(share);
    completion_tokens += static_cast<uint64_t>(stream.generated() - before);
  }
  {
    const std::lock_guard lock(mutex_);
    ++stats_.steps;
    stats_.prompt_tokens += prompt_tokens;
    stats_.completion_tokens += completion_tokens;
  }
  remove_ended();
}

void Engine::Core::sample() {
  pool_.parallel_for(static_cast<int64_t>(plan_.size()), 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) look(plan_[static_cast<size_t>(i)]);
  });
}

// What a stream wants from the results of its rows. On any thread of the pool.
void Engine::Core::look(const Share& share) {
  Stream& stream = *share.stream;
  if (stream.request.task == Task::Embed) take_hidden(stream, share.first_row, share.rows);
  if (stream.in_prompt() && stream.request.prompt_logprobs) {
    for (int64_t i = 0; i < share.logits; ++i)
      score(stream, stream.next_position + i, share.first_logits + i);
  }
  if (!share.samples) return;
  const auto vocab = static_cast<size_t>(vocab_size_);
  float* logits = forward_.logits(share.first_logits + share.logits - 1);
  const auto mask = stream.cursor ? stream.cursor->mask() : nullptr;
  stream.sampled = stream.sampler.next({logits, vocab}, mask.get());
}

// The logits behind token `position` of the prompt tell the probability of the next one.
void Engine::Core::score(Stream& stream, int64_t position, int64_t logits_index) {
  if (position == 0) stream.prompt_logprobs.push_back({.id = stream.request.prompt[0]});
  if (position + 1 >= stream.prompt_tokens()) return;
  const std::span logits(forward_.logits(logits_index), static_cast<size_t>(vocab_size_));
  const int32_t token = stream.token_at(position + 1);
  if (token >= vocab_size_) {  // a row of the model's table that its tokenizer has no token for
    stream.prompt_logprobs.push_back({.id = token, .logprob = -INFINITY});
    return;
  }
  stream.prompt_logprobs.push_back(
      token_logprob(logits, token, stream.request.sampling.top_logprobs));
}

// In the order of the tokens and in double, so that the sum does not depend on the steps.
void Engine::Core::take_hidden(Stream& stream, int64_t first_row, int64_t count) {
  std::vector<float> hidden(static_cast<size_t>(model_->config().dim));
  stream.hidden_sum.resize(hidden.size());
  for (int64_t row = first_row; row < first_row + count; ++row) {
    forward_.hidden(row, hidden);
    for (size_t i = 0; i < hidden.size(); ++i)
      stream.hidden_sum[i] += static_cast<double>(hidden[i]);
  }
}

void Engine::Core::finish_rows(const Share& share) {
  Stream& stream = *share.stream;
  stream.next_position += share.rows;
  const auto& shared = stream.pages.shared;
  const auto full = static_cast<size_t>(stream.next_position / kernels::kPageTokens);
  for (size_t i = 0; i < std::min(full, shared.size()); ++i) {
    if (shared[i]->filler != stream.id) continue;
    shared[i]->filled = true;
    shared[i]->filler = 0;
  }
  if (share.samples) return accept(stream);
  if (stream.in_prompt()) return;
  if (stream.request.task == Task::Score) return end(stream, Finish::Length);
  const bool numbers =
      std::ranges::all_of(stream.hidden_sum, [](double x) { return std::isfinite(x); });
  if (numbers) return end(stream, Finish::Stop);
  end(stream, Finish::Error,
      base::Error{base::Code::Internal,
                  "the model's output is not a number: its weights or its arithmetic overflow",
                  {},
                  "embedding",
                  {}});
}

// Takes the sampled token into the stream and hands out the text that it completes.
void Engine::Core::accept(Stream& stream) {
  if (!stream.sampled) return end(stream, Finish::Error, stream.sampled.error());
  const TokenLogprob& token = *stream.sampled;
  const bool stops = !stream.request.ignore_stop_tokens || stream.cursor;
  if (stops && model_->is_stop(token.id)) {
    if (stream.request.sampling.logprobs) stream.stop_token = token;
    return end(stream, Finish::Stop);
  }
  stream.tokens.push_back(token.id);
  if (stream.cursor) CHECK(stream.cursor->advance(token.id));  // the mask allowed it
  if (stream.text.push(token)) return end(stream, Finish::Stop);
  if (stream.cursor && stream.cursor->closed()) return end(stream, Finish::Stop);
  if (stream.generated() >= stream.request.max_tokens) return end(stream, Finish::Length);
  const Event event = next_event(stream);
  if (event.text.empty() && event.logprobs.empty() && event.prompt_logprobs.empty()) return;
  stream.sink(event);
}

// What has become showable since the last one.
Event Engine::Core::next_event(Stream& stream) {
  Event event;
  stream.text.take(&event.text, &event.logprobs);
  event.prompt_logprobs = std::exchange(stream.prompt_logprobs, {});
  event.completion_tokens = stream.generated();
  event.cached_tokens = stream.cached;
  return event;
}

}  // namespace engine
