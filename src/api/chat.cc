// POST /v1/chat/completions: parse, hand to the gateway, format what comes back.
#include <utility>

#include "api/chat_format.h"
#include "api/chat_request.h"
#include "api/routes.h"
#include "crypto/random.h"

namespace api {
namespace {

AnswerHead head_of(const gateway::Answerer& answerer, int64_t created) {
  return {crypto::random_id("chatcmpl-"), created, answerer.model, answerer.fingerprint};
}

// Nobody but the server itself cancels a request whose client is still there to read of it.
std::optional<base::Error> failure_of(const gateway::End& end) {
  if (end.error) return end.error;
  for (const gateway::Finish finish : end.finishes) {
    if (finish == gateway::Finish::Cancelled || finish == gateway::Finish::Error) {
      return base::Error{
          base::Code::Unavailable, "the answer was cut off", "server_is_draining", {}, {}};
    }
  }
  return {};
}

// Sends each piece as it comes. The finish chunks wait for the settlement: money is on disk before
// the last byte.
class StreamSink final : public gateway::Sink {
 public:
  StreamSink(Call call, int choices, bool include_usage, bool logprobs)
      : call_(std::move(call)),
        choices_(choices),
        include_usage_(include_usage),
        logprobs_(logprobs) {}

  void started(const gateway::Answerer& answerer) override {
    writer_.emplace(head_of(answerer, call_.app->clock.now().seconds()), include_usage_, logprobs_);
    call_.begin_events();
    for (int i = 0; i < choices_; ++i)
      call_.exchange->write(writer_->first(i));  // each role once, indexes in order
  }
  void delta(const gateway::Delta& delta) override {
    if (delta.text.empty() && delta.tokens.empty()) return;
    call_.exchange->write(writer_->text(delta));
  }
  void end(const gateway::End& end) override {
    if (const auto error = failure_of(end)) {
      if (!writer_) return call_.fail(*error);
      call_.exchange->write(ChunkWriter::error(error_body(to_api_error(*error))));
      call_.exchange->end();
      return;
    }
    std::string last;
    for (size_t i = 0; i < end.finishes.size(); ++i) {
      last += writer_->finish(static_cast<int>(i), end.finishes[i]);
    }
    if (include_usage_) last += writer_->usage(end);
    call_.exchange->write(last + ChunkWriter::done());
    call_.exchange->end();
  }

 private:
  Call call_;
  const int choices_;
  const bool include_usage_, logprobs_;
  std::optional<ChunkWriter> writer_;
};

class WholeSink final : public gateway::Sink {
 public:
  WholeSink(Call call, int choices, bool logprobs)
      : call_(std::move(call)), logprobs_(logprobs), choices_(static_cast<size_t>(choices)) {}

  void started(const gateway::Answerer& answerer) override {
    head_ = head_of(answerer, call_.app->clock.now().seconds());
  }
  void delta(const gateway::Delta& delta) override {
    AnswerChoice& target = choices_[static_cast<size_t>(delta.choice)];
    target.text += delta.text;
    target.tokens.insert(target.tokens.end(), delta.tokens.begin(), delta.tokens.end());
  }
  void end(const gateway::End& end) override {
    if (const auto error = failure_of(end)) return call_.fail(*error);
    call_.respond_json(answer_json(head_, choices_, end, logprobs_));
  }

 private:
  Call call_;
  const bool logprobs_;
  AnswerHead head_;
  std::vector<AnswerChoice> choices_;
};

void create_chat_completion(const Call& call) {
  const auto body = call.json_body();
  if (!body) return call.fail(body.error());
  auto chat = parse_chat_request(*body, call.app->options.tolerate_unknown_parameters);
  if (!chat) return call.fail(chat.error());

  gateway::Generation request = std::move(chat->request);
  request.request_id = call.request_id;
  request.received_ns = call.request().received_ns;
  std::shared_ptr<gateway::Sink> sink;
  if (chat->stream)
    sink = std::make_shared<StreamSink>(call, request.choices, chat->include_usage, chat->logprobs);
  else
    sink = std::make_shared<WholeSink>(call, request.choices, chat->logprobs);

  const auto run = call.app->gateway.generate(call.caller, std::move(request), std::move(sink));
  if (!run) return call.fail(run.error());
  call.exchange->on_close([weak = std::weak_ptr(*run)] {
    if (const auto strong = weak.lock()) strong->cancel();
  });
}

constexpr size_t kBodyBytesMax = 16u << 20;

constexpr Route kRoutes[] = {
    {.method = "POST",
     .pattern = "/v1/chat/completions",
     .auth = Auth::Key,
     .scope = "model.request",
     .body_bytes_max = kBodyBytesMax,
     .handle = create_chat_completion,
     .summary = "answers a chat, whole or streamed"},
};

}  // namespace

std::span<const Route> chat_routes() { return kRoutes; }

}  // namespace api
