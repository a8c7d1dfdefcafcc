#include "engine/core.h"

#include <algorithm>
#include <random>

#include "base/check.h"
#include "base/utf8.h"

namespace engine {
namespace {

using base::Code;

constexpr size_t kStopsMax = 16;
constexpr size_t kStopBytesMax = 4096;

uint64_t system_seed() {
  std::random_device device;
  return (uint64_t{device()} << 32) | device();
}

int64_t pages_for(int64_t tokens) {
  return (tokens + kernels::kPageTokens - 1) / kernels::kPageTokens;
}

base::Error shut_down() {
  return {Code::Unavailable, "the engine was shut down", "server_is_draining", {}, {}};
}

}  // namespace

Stream::Stream(uint64_t id_in, Request request_in, Sink sink_in, const text::Tokenizer& tokenizer,
               uint64_t seed)
    : id(id_in),
      request(std::move(request_in)),
      sink(std::move(sink_in)),
      sampler(request.sampling, request.sampling.seed.value_or(seed)),
      text(tokenizer, request.stop, request.sampling.logprobs) {}

// The last token that is written is never read again, so it needs no place.
int64_t Stream::pages_needed() const {
  return pages_for(static_cast<int64_t>(request.prompt.size()) + request.max_tokens - 1);
}

Engine::Core::Core(std::shared_ptr<const model::Model> model, const Options& options,
                   std::unique_ptr<model::KvCache> cache)
    : model_(std::move(model)),
      options_(options),
      cache_(std::move(cache)),
      vocab_size_(std::min<int64_t>(model_->config().vocab_size, model_->tokenizer().size())),
      context_length_(
          std::min(model_->config().context_length, cache_->pages() * kernels::kPageTokens)),
      pool_(options.threads > 0 ? options.threads : base::default_thread_count()),
      forward_(model_, options.max_batch + options.prefill_tokens_per_step, options.max_batch,
               context_length_),
      seeds_(options.seed.value_or(system_seed())) {
  for (int64_t page = cache_->pages(); page-- > 0;)
    free_pages_.push_back(static_cast<int32_t>(page));
  stats_.pages_total = stats_.pages_free = cache_->pages();
  thread_ = std::thread([this] { run(); });
}

Engine::Core::~Core() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

base::Status Engine::Core::check(const Request& request) const {
  const auto prompt_tokens = static_cast<int64_t>(request.prompt.size());
  if (prompt_tokens == 0)
    return base::fail(Code::InvalidArgument, "the prompt is empty", "prompt", "invalid_value");
  if (prompt_tokens + 1 > context_length_) {
    return base::fail(
        Code::TooLarge,
        "This model's maximum context length is " + std::to_string(context_length_) +
            " tokens, but the prompt has " + std::to_string(prompt_tokens) +
            " tokens and at least 1 is needed for the answer. Please shorten the prompt.",
        "messages", "context_length_exceeded");
  }
  for (const int32_t token : request.prompt) {
    if (token < 0 || token >= model_->config().vocab_size) {
      return base::fail(
          Code::InvalidArgument,
          "the prompt holds token " + std::to_string(token) + ", which this model does not have",
          "prompt", "invalid_value");
    }
  }
  if (request.stop.size() > kStopsMax) {
    return base::fail(Code::InvalidArgument,
                      "at most " + std::to_string(kStopsMax) + " stop strings are possible", "stop",
                      "invalid_value");
  }
  for (const std::string& stop : request.stop) {
    if (stop.empty() || stop.size() > kStopBytesMax || !base::is_utf8(stop)) {
      return base::fail(
          Code::InvalidArgument,
          "a stop string must be valid UTF-8 of 1 to " + std::to_string(kStopBytesMax) + " bytes",
          "stop", "invalid_value");
    }
  }
  return check_sampling(request.sampling, vocab_size_);
}

base::Result<uint64_t> Engine::Core::submit(Request request, Sink sink) {
  CHECK(sink != nullptr);
  TRY_VOID(check(request));
  const int64_t room = context_length_ - static_cast<int64_t>(request.prompt.size());
  request.max_tokens = request.max_tokens <= 0 ? room : std::min(request.max_tokens, room);
  const std::string key = request.fairness_key;
  uint64_t id = 0;
  {
    const std::lock_guard lock(mutex_);
    if (draining_ || stopping_) {
      return base::fail(Code::Unavailable, "the server is shutting down; try again in a moment",
                        "model", "server_is_draining");
    }
    if (waiting_.size() >= options_.queue_max) {
      ++stats_.refused;
      return base::fail(Code::Unavailable,
                        "the model is busy: " + std::to_string(waiting_.size()) +
                            " requests are waiting already; try again in a moment",
                        "model", "server_is_overloaded");
    }
    id = next_id_++;
    ++stats_.requests;
    ++stats_.queued;
    live_.insert(id);
    waiting_.push(key, std::make_unique<Stream>(id, std::move(request), std::move(sink),
                                                model_->tokenizer(), seeds_.next()));
  }
  changed_.notify_one();
  return id;
}

void Engine::Core::cancel(uint64_t id) {
  {
    const std::lock_guard lock(mutex_);
    if (!live_.contains(id)) return;
    cancelled_.insert(id);
  }
  changed_.notify_one();
}

void Engine::Core::drain() {
  std::unique_lock lock(mutex_);
  draining_ = true;
  idle_.wait(lock, [&] { return live_.empty(); });
}

Stats Engine::Core::stats() const {
  const std::lock_guard lock(mutex_);
  return stats_;
}

void Engine::Core::run() {
  while (wait_for_work()) {
    take_cancelled();
    admit();
    if (!running_.empty()) step();
  }
  end_all();
}

bool Engine::Core::wait_for_work() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] {
    return stopping_ || !running_.empty() || !waiting_.empty() || !cancelled_.empty();
  });
  return !stopping_;
}

void Engine::Core::take_cancelled() {
  std::vector<std::unique_ptr<Stream>> from_queue;
  std::unordered_set<uint64_t> ids;
  {
    const std::lock_guard lock(mutex_);
    if (cancelled_.empty()) return;
    ids.swap(cancelled_);
    for (const uint64_t id : ids) {
      if (auto stream = waiting_.remove([&](const Stream& waiting) { return waiting.id == id; }))
        from_queue.push_back(std::move(stream));
    }
    stats_.queued = waiting_.size();
  }
  for (const auto& stream : from_queue) end(*stream, Finish::Cancelled);
  for (const auto& stream : running_) {
    if (ids.contains(stream->id)) end(*stream, Finish::Cancelled);
  }
  remove_ended();
}

// Whoever's turn it is goes first, also when a smaller request behind it would fit: nobody waits
// for ever.
void Engine::Core::admit() {
  const std::lock_guard lock(mutex_);
  while (!waiting_.empty() && static_cast<int64_t>(running_.size()) < options_.max_batch) {
    const auto needed = static_cast<size_t>(waiting_.front().pages_needed());
    if (needed > free_pages_.size()) break;
    std::unique_ptr<Stream> stream = waiting_.pop();
    stream->pages.assign(free_pages_.end() - static_cast<ptrdiff_t>(needed), free_pages_.end());
    free_pages_.resize(free_pages_.size() - needed);
    running_.push_back(std::move(stream));
  }
  stats_.queued = waiting_.size();
  stats_.active = static_cast<int64_t>(running_.size());
  stats_.pages_free = static_cast<int64_t>(free_pages_.size());
}

// Every stream that writes gets its one row; prompts share what the step allows them, the
// longest-waiting first.
void Engine::Core::plan_rows() {
  plan_.clear();
  rows_.clear();
  int64_t prompt_rows_left = options_.prefill_tokens_per_step;
  int32_t samples = 0;
  for (const auto& stream : running_) {
    const auto prompt_tokens = static_cast<int64_t>(stream->request.prompt.size());
    int64_t count = 1;
    if (stream->in_prompt()) {
      count = std::min(prompt_rows_left, prompt_tokens - stream->next_position);
      prompt_rows_left -= count;
      if (count == 0) continue;
    }
    const bool last_of_prompt = stream->next_position + count >= prompt_tokens;
    for (int64_t i = 0; i < count; ++i) {
      const int64_t position = stream->next_position + i;
      const int32_t token = position < prompt_tokens
                                ? stream->request.prompt[static_cast<size_t>(position)]
                                : stream->last_token;
      if (position % kernels::kPageTokens == 0)
        cache_->clear(stream->pages[static_cast<size_t>(position / kernels::kPageTokens)]);
      const bool sampled = last_of_prompt && i + 1 == count;
      rows_.push_back(
          {token, static_cast<int32_t>(position), stream->pages.data(), sampled ? samples++ : -1});
    }
    plan_.push_back({stream.get(), count, last_of_prompt});
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
    stream.next_position += share.rows;
    const int64_t before = stream.generated;
    if (share.samples) accept(stream);
    completion_tokens += static_cast<uint64_t>(stream.generated - before);
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
  std::vector<Stream*> sampling;
  for (const Share& share : plan_) {
    if (share.samples) sampling.push_back(share.stream);
  }
  const auto vocab = static_cast<size_t>(vocab_size_);
  pool_.parallel_for(static_cast<int64_t>(sampling.size()), 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      Stream& stream = *sampling[static_cast<size_t>(i)];
      stream.sampled = stream.sampler.next({forward_.logits(i), vocab});
    }
  });
}

// Takes the sampled token into the stream and hands out the text that it completes.
void Engine::Core::accept(Stream& stream) {
  if (!stream.sampled) return end(stream, Finish::Error, stream.sampled.error());
  const TokenLogprob& token = *stream.sampled;
  if (!stream.request.ignore_stop_tokens && model_->is_stop(token.id))
    return end(stream, Finish::Stop);
  stream.last_token = token.id;
  ++stream.generated;
  if (stream.text.push(token)) return end(stream, Finish::Stop);
  if (stream.generated >= stream.request.max_tokens) return end(stream, Finish::Length);
  Event event;
  stream.text.take(&event.text, &event.logprobs);
  if (event.text.empty() && event.logprobs.empty()) return;
  event.completion_tokens = stream.generated;
  stream.sink(event);
}

void Engine::Core::end(Stream& stream, Finish finish, std::optional<base::Error> error) {
  if (stream.ended) return;
  stream.ended = true;
  // The place is free before the client hears of it, so that a client which asks again at once
  // finds it.
  {
    const std::lock_guard lock(mutex_);
    free_pages_.insert(free_pages_.end(), stream.pages.begin(), stream.pages.end());
    stream.pages.clear();
    cancelled_.erase(stream.id);
    if (finish == Finish::Cancelled) ++stats_.cancelled;
    stats_.pages_free = static_cast<int64_t>(free_pages_.size());
  }
  Event event;
  stream.text.finish();
  stream.text.take(&event.text, &event.logprobs);
  event.completion_tokens = stream.generated;
  event.finish = finish;
  event.error = std::move(error);
  stream.sink(event);
  {
    const std::lock_guard lock(mutex_);
    live_.erase(stream.id);
    if (live_.empty()) idle_.notify_all();
  }
}

void Engine::Core::remove_ended() {
  std::erase_if(running_, [](const auto& stream) { return stream->ended; });
  const std::lock_guard lock(mutex_);
  stats_.active = static_cast<int64_t>(running_.size());
}

void Engine::Core::end_all() {
  std::vector<std::unique_ptr<Stream>> left = std::move(running_);
  running_.clear();
  {
    const std::lock_guard lock(mutex_);
    while (!waiting_.empty()) left.push_back(waiting_.pop());
    stats_.queued = 0;
  }
  for (const auto& stream : left) end(*stream, Finish::Cancelled, shut_down());
}

}  // namespace engine
