#include "api/generations.h"

#include "api/workers.h"
#include "base/log.h"

namespace api {
namespace {

std::string event(std::string_view name, const json::Value& data) {
  return "event: " + std::string(name) + "\ndata: " + json::dump(data) + "\n\n";
}

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

// Stores the answer as it comes, and shows it to the page that asked while that page is there.
class GenerationSink final : public gateway::Sink {
 public:
  GenerationSink(Call call, chat::Message answer, std::string user_message_id)
      : call_(std::move(call)),
        answer_(std::move(answer)),
        user_message_id_(std::move(user_message_id)) {}

  void started(const gateway::Answerer&) override {
    begun_ = true;
    call_.begin_events();
    call_.exchange->write(event("message", json::Object{{"user_message_id", user_message_id_},
                                                        {"assistant_message_id", answer_.id}}));
  }
  void delta(const gateway::Delta& piece) override {
    if (piece.text.empty()) return;
    call_.app->conversations.append_text(answer_.id, piece.text);
    call_.exchange->write(event("delta", json::Object{{"text", piece.text}}));
  }
  // Writing the end waits for the disk, which the ledger's thread must not.
  void end(const gateway::End& end) override {
    call_.app->workers.run([call = call_, answer = answer_, begun = begun_,
                            finished = finished_of(end),
                            end] { store_end(call, answer, finished, end, begun); });
  }

 private:
  static void store_end(const Call& call, const chat::Message& answer,
                        const chat::Finished& finished, const gateway::End& end, bool begun);

  Call call_;
  chat::Message answer_;
  std::string user_message_id_;
  bool begun_ = false;
};

void GenerationSink::store_end(const Call& call, const chat::Message& answer,
                               const chat::Finished& finished, const gateway::End& end,
                               bool begun) {
  chat::Conversations& conversations = call.app->conversations;
  if (const base::Status status = conversations.finish(answer.id, finished); !status) {
    base::log(base::Level::Error, "an answer could not be stored",
              {{"message", answer.id}, {"error", status.error().text()}});
  }
  call.app->generations.let_go(answer.conversation_id);
  const auto stored = conversations.message(call.caller.user_id, answer.conversation_id, answer.id);
  if (end.error && !begun) return call.fail(*end.error);
  if (!begun) call.begin_events();
  if (end.error) {
    call.exchange->write(event("error", error_body(to_api_error(*end.error))));
  } else if (stored) {
    call.exchange->write(event(
        "done", json::Object{{"message", message_json(*stored)},
                             {"usage", json::Object{{"prompt_tokens", end.usage.prompt},
                                                    {"completion_tokens", end.usage.completion}}},
                             {"cost_usd", finished.cost_usd},
                             {"finish_reason", finished.finish_reason}}));
  }
  call.exchange->end();
}

bool Generations::reserve(const std::string& user_id, const std::string& conversation_id) {
  const std::lock_guard lock(mutex_);
  return running_.try_emplace(conversation_id, Running{user_id, {}, false}).second;
}

void Generations::start(const Call& call, const chat::Message& answer,
                        std::string user_message_id) {
  auto refuse = [&](const base::Error& error) {
    chat::Finished finished;
    finished.status = chat::MessageStatus::Error;
    finished.finish_reason = "error";
    finished.error = to_api_error(error).message;
    if (const base::Status status = call.app->conversations.finish(answer.id, finished); !status) {
      base::log(base::Level::Error, "an answer could not be stored",
                {{"error", status.error().text()}});
    }
    let_go(answer.conversation_id);
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
      std::make_shared<GenerationSink>(call, answer, std::move(user_message_id)));
  if (!run) return refuse(run.error());

  bool stop_asked = false;
  {
    const std::lock_guard lock(mutex_);
    const auto entry = running_.find(answer.conversation_id);
    if (entry == running_.end()) return;  // it has ended already
    entry->second.run = *run;
    stop_asked = entry->second.stop_asked;
  }
  if (stop_asked) (*run)->cancel();
}

bool Generations::stop(std::string_view user_id, std::string_view conversation_id) {
  std::shared_ptr<gateway::Run> run;
  {
    const std::lock_guard lock(mutex_);
    const auto entry = running_.find(conversation_id);
    if (entry == running_.end() || entry->second.user_id != user_id) return false;
    entry->second.stop_asked = true;
    run = entry->second.run.lock();
  }
  if (run) run->cancel();
  return true;
}

void Generations::let_go(const std::string& conversation_id) {
  const std::lock_guard lock(mutex_);
  running_.erase(conversation_id);
}

}  // namespace api
