#include "judge/engine_subject.h"

#include <chrono>
#include <condition_variable>
#include <mutex>

#include "model/prompt.h"

namespace judge {
namespace {

// What one request's sink hands to the thread that waits for it. Shared: the engine may still hold
// the sink when the waiter has gone.
struct Waiter {
  std::mutex mutex;
  std::condition_variable ended;
  std::string text;
  int64_t tokens = 0;
  std::optional<engine::Finish> finish;
  std::optional<base::Error> error;
};

constexpr std::chrono::milliseconds kStopLook{50};  // how soon a stop is noticed

}  // namespace

EngineSubject::EngineSubject(std::shared_ptr<engine::Engine> engine, const std::atomic<bool>* stop)
    : engine_(std::move(engine)), stop_(stop) {}

base::Result<std::vector<int32_t>> EngineSubject::prompt_of(
    std::span<const Message> messages) const {
  const model::Model& model = engine_->model();
  json::Array list;
  for (const Message& message : messages) {
    list.emplace_back(json::Object{{"role", message.role}, {"content", message.content}});
  }
  return model::chat_prompt(model, list);
}

base::Result<crypto::Digest> EngineSubject::prompt_digest(std::span<const Message> messages) const {
  TRY(const std::vector<int32_t> ids, prompt_of(messages));
  return crypto::sha256(
      base::ByteSpan(reinterpret_cast<const uint8_t*>(ids.data()), ids.size() * sizeof(int32_t)));
}

base::Result<Completion> EngineSubject::complete(std::span<const Message> messages,
                                                 const Sampling& sampling, uint64_t seed) {
  engine::Request request;
  TRY(request.prompt, prompt_of(messages));
  request.max_tokens = sampling.max_tokens;
  request.sampling.temperature = static_cast<float>(sampling.temperature);
  request.sampling.top_p = static_cast<float>(sampling.top_p);
  request.sampling.seed = seed;
  request.fairness_key = "judge";
  Completion out;
  out.prompt_tokens = static_cast<int64_t>(request.prompt.size());

  auto waiter = std::make_shared<Waiter>();
  auto sink = [waiter](const engine::Event& event) {
    const std::lock_guard lock(waiter->mutex);
    waiter->text += event.text;
    waiter->tokens = event.completion_tokens;
    if (!event.finish) return;
    waiter->finish = event.finish;
    waiter->error = event.error;
    waiter->ended.notify_one();
  };
  TRY(const uint64_t id, engine_->submit(std::move(request), std::move(sink)));

  std::unique_lock lock(waiter->mutex);
  bool cancelled = false;
  while (!waiter->ended.wait_for(lock, kStopLook, [&] { return waiter->finish.has_value(); })) {
    if (cancelled || stop_ == nullptr || !stop_->load()) continue;
    cancelled = true;
    lock.unlock();
    engine_->cancel(id);
    lock.lock();
  }
  if (waiter->error) return std::unexpected(*waiter->error);
  if (*waiter->finish == engine::Finish::Cancelled) {
    return base::fail(base::Code::Cancelled, "the run was stopped");
  }
  if (*waiter->finish == engine::Finish::Error) {
    return base::fail(base::Code::Internal, "the engine ended the answer with an error");
  }
  out.text = std::move(waiter->text);
  out.completion_tokens = waiter->tokens;
  return out;
}

}  // namespace judge
