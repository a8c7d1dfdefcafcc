#include "judge/engine_subject.h"

#include <chrono>
#include <condition_variable>
#include <mutex>

#include "base/check.h"
#include "model/prompt.h"

namespace judge {
namespace {

constexpr std::chrono::milliseconds kStopLook{50};  // how soon a stop is noticed

void update(crypto::Sha256* hash, std::span<const int32_t> ids) {
  hash->update(
      base::ByteSpan(reinterpret_cast<const uint8_t*>(ids.data()), ids.size() * sizeof(int32_t)));
}

}  // namespace

// What one request's sink hands to the thread that waits for it. Shared: the engine may still hold
// the sink when the waiter has gone.
struct EngineSubject::Waiter {
  std::mutex mutex;
  std::condition_variable ended;
  std::string text;
  int64_t tokens = 0;
  std::vector<engine::TokenLogprob> prompt_logprobs;
  std::optional<engine::Finish> finish;
  std::optional<base::Error> error;
};

// A prompt with a continuation: the last `count` ids are the continuation's.
struct EngineSubject::Pair {
  std::vector<int32_t> ids;
  size_t count = 0;
};

EngineSubject::EngineSubject(std::shared_ptr<engine::Engine> engine, const std::atomic<bool>* stop,
                             base::Duration timeout)
    : engine_(std::move(engine)), stop_(stop), timeout_(timeout) {}

base::Result<std::vector<int32_t>> EngineSubject::prompt_of(const Prompt& prompt) const {
  const model::Model& model = engine_->model();
  if (prompt.raw) {
    const text::Tokenizer& tokenizer = model.tokenizer();
    std::vector<int32_t> ids = tokenizer.encode(prompt.messages.back().content, false);
    // Something must stand before what is predicted: where BOS is missing, the end of a text.
    const int32_t start = tokenizer.bos() >= 0 ? tokenizer.bos() : tokenizer.eos();
    if ((tokenizer.add_bos() || ids.empty()) && start >= 0) ids.insert(ids.begin(), start);
    return ids;
  }
  json::Array list;
  for (const Message& message : prompt.messages) {
    list.emplace_back(json::Object{{"role", message.role}, {"content", message.content}});
  }
  return model::chat_prompt(model, list);
}

base::Result<EngineSubject::Pair> EngineSubject::pair_of(const Prompt& prompt,
                                                         std::string_view continuation) const {
  Pair out;
  Prompt context = prompt;
  std::string rest(continuation);
  std::string& text = context.messages.back().content;
  if (prompt.raw) {
    // Blanks belong to the word behind them, as tokenizers see it.
    const size_t end = text.find_last_not_of(" \t\r\n");
    const size_t keep = end == text.npos ? 0 : end + 1;
    rest.insert(0, text.substr(keep));
    text.resize(keep);
  }
  TRY(out.ids, prompt_of(context));
  const size_t start = out.ids.size();
  const text::Tokenizer& tokenizer = engine_->model().tokenizer();
  if (!prompt.raw || text.empty()) {
    const std::vector<int32_t> more = tokenizer.encode(rest, false);
    out.ids.insert(out.ids.end(), more.begin(), more.end());
  } else {
    Prompt whole = context;
    whole.messages.back().content += rest;
    TRY(out.ids, prompt_of(whole));
  }
  if (out.ids.size() <= start)
    return base::fail(base::Code::InvalidArgument,
                      "the model's vocabulary has no token for this continuation", rest);
  out.count = out.ids.size() - start;
  return out;
}

base::Result<crypto::Digest> EngineSubject::prompt_digest(
    const Prompt& prompt, std::span<const std::string> continuations) const {
  TRY(const std::vector<int32_t> ids, prompt_of(prompt));
  crypto::Sha256 hash;
  update(&hash, ids);
  for (const std::string& continuation : continuations) {
    TRY(const Pair pair, pair_of(prompt, continuation));
    const int32_t mark = -1;
    update(&hash, std::span(&mark, 1));
    update(&hash, std::span(pair.ids).last(pair.count));
  }
  return hash.finish();
}

base::Result<std::shared_ptr<EngineSubject::Waiter>> EngineSubject::run(
    engine::Request request) const {
  auto waiter = std::make_shared<Waiter>();
  auto sink = [waiter](const engine::Event& event) {
    const std::lock_guard lock(waiter->mutex);
    waiter->text += event.text;
    waiter->tokens = event.completion_tokens;
    waiter->prompt_logprobs.insert(waiter->prompt_logprobs.end(), event.prompt_logprobs.begin(),
                                   event.prompt_logprobs.end());
    if (!event.finish) return;
    waiter->finish = event.finish;
    waiter->error = event.error;
    waiter->ended.notify_one();
  };
  request.fairness_key = "judge";
  TRY(const uint64_t id, engine_->submit(std::move(request), std::move(sink)));

  const auto deadline = std::chrono::steady_clock::now() + std::chrono::nanoseconds(timeout_.ns);
  std::unique_lock lock(waiter->mutex);
  bool cancelled = false;
  bool late = false;
  while (!waiter->ended.wait_for(lock, kStopLook, [&] { return waiter->finish.has_value(); })) {
    late = late || std::chrono::steady_clock::now() >= deadline;
    const bool stopped = stop_ != nullptr && stop_->load();
    if (cancelled || (!late && !stopped)) continue;
    cancelled = true;
    lock.unlock();
    engine_->cancel(id);
    lock.lock();
  }
  if (waiter->error) return std::unexpected(*waiter->error);
  if (*waiter->finish == engine::Finish::Cancelled && late && (stop_ == nullptr || !stop_->load()))
    return base::fail(base::Code::Unavailable, "the answer took longer than the suite allows", "",
                      "TIMEOUT");
  if (*waiter->finish == engine::Finish::Cancelled)
    return base::fail(base::Code::Cancelled, "the run was stopped");
  if (*waiter->finish == engine::Finish::Error)
    return base::fail(base::Code::Internal, "the engine ended the answer with an error");
  lock.unlock();
  return waiter;
}

base::Result<Completion> EngineSubject::complete(const Prompt& prompt, const Sampling& sampling,
                                                 uint64_t seed) {
  engine::Request request;
  TRY(request.prompt, prompt_of(prompt));
  request.max_tokens = sampling.max_tokens;
  request.sampling.temperature = static_cast<float>(sampling.temperature);
  request.sampling.top_p = static_cast<float>(sampling.top_p);
  request.sampling.seed = seed;
  Completion out;
  out.prompt_tokens = static_cast<int64_t>(request.prompt.size());
  TRY(const auto waiter, run(std::move(request)));
  out.text = std::move(waiter->text);
  out.completion_tokens = waiter->tokens;
  return out;
}

base::Result<std::vector<Likelihood>> EngineSubject::likelihoods(
    const Prompt& prompt, std::span<const std::string> continuations) {
  std::vector<Likelihood> out;
  for (const std::string& continuation : continuations) {
    TRY(Pair pair, pair_of(prompt, continuation));
    engine::Request request;
    request.task = engine::Task::Score;
    request.prompt = std::move(pair.ids);
    request.prompt_logprobs = true;
    request.sampling.top_logprobs = 1;
    const size_t length = request.prompt.size();
    TRY(const auto waiter, run(std::move(request)));
    CHECK(waiter->prompt_logprobs.size() == length);
    Likelihood sum{.logprob = 0, .greedy = true};
    for (const engine::TokenLogprob& token : std::span(waiter->prompt_logprobs).last(pair.count)) {
      sum.logprob += static_cast<double>(token.logprob);
      sum.greedy = sum.greedy && !token.top.empty() && token.top.front().first == token.id;
    }
    out.push_back(sum);
  }
  return out;
}

}  // namespace judge
