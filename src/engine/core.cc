#include "engine/core.h"

#include <algorithm>
#include <cmath>
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

// The mean's direction: a sum has the same.
std::vector<float> unit_mean(const std::vector<double>& sum) {
  double squares = 0;
  for (const double x : sum) squares += x * x;
  const double scale = squares > 0 ? 1 / std::sqrt(squares) : 0;
  std::vector<float> out;
  for (const double x : sum) out.push_back(static_cast<float>(x * scale));
  return out;
}

base::Error shut_down() {
  return {Code::Unavailable, "the engine was shut down", "server_is_draining", {}, {}};
}

}  // namespace

Stream::Stream(uint64_t id_in, Request request_in, Sink sink_in, const text::Tokenizer& tokenizer,
               uint64_t seed, std::shared_ptr<text::GrammarMasks> masks)
    : id(id_in),
      request(std::move(request_in)),
      sink(std::move(sink_in)),
      sampler(request.sampling, request.sampling.seed.value_or(seed)),
      text(tokenizer, request.stop, request.sampling.logprobs, request.spelled_tokens) {
  if (masks) cursor.emplace(std::move(masks));
}

int32_t Stream::token_at(int64_t position) const {
  return position < prompt_tokens() ? request.prompt[static_cast<size_t>(position)]
                                    : tokens[static_cast<size_t>(position - prompt_tokens())];
}

// The last token that is written is never read again, so it needs no place.
int64_t Stream::pages_needed() const { return pages_for(prompt_tokens() + request.max_tokens - 1); }

Engine::Core::Core(std::shared_ptr<const model::Model> model, const Options& options,
                   std::unique_ptr<model::KvCache> cache)
    : model_(std::move(model)),
      options_(options),
      cache_(std::move(cache)),
      vocab_size_(std::min<int64_t>(model_->config().vocab_size, model_->tokenizer().size())),
      context_length_(
          std::min(model_->config().context_length, cache_->pages() * kernels::kPageTokens)),
      pool_(options.threads > 0 ? options.threads : base::default_thread_count()),
      forward_(model_, options.max_batch + options.prefill_tokens_per_step,
               options.max_batch + kScoredRowsPerStep, context_length_),
      grammars_(*model_, vocab_size_),
      pages_(cache_->pages()),
      seeds_(options.seed.value_or(system_seed())) {
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
  const bool generates = request.task == Task::Generate;
  if (!generates && prompt_tokens > context_length_) {
    return base::fail(Code::TooLarge,
                      "This model's maximum context length is " + std::to_string(context_length_) +
                          " tokens, but the input has " + std::to_string(prompt_tokens) +
                          " tokens. Please shorten it.",
                      "input", "context_length_exceeded");
  }
  if (generates && prompt_tokens + 1 > context_length_) {
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
  if (request.task != Task::Generate) request.max_tokens = 1;
  std::shared_ptr<text::GrammarMasks> masks;
  if (request.grammar) masks = grammars_.masks(request.grammar, request.spelled_tokens);
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
    waiting_.push(
        key, std::make_unique<Stream>(id, std::move(request), std::move(sink), model_->tokenizer(),
                                      seeds_.next(), std::move(masks)));
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
    admit_waiting();
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

bool Engine::Core::admit(Stream& stream) {
  return pages_.lease(stream.request.fairness_key, stream.request.prompt, stream.pages_needed(),
                      !stream.needs_all_rows(), &stream.pages);
}

// Whoever's turn it is goes first, also when a smaller request behind it would fit: nobody waits
// for ever.
void Engine::Core::admit_waiting() {
  const std::lock_guard lock(mutex_);
  while (!waiting_.empty() && static_cast<int64_t>(running_.size()) < options_.max_batch) {
    if (!admit(waiting_.front())) break;
    running_.push_back(waiting_.pop());
  }
  stats_.queued = waiting_.size();
  stats_.active = static_cast<int64_t>(running_.size());
  stats_.pages_free = pages_.available();
}

void Engine::Core::give_back_pages(Stream& stream) {
  std::vector<int32_t> written;
  for (int64_t position = 0; position < stream.next_position; ++position)
    written.push_back(stream.token_at(position));
  pages_.give_back(stream.id, written, &stream.pages);
}

void Engine::Core::end(Stream& stream, Finish finish, std::optional<base::Error> error) {
  if (stream.ended) return;
  stream.ended = true;
  // The place is free before the client hears of it, so that a client which asks again at once
  // finds it.
  {
    const std::lock_guard lock(mutex_);
    if (!stream.pages.table.empty()) give_back_pages(stream);
    cancelled_.erase(stream.id);
    if (finish == Finish::Cancelled) ++stats_.cancelled;
    stats_.pages_free = pages_.available();
    stats_.cached_tokens += static_cast<uint64_t>(stream.cached);
  }
  stream.text.finish();
  Event event = next_event(stream);
  if (finish == Finish::Stop && stream.request.task == Task::Embed) {
    event.embedding = unit_mean(stream.hidden_sum);
  }
  event.finish = finish;
  event.stop_token = std::move(stream.stop_token);
  if (finish == Finish::Stop) event.stop = stream.text.stop();
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
