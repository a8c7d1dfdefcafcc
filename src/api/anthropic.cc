// Anthropic's Messages API: POST /v1/messages and /v1/messages/count_tokens.
#include "api/anthropic_format.h"
#include "api/anthropic_request.h"
#include "api/generation_request.h"
#include "api/routes.h"
#include "crypto/random.h"
#include "gateway/gateway.h"

namespace api {
namespace {

class MessageSink final : public AnswerSink {
 public:
  // `input_tokens` is what a stream says of its prompt before the end tells exactly.
  MessageSink(Call call, bool stream, int64_t input_tokens)
      : AnswerSink(std::move(call)), stream_(stream), input_tokens_(input_tokens) {}

  void started(const gateway::Answerer& answerer) override {
    head_ = {crypto::random_id("msg_"), answerer.model};
    if (!stream_) return;
    writer_.emplace(head_);
    begin_events();
    buffer_.clear();
    writer_->start(&buffer_, input_tokens_);
    call_.exchange->write(buffer_);
  }
  void delta(const gateway::Delta& delta) override {
    called_ |= !delta.tool_calls.empty();
    if (!delta.stop.empty()) stop_ = delta.stop;
    if (!writer_) return choice_.add(delta);
    buffer_.clear();
    writer_->piece(&buffer_, delta);
    if (!buffer_.empty()) call_.exchange->write(buffer_);
  }
  void end(const gateway::End& end) override {
    if (const auto error = failure_of(end)) return send_failure(*error, end.retry_after);
    const MessageStop stop{end.finishes.front(), called_, stop_};
    if (!writer_) return respond_json(anthropic_answer(head_, choice_, end.usage, stop));
    buffer_.clear();
    writer_->end(&buffer_, end.usage, stop);
    call_.exchange->write(buffer_);
    call_.exchange->end();
  }

 private:
  void send_failure(const base::Error& error, std::optional<base::Duration> retry_after) {
    if (!writer_) return fail(error, retry_after);
    buffer_.clear();
    MessageWriter::error(&buffer_, anthropic_error_body(to_api_error(error)));
    call_.exchange->write(buffer_);
    call_.exchange->end();
  }

  const bool stream_;
  const int64_t input_tokens_;
  MessageHead head_;
  AnswerChoice choice_;
  bool called_ = false;
  std::string stop_;
  std::optional<MessageWriter> writer_;
  std::string buffer_;
};

// What the body asks for, unless only an upstream could take it and the model is on this machine.
base::Result<AnthropicCall> read_call(const Call& call) {
  TRY(const json::Value body, call.json_body());
  TRY(AnthropicCall message, parse_anthropic_request(body));
  if (!message.local_refusal) return message;
  const auto route = call.app->gateway.find_model(call.caller, message.generation.model);
  if (route && (*route)->local() != nullptr) return std::unexpected(*message.local_refusal);
  return message;
}

void create_message(const Call& call) {
  auto message = read_call(call);
  if (!message) return call.fail(message.error());
  int64_t input_tokens = 0;
  if (message->stream) {
    // An upstream counts for itself, and tells at the end.
    input_tokens =
        call.app->gateway.count_tokens(call.caller, message->generation).value_or(int64_t{0});
  }
  answer(std::move(message->generation),
         std::make_shared<MessageSink>(call, message->stream, input_tokens));
}

void count_tokens(const Call& call) {
  const auto message = read_call(call);
  if (!message) return call.fail(message.error());
  const auto tokens = call.app->gateway.count_tokens(call.caller, message->generation);
  if (!tokens) return call.fail(tokens.error());
  call.respond_json(json::Object{{"input_tokens", *tokens}});
}

constexpr size_t kBodyBytesMax = 32u << 20;

constexpr Route kRoutes[] = {
    {.method = "POST",
     .pattern = "/v1/messages",
     .auth = Auth::Key,
     .scope = "model.request",
     .body_bytes_max = kBodyBytesMax,
     .body = &kAnthropicMessageSchema,
     .handle = create_message,
     .summary = "answers a chat as Anthropic's Messages API does"},
    {.method = "POST",
     .pattern = "/v1/messages/count_tokens",
     .auth = Auth::Key,
     .scope = "model.request",
     .body_bytes_max = kBodyBytesMax,
     .body = &kAnthropicCountSchema,
     .handle = count_tokens,
     .summary = "the tokens of a prompt"},
};

}  // namespace

std::span<const Route> anthropic_routes() { return kRoutes; }

}  // namespace api
