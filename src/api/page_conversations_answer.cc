#include "api/page_conversations_answer.h"

#include <charconv>
#include <utility>

#include "api/answer.h"
#include "api/workers.h"
#include "base/log.h"
#include "gateway/gateway.h"

namespace api {
namespace {

// The roles and texts that the model reads: the path from the first message to the question.
json::Value messages_of(const std::vector<chat::Message>& path) {
  json::Array messages;
  for (const chat::Message& message : path) {
    messages.push_back(
        json::Object{{"role", chat::role_name(message.role)}, {"content", message.content}});
  }
  return messages;
}

chat::Finished finished_of(const gateway::End& end) {
  chat::Finished finished;
  const gateway::Finish finish =
      end.finishes.empty() ? gateway::Finish::Error : end.finishes.front();
  finished.release_id = end.answerer.release_id;
  finished.prompt_tokens = end.usage.prompt;
  finished.completion_tokens = end.usage.completion;
  finished.cost_usd = end.cost.in_usd();
  finished.finish_reason = gateway::finish_name(finish);
  if (finish == gateway::Finish::Cancelled) finished.status = chat::MessageStatus::Stopped;
  if (end.error) {
    finished.status = chat::MessageStatus::Error;
    finished.error = to_api_error(*end.error).message;
  }
  return finished;
}

void store_end(const App& app, const chat::Message& answer, const chat::Finished& finished) {
  if (const base::Status status = app.conversations.finish(answer.id, finished); !status) {
    base::log(base::Level::Error, "an answer could not be stored",
              {{"message", answer.id}, {"error", status.error().text()}});
  }
}

// Writes into the conversation and the log of events; the pages read from there.
class PageSink final : public gateway::Sink, public std::enable_shared_from_this<PageSink> {
 public:
  PageSink(Call call, chat::Message answer, std::string user_message_id,
           std::shared_ptr<LiveAnswer> live)
      : app_(*call.app),
        call_(std::move(call)),
        answer_(std::move(answer)),
        user_message_id_(std::move(user_message_id)),
        live_(std::move(live)) {}

  void started(const gateway::Answerer&) override { begin(); }
  void delta(const gateway::Delta& piece) override {
    if (piece.text.empty()) return;
    app_.conversations.append_text(answer_.id, piece.text);
    append("delta", json::Object{{"text", piece.text}});
  }
  // Writing the end waits for the disk, which the ledger's thread must not.
  void end(const gateway::End& end) override {
    app_.workers.run([self = shared_from_this(), end] { self->finish(end); });
  }

 private:
  void begin() {
    begun_ = true;
    live_->set_in_progress();
    append("message", json::Object{{"user_message_id", user_message_id_},
                                   {"assistant_message_id", answer_.id}});
    call_.begin_events();
    follow(*live_, call_.exchange);
    call_.exchange.reset();
  }
  static void follow(LiveAnswer& live, const std::shared_ptr<net::Exchange>& exchange) {
    if (!live.log().follow(exchange, -1)) exchange->abort();
  }
  void append(std::string_view name, const json::Value& data) {
    live_->log().append("id: " + page_event_id(*live_, live_->log().next_number()) +
                        "\nevent: " + std::string(name) + "\ndata: " + json::dump(data) + "\n\n");
  }
  void finish(const gateway::End& end);

  App& app_;
  Call call_;  // its exchange: until the stream has begun
  const chat::Message answer_;
  const std::string user_message_id_;
  const std::shared_ptr<LiveAnswer> live_;
  bool begun_ = false;
};

void PageSink::finish(const gateway::End& end) {
  const chat::Finished finished = finished_of(end);
  store_end(app_, answer_, finished);
  if (end.error && !begun_) {
    app_.generations.forget(answer_.conversation_id);
    return call_.fail(*end.error, headers_of({}, end.retry_after));
  }
  if (!begun_) begin();
  const auto stored =
      app_.conversations.message(call_.caller.user_id, answer_.conversation_id, answer_.id);
  if (end.error) {
    append("error", error_body(to_api_error(*end.error)));
  } else if (stored) {
    append("done",
           json::Object{{"message", message_json(*stored)},
                        {"usage", json::Object{{"prompt_tokens", end.usage.prompt},
                                               {"completion_tokens", end.usage.completion}}},
                        {"cost_usd", finished.cost_usd},
                        {"finish_reason", finished.finish_reason}});
  }
  app_.generations.end(answer_.conversation_id);
}

}  // namespace

json::Value message_json(const chat::Message& message) {
  const auto or_null = [](const std::string& text) {
    return text.empty() ? json::Value() : json::Value(text);
  };
  json::Value out = json::Object{{"id", message.id},
                                 {"parent_id", or_null(message.parent_id)},
                                 {"role", chat::role_name(message.role)},
                                 {"content", message.content},
                                 {"created_at", message.created.seconds()},
                                 {"status", chat::status_name(message.status)}};
  if (message.role != chat::MessageRole::Assistant) return out;
  const bool ended = message.status != chat::MessageStatus::Partial;
  out.set("model", message.model);
  out.set("release_id", or_null(message.release_id));
  out.set("usage", ended
                       ? json::Value(json::Object{{"prompt_tokens", message.prompt_tokens},
                                                  {"completion_tokens", message.completion_tokens}})
                       : json::Value());
  out.set("cost_usd", or_null(message.cost_usd));
  out.set("finish_reason", or_null(message.finish_reason));
  if (!message.error.empty()) out.set("error", message.error);
  return out;
}

std::string page_event_id(const LiveAnswer& answer, int64_t number) {
  return answer.name() + ":" + std::to_string(number);
}

int64_t number_in_page_event_id(std::string_view id, const LiveAnswer& answer) {
  if (!id.starts_with(answer.name() + ":")) return -1;
  id.remove_prefix(answer.name().size() + 1);
  int64_t number = -1;
  const auto [end, error] = std::from_chars(id.data(), id.data() + id.size(), number);
  const bool whole = error == std::errc() && end == id.data() + id.size() && number >= 0;
  return whole ? number : -1;
}

void start_page_answer(const Call& call, const chat::Message& answer, std::string user_message_id,
                       std::shared_ptr<LiveAnswer> live) {
  const auto refuse = [&](const base::Error& error) {
    chat::Finished finished;
    finished.status = chat::MessageStatus::Error;
    finished.finish_reason = "error";
    finished.error = to_api_error(error).message;
    store_end(*call.app, answer, finished);
    call.app->generations.forget(answer.conversation_id);
    call.fail(error);
  };
  const auto path =
      call.app->conversations.path(call.caller.user_id, answer.conversation_id, answer.parent_id);
  if (!path) return refuse(path.error());
  gateway::Generation request;
  request.request_id = call.request_id;
  request.model = answer.model;
  request.input = gateway::Messages{messages_of(*path)};
  request.received_ns = call.request().received_ns;
  const auto run = call.app->gateway.generate(
      call.caller, std::move(request),
      std::make_shared<PageSink>(call, answer, std::move(user_message_id), live));
  if (!run) return refuse(run.error());
  live->began(*run);
}

}  // namespace api
