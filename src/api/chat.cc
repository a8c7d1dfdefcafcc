// POST /v1/chat/completions: parse, hand to the gateway, format what comes back.
#include <utility>

#include "api/chat_format.h"
#include "api/chat_request.h"
#include "api/chat_stored.h"
#include "api/routes.h"
#include "api/workers.h"
#include "gateway/gateway.h"

namespace api {
namespace {

constexpr std::string_view kIdPrefix = "chatcmpl-";

ChatShape shape_of(const ChatCall& chat) {
  const gateway::ToolChoice choice = chat.generation.tool_choice;
  ChatShape shape;
  shape.logprobs = chat.generation.sampling.logprobs;
  shape.include_usage = chat.delivery.include_usage;
  shape.tool_named = choice == gateway::ToolChoice::Named;
  shape.tools_forced = shape.tool_named || choice == gateway::ToolChoice::Required;
  shape.functions = chat.functions;
  return shape;
}

// Collects the answer; sends it whole, or each piece as it comes. The finish chunks wait for the
// settlement: money is on disk before the last byte. A stored answer is on disk before it too.
class ChatSink final : public AnswerSink {
 public:
  // `stored` is the request that is kept with the answer; null: it is not kept.
  ChatSink(Call call, const ChatCall& chat, json::Value stored)
      : AnswerSink(std::move(call)),
        shape_(shape_of(chat)),
        stream_(chat.delivery.stream),
        stored_(std::move(stored)),
        choices_(static_cast<size_t>(chat.generation.choices)) {}

  void started(const gateway::Answerer& answerer) override {
    head_ = head_of(kIdPrefix, answerer, call_.app->clock.now());
    if (!stream_) return;
    writer_.emplace(head_, shape_);
    begin_events();
  }
  void delta(const gateway::Delta& delta) override {
    if (!stream_ || !stored_.is_null()) choices_[static_cast<size_t>(delta.choice)].add(delta);
    if (!stream_) return;
    buffer_.clear();
    if (!roles_sent_) send_roles(!delta.tool_calls.empty());
    writer_->piece(&buffer_, delta);
    if (!buffer_.empty()) call_.exchange->write(buffer_);
  }
  void end(const gateway::End& end) override {
    if (const auto error = failure_of(end)) return send_failure(*error, end.retry_after);
    if (stored_.is_null()) return send_end(end);
    keep(end);
  }

 private:
  // Each role once, indexes in order, with the first piece of any choice: only then is it known
  // whether there is text.
  void send_roles(bool calls) {
    roles_sent_ = true;
    for (size_t i = 0; i < choices_.size(); ++i)
      writer_->first(&buffer_, static_cast<int>(i),
                     shape_.tools_forced || (calls && choices_.size() == 1));
  }
  void send_failure(const base::Error& error, std::optional<base::Duration> retry_after) const {
    if (!writer_) return fail(error, retry_after);
    call_.exchange->write("data: " + json::dump(error_body(to_api_error(error))) + "\n\n");
    call_.exchange->end();
  }
  void send_end(const gateway::End& end) {
    if (!stream_) return respond_json(chat_answer(head_, choices_, end, shape_));
    buffer_.clear();
    if (!roles_sent_) send_roles(false);
    for (size_t i = 0; i < end.finishes.size(); ++i)
      writer_->finish(&buffer_, static_cast<int>(i), end.finishes[i]);
    if (shape_.include_usage) writer_->usage(&buffer_, end.usage);
    call_.exchange->write(buffer_.append(kStreamDone));
    call_.exchange->end();
  }
  // Writing waits for the disk, which the thread of the ledger must not.
  void keep(const gateway::End& end) {
    call_.app->workers.run([self = std::static_pointer_cast<ChatSink>(shared_from_this()), end] {
      const base::Status stored = store_chat_completion(
          self->call_, self->stored_, chat_answer(self->head_, self->choices_, end, self->shape_));
      if (!stored) return self->send_failure(stored.error(), {});
      self->send_end(end);
    });
  }

  const ChatShape shape_;
  const bool stream_;
  const json::Value stored_;
  AnswerHead head_;
  std::vector<AnswerChoice> choices_;
  std::optional<ChunkWriter> writer_;
  bool roles_sent_ = false;
  std::string buffer_;
};

void create_chat_completion(const Call& call) {
  const auto body = call.json_body();
  if (!body) return call.fail(body.error());
  auto chat = parse_chat_request(*body);
  if (!chat) return call.fail(chat.error());
  if (chat->local_refusal) {
    const auto route = call.app->gateway.find_model(call.caller, chat->generation.model);
    if (route && (*route)->local() != nullptr) return call.fail(*chat->local_refusal);
  }
  auto sink = std::make_shared<ChatSink>(call, *chat, chat->store ? *body : json::Value());
  answer(std::move(chat->generation), std::move(sink));
}

constexpr size_t kBodyBytesMax = 16u << 20;

constexpr Route kRoutes[] = {
    {.method = "POST",
     .pattern = "/v1/chat/completions",
     .auth = Auth::Key,
     .scope = "model.request",
     .body_bytes_max = kBodyBytesMax,
     .body = &kChatCompletionSchema,
     .handle = create_chat_completion,
     .summary = "answers a chat, whole or streamed"},
};

}  // namespace

std::span<const Route> chat_routes() { return kRoutes; }

}  // namespace api
