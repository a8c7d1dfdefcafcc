// POST /v1/completions: every prompt is a generation of its own, several at a time; the choices of
// all are one answer.
#include <algorithm>
#include <atomic>
#include <mutex>

#include "api/completions_format.h"
#include "api/completions_request.h"
#include "api/routes.h"
#include "api/workers.h"
#include "gateway/gateway.h"

namespace api {
namespace {

// So many prompts of one request are under way together: an engine's batch is full with them.
constexpr size_t kTogetherMax = 32;

// The prompts of one request on their way, and its answer.
class Prompts : public std::enable_shared_from_this<Prompts> {
 public:
  Prompts(Call call, CompletionCall completion)
      : call_(std::move(call)),
        completion_(std::move(completion)),
        per_prompt_(static_cast<size_t>(completion_.generation.choices)),
        shape_{completion_.generation.sampling.logprobs,
               completion_.generation.sampling.top_logprobs, completion_.delivery.include_usage},
        choices_(per_prompt_ * completion_.prompts.size()) {}

  // Begins as many as may be under way.
  void advance();
  // The client has gone.
  void leave();

  void started(const gateway::Answerer& answerer);
  void delta(size_t prompt, const gateway::Delta& delta);
  void end(size_t prompt, const gateway::End& end);

 private:
  std::optional<size_t> take_next();
  void begin(size_t prompt);
  // One generation is no more, and why; then the others end too.
  void fail(base::Error error, bool ended, std::optional<base::Duration> retry_after = {});
  void finish_locked();

  const Call call_;
  const CompletionCall completion_;
  const size_t per_prompt_;
  const CompletionShape shape_;

  std::atomic<bool> gone_{false};  // the client
  std::mutex mutex_;               // all below
  size_t next_ = 0, running_ = 0;
  bool answered_ = false;
  std::vector<std::weak_ptr<gateway::Run>> runs_;
  std::optional<base::Error> error_;
  std::optional<base::Duration> retry_after_;  // with the error, when a provider said so
  gateway::Admission admission_;               // of the first prompt
  AnswerHead head_;
  std::optional<CompletionWriter> writer_;
  std::vector<AnswerChoice> choices_;
  gateway::TokenUsage usage_;
  std::string buffer_;
};

class PromptSink final : public gateway::Sink {
 public:
  PromptSink(std::shared_ptr<Prompts> prompts, size_t index)
      : prompts_(std::move(prompts)), index_(index) {}
  void started(const gateway::Answerer& answerer) override { prompts_->started(answerer); }
  void delta(const gateway::Delta& delta) override { prompts_->delta(index_, delta); }
  void end(const gateway::End& end) override { prompts_->end(index_, end); }

 private:
  const std::shared_ptr<Prompts> prompts_;
  const size_t index_;
};

std::optional<size_t> Prompts::take_next() {
  const std::lock_guard lock(mutex_);
  if (error_ || next_ == completion_.prompts.size() || running_ == kTogetherMax) return {};
  ++running_;
  return next_++;
}

void Prompts::advance() {
  while (const auto prompt = take_next()) begin(*prompt);
}

void Prompts::begin(size_t prompt) {
  gateway::Generation generation = completion_.generation;
  identify(call_, &generation);
  if (prompt > 0) generation.request_id += "-" + std::to_string(prompt);
  generation.input = completion_.prompts[prompt];
  gateway::Admission admission;
  gateway::Admission* told = prompt == 0 ? &admission_ : &admission;  // only one has begun then
  const auto run =
      call_.app->gateway.generate(call_.caller, std::move(generation),
                                  std::make_shared<PromptSink>(shared_from_this(), prompt), told);
  if (!run) {
    base::Error error = run.error();
    if (error.where == "messages") error.where = "prompt";
    return fail(std::move(error), true);
  }
  bool stopped = false;
  {
    const std::lock_guard lock(mutex_);
    runs_.push_back(*run);
    stopped = error_.has_value();
  }
  if (stopped) gone_ ? (*run)->leave() : (*run)->cancel();
}

void Prompts::fail(base::Error error, bool ended, std::optional<base::Duration> retry_after) {
  std::vector<std::weak_ptr<gateway::Run>> runs;
  {
    const std::lock_guard lock(mutex_);
    if (ended) --running_;
    if (!error_) {
      error_ = std::move(error);
      retry_after_ = retry_after;
      runs = runs_;
    }
    if (running_ == 0) finish_locked();
  }
  for (const auto& weak : runs) {
    if (const auto run = weak.lock()) gone_ ? run->leave() : run->cancel();
  }
}

void Prompts::leave() {
  gone_ = true;
  fail({base::Code::Cancelled, "the client went away", {}, {}, {}}, false);
}

void Prompts::started(const gateway::Answerer& answerer) {
  const std::lock_guard lock(mutex_);
  if (!head_.id.empty()) return;
  head_ = head_of("cmpl-", answerer, call_.app->clock.now());
  if (!completion_.delivery.stream) return;
  writer_.emplace(head_, shape_, choices_.size());
  call_.begin_events(headers_of(admission_));
}

void Prompts::delta(size_t prompt, const gateway::Delta& delta) {
  const std::lock_guard lock(mutex_);
  const size_t index = prompt * per_prompt_ + static_cast<size_t>(delta.choice);
  if (!writer_) return choices_[index].add(delta);
  if (error_) return;
  buffer_.clear();
  writer_->piece(&buffer_, index, delta);
  if (!buffer_.empty()) call_.exchange->write(buffer_);
}

void Prompts::end(size_t prompt, const gateway::End& end) {
  if (auto failure = failure_of(end)) return fail(*std::move(failure), true, end.retry_after);
  {
    const std::lock_guard lock(mutex_);
    --running_;
    usage_.prompt += end.usage.prompt;
    usage_.cached += end.usage.cached;
    usage_.completion += end.usage.completion;
    usage_.reasoning += end.usage.reasoning;
    buffer_.clear();
    for (size_t i = 0; i < end.finishes.size() && i < per_prompt_; ++i) {
      const size_t index = prompt * per_prompt_ + i;
      choices_[index].finish = end.finishes[i];
      if (writer_ && !error_) writer_->finish(&buffer_, index, end.finishes[i]);
    }
    if (!buffer_.empty()) call_.exchange->write(buffer_);
    if (running_ == 0 && (error_ || next_ == completion_.prompts.size())) return finish_locked();
    if (error_ || next_ == completion_.prompts.size()) return;
  }
  call_.app->workers.run([self = shared_from_this()] { self->advance(); });
}

void Prompts::finish_locked() {
  if (std::exchange(answered_, true)) return;
  if (!writer_) {
    if (error_) return call_.fail(*error_, headers_of(admission_, retry_after_));
    std::vector<net::Header> headers = headers_of(admission_);
    headers.push_back({"content-type", "application/json"});
    return call_.respond(
        {200, std::move(headers), completion_answer(head_, choices_, usage_, shape_)});
  }
  buffer_.clear();
  if (error_) {
    buffer_ = "data: " + json::dump(error_body(to_api_error(*error_))) + "\n\n";
  } else {
    if (shape_.include_usage) writer_->usage(&buffer_, usage_);
    buffer_.append(kStreamDone);
  }
  call_.exchange->write(buffer_);
  call_.exchange->end();
}

void create_completion(const Call& call) {
  const auto body = call.json_body();
  if (!body) return call.fail(body.error());
  auto completion = parse_completion_request(*body);
  if (!completion) return call.fail(completion.error());
  const auto prompts = std::make_shared<Prompts>(call, *std::move(completion));
  call.exchange->on_close([weak = std::weak_ptr(prompts)] {
    if (const auto strong = weak.lock()) strong->leave();
  });
  prompts->advance();
}

constexpr Route kRoutes[] = {
    {.method = "POST",
     .pattern = "/v1/completions",
     .auth = Auth::Key,
     .scope = "model.request",
     .body_bytes_max = 16u << 20,
     .body = &kCompletionSchema,
     .handle = create_completion,
     .summary = "goes on with texts, or fills a gap in them"},
};

}  // namespace

std::span<const Route> completion_routes() { return kRoutes; }

}  // namespace api
