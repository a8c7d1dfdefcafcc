// The page's conversations: list, read, rename, delete; ask, answer again, stop.
#include "chat/conversations.h"

#include <algorithm>
#include <cstdlib>

#include "api/generations.h"
#include "api/page_conversations_answer.h"
#include "api/parameter.h"
#include "api/routes.h"
#include "crypto/random.h"
#include "gateway/gateway.h"

namespace api {
namespace {

json::Value conversation_json(const chat::Conversation& conversation) {
  return json::Object{{"id", conversation.id},
                      {"title", conversation.title},
                      {"created_at", conversation.created.seconds()},
                      {"updated_at", conversation.updated.seconds()}};
}

base::Result<std::string> read_string(const json::Value& body, std::string_view name,
                                      bool required) {
  const json::Value* value = find_parameter(body, name);
  if (value == nullptr && required) return missing(name);
  if (value == nullptr) return std::string();
  if (!value->is_string()) return wrong_type(name, "a string", *value);
  return value->as_string();
}

// The page says which model; one that is gone is refused before anything is stored.
base::Result<std::string> read_model(const Call& call, const json::Value& body) {
  TRY(std::string model, read_string(body, "model", false));
  if (model.empty()) {
    const auto models = call.app->gateway.models(call.caller);
    if (!models.empty()) model = models.front()->name;
  }
  TRY_VOID(call.app->gateway.find_model(call.caller, model));
  return model;
}

ApiError busy() {
  return {409,
          "invalid_request_error",
          "conversation_busy",
          "",
          "An answer is being written in this conversation. Stop it, or wait for it.",
          {{"x-should-retry", "false"}}};
}

base::Result<chat::Conversations::Turn> ask(const Call& call) {
  TRY(const json::Value body, call.json_body());
  TRY(const std::string content, read_string(body, "content", true));
  TRY(const std::string model, read_model(call, body));
  // Null is a branch at the root; absent is below the newest message.
  const json::Value* given = body.find("parent_id");
  const bool at_root = given != nullptr && given->is_null();
  TRY(std::string parent, read_string(body, "parent_id", false));
  if (at_root) parent = chat::Conversations::kRoot;
  return call.app->conversations.ask(call.caller.user_id, call.parameters[0], content, model,
                                     parent);
}

base::Result<chat::Conversations::Turn> ask_again(const Call& call) {
  TRY(const json::Value body, call.json_body());
  TRY(const std::string message_id, read_string(body, "message_id", true));
  TRY(const std::string model, read_model(call, body));
  chat::Conversations::Turn turn;
  TRY(turn.assistant, call.app->conversations.regenerate(call.caller.user_id, call.parameters[0],
                                                         message_id, model));
  turn.user.id = turn.assistant.parent_id;
  return turn;
}

void list_conversations(const Call& call) {
  chat::Conversations::Cursor after;
  int64_t limit = 100;
  for (const net::Header& parameter : net::parse_query(call.request().query)) {
    if (parameter.name == "limit")
      limit = std::clamp<int64_t>(std::atoll(parameter.value.c_str()), 1, 100);
    if (parameter.name != "after") continue;
    const auto last = call.app->conversations.get(call.caller.user_id, parameter.value);
    if (!last) return call.fail(last.error());
    after = {last->updated, last->id};
  }
  const auto list = call.app->conversations.list(call.caller.user_id, limit, after);
  if (!list) return call.fail(list.error());
  json::Array data;
  for (const chat::Conversation& conversation : *list)
    data.push_back(conversation_json(conversation));
  const bool has_more = static_cast<int64_t>(data.size()) == limit;
  call.respond_json(
      json::Object{{"object", "list"}, {"data", std::move(data)}, {"has_more", has_more}});
}

void create_conversation(const Call& call) {
  std::string title;
  if (!call.request().body.empty()) {
    const auto body = call.json_body();
    if (!body) return call.fail(body.error());
    auto given = read_string(*body, "title", false);
    if (!given) return call.fail(given.error());
    title = *std::move(given);
  }
  const auto conversation = call.app->conversations.create(call.caller.user_id, title);
  if (!conversation) return call.fail(conversation.error());
  call.respond(json_response(201, conversation_json(*conversation)));
}

void get_conversation(const Call& call) {
  const auto conversation = call.app->conversations.get(call.caller.user_id, call.parameters[0]);
  if (!conversation) return call.fail(conversation.error());
  const auto messages = call.app->conversations.messages(call.caller.user_id, call.parameters[0]);
  if (!messages) return call.fail(messages.error());
  json::Array list;
  for (const chat::Message& message : *messages) list.push_back(message_json(message));
  json::Value body = conversation_json(*conversation);
  body.set("messages", std::move(list));
  call.respond_json(body);
}

void rename_conversation(const Call& call) {
  const auto body = call.json_body();
  if (!body) return call.fail(body.error());
  const auto title = read_string(*body, "title", true);
  if (!title) return call.fail(title.error());
  const std::string& id = call.parameters[0];
  if (const base::Status status = call.app->conversations.rename(call.caller.user_id, id, *title);
      !status) {
    return call.fail(status.error());
  }
  const auto conversation = call.app->conversations.get(call.caller.user_id, id);
  if (!conversation) return call.fail(conversation.error());
  call.respond_json(conversation_json(*conversation));
}

// Ends the answer under way, if there is one.
bool stop_answer(const Call& call) {
  const auto live = call.app->generations.find(call.parameters[0], call.caller.user_id);
  if (!live || live->ended()) return false;
  live->cancel();
  return true;
}

void delete_conversation(const Call& call) {
  stop_answer(call);
  if (const base::Status status =
          call.app->conversations.remove(call.caller.user_id, call.parameters[0]);
      !status) {
    return call.fail(status.error());
  }
  call.respond({204, {}, ""});
}

// What is asked becomes the answer to stream; one at a time in a conversation.
void answer(const Call& call, base::Result<chat::Conversations::Turn> (*ask_it)(const Call&)) {
  const std::string& conversation_id = call.parameters[0];
  const auto place =
      std::make_shared<LiveAnswer>(call.caller.user_id, crypto::random_id("answer_"));
  if (!call.app->generations.add(conversation_id, place))
    return call.respond(error_response(busy()));
  auto turn = ask_it(call);
  if (!turn) {
    call.app->generations.forget(conversation_id);
    return call.fail(turn.error());
  }
  start_page_answer(call, turn->assistant, turn->user.id, place);
}

void create_message(const Call& call) { answer(call, ask); }

void regenerate_message(const Call& call) { answer(call, ask_again); }

void stop_generation(const Call& call) {
  const auto conversation = call.app->conversations.get(call.caller.user_id, call.parameters[0]);
  if (!conversation) return call.fail(conversation.error());
  call.respond_json(json::Object{{"stopped", stop_answer(call)}});
}

// The events of the answer under way, or of the last one that ended a moment ago, behind the one
// that the page has seen: a reload, a lost connection and a second device go on from there.
void follow_conversation(const Call& call) {
  const auto conversation = call.app->conversations.get(call.caller.user_id, call.parameters[0]);
  if (!conversation) return call.fail(conversation.error());
  const auto live = call.app->generations.find(call.parameters[0], call.caller.user_id);
  if (!live) return call.respond({204, {}, ""});
  std::string seen(call.request().header("last-event-id"));
  for (const net::Header& parameter : net::parse_query(call.request().query)) {
    if (parameter.name == "after") seen = parameter.value;
  }
  call.begin_events();
  if (!live->log().follow(call.exchange, number_in_page_event_id(seen, *live)))
    call.exchange->abort();
}

constexpr size_t kBodyBytesMax = 2u << 20;

constexpr Route kRoutes[] = {
    {.method = "GET",
     .pattern = "/api/conversations",
     .auth = Auth::Session,
     .blocks = true,
     .handle = list_conversations,
     .summary = "lists conversations"},
    {.method = "POST",
     .pattern = "/api/conversations",
     .auth = Auth::Session,
     .blocks = true,
     .body_bytes_max = kBodyBytesMax,
     .handle = create_conversation,
     .summary = "starts one"},
    {.method = "GET",
     .pattern = "/api/conversations/{id}",
     .auth = Auth::Session,
     .blocks = true,
     .handle = get_conversation,
     .summary = "one with its messages"},
    {.method = "PATCH",
     .pattern = "/api/conversations/{id}",
     .auth = Auth::Session,
     .blocks = true,
     .body_bytes_max = kBodyBytesMax,
     .handle = rename_conversation,
     .summary = "renames it"},
    {.method = "DELETE",
     .pattern = "/api/conversations/{id}",
     .auth = Auth::Session,
     .blocks = true,
     .body_bytes_max = kBodyBytesMax,
     .handle = delete_conversation,
     .summary = "deletes it"},
    {.method = "POST",
     .pattern = "/api/conversations/{id}/messages",
     .auth = Auth::Session,
     .blocks = true,
     .body_bytes_max = kBodyBytesMax,
     .handle = create_message,
     .summary = "asks, and streams the answer"},
    {.method = "POST",
     .pattern = "/api/conversations/{id}/regenerate",
     .auth = Auth::Session,
     .blocks = true,
     .body_bytes_max = kBodyBytesMax,
     .handle = regenerate_message,
     .summary = "answers again, as a sibling"},
    {.method = "GET",
     .pattern = "/api/conversations/{id}/stream",
     .auth = Auth::Session,
     .blocks = true,
     .handle = follow_conversation,
     .summary = "follows the answer under way, from where the page had come to"},
    {.method = "POST",
     .pattern = "/api/conversations/{id}/stop",
     .auth = Auth::Session,
     .blocks = true,
     .body_bytes_max = kBodyBytesMax,
     .handle = stop_generation,
     .summary = "ends the answer under way"},
};

}  // namespace

std::span<const Route> page_conversation_routes() { return kRoutes; }

}  // namespace api
