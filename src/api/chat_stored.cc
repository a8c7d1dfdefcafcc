// /v1/chat/completions/{id} and the list of them: answers that were kept with `store`.
#include "api/chat_stored.h"

#include <algorithm>

#include "api/lists.h"
#include "api/parameter.h"
#include "api/routes.h"
#include "objects/store.h"

namespace api {
namespace {

constexpr std::string_view kKind = "chat.completion";

// The parameters that OpenAI shows again with a stored answer.
constexpr std::string_view kShown[] = {"temperature",       "top_p",          "presence_penalty",
                                       "frequency_penalty", "seed",           "tools",
                                       "tool_choice",       "response_format"};

// The request's messages as GET …/messages shows them.
json::Array stored_messages(const json::Value& messages, const std::string& id) {
  json::Array out;
  for (const json::Value& message : messages.as_array()) {
    json::Value one = json::Object{{"id", id + "-" + std::to_string(out.size())}};
    for (const auto& [name, value] : message.as_object()) one.set(name, value);
    if (one["content"].is_array()) {
      one.set("content_parts", one["content"]);
      one.set("content", nullptr);
    }
    if (one.find("name") == nullptr) one.set("name", nullptr);
    out.push_back(std::move(one));
  }
  return out;
}

void list_completions(const Call& call) {
  auto query = read_list_query(call, kKind, {.ascending = true});
  const std::string model = query_parameter(call, "model");
  if (query && !model.empty()) query->equal.emplace_back("model", model);
  respond_page(call, query);
}

void get_completion(const Call& call) {
  const auto object = find_object(call, kKind, call.parameters[0]);
  if (!object) return call.fail(object.error());
  call.respond_json(shown(*object));
}

constexpr Field kUpdateFields[] = {{.name = "metadata", .kinds = kMap, .required = true}};
constexpr Schema kUpdate{"UpdateChatCompletionRequest", kUpdateFields};

void update_completion(const Call& call) {
  const auto body = call.json_body();
  if (!body) return call.fail(body.error());
  const std::string& id = call.parameters[0];
  const auto object = call.app->objects.update(kKind, call.caller.project_id, id,
                                               [&](json::Value& stored) -> base::Status {
                                                 stored.set("metadata", (*body)["metadata"]);
                                                 return {};
                                               });
  if (object) return call.respond_json(shown(*object));
  const bool absent = object.error().code == base::Code::NotFound;
  call.fail(absent ? no_such_object(kKind, id).error() : object.error());
}

void delete_completion(const Call& call) {
  const std::string& id = call.parameters[0];
  const base::Status removed = call.app->objects.remove(kKind, call.caller.project_id, id);
  if (removed) return call.respond_json(deleted_object_json(id, "chat.completion.deleted"));
  const bool absent = removed.error().code == base::Code::NotFound;
  call.fail(absent ? no_such_object(kKind, id).error() : removed.error());
}

// The messages that were asked with, a page of them.
base::Result<json::Value> message_page(const json::Array& all, const objects::Query& query) {
  json::Array list = all;
  if (!query.ascending) std::ranges::reverse(list);
  size_t begin = 0;
  if (!query.after.empty()) {
    const auto at = std::ranges::find_if(list, [&](const json::Value& message) {
      return message["id"] == json::Value(query.after);
    });
    if (at == list.end()) return no_such_object("chat.completion.message", query.after);
    begin = static_cast<size_t>(at - list.begin()) + 1;
  }
  const size_t end = std::min(list.size(), begin + static_cast<size_t>(query.limit));
  const json::Array data(list.begin() + static_cast<std::ptrdiff_t>(begin),
                         list.begin() + static_cast<std::ptrdiff_t>(end));
  return json::Object{{"object", "list"},
                      {"data", data},
                      {"first_id", data.empty() ? json::Value() : data.front()["id"]},
                      {"last_id", data.empty() ? json::Value() : data.back()["id"]},
                      {"has_more", end < list.size()}};
}

void list_messages(const Call& call) {
  const auto object = find_object(call, kKind, call.parameters[0]);
  if (!object) return call.fail(object.error());
  const auto query = read_list_query(call, kKind, {.ascending = true});
  if (!query) return call.fail(query.error());
  const auto page = message_page(object->body["_messages"].as_array(), *query);
  if (!page) return call.fail(page.error());
  call.respond_json(*page);
}

constexpr Route kRoutes[] = {
    {.method = "GET",
     .pattern = "/v1/chat/completions",
     .auth = Auth::Key,
     .scope = "responses.read",
     .blocks = true,
     .handle = list_completions,
     .summary = "lists the stored chat completions"},
    {.method = "GET",
     .pattern = "/v1/chat/completions/{id}",
     .auth = Auth::Key,
     .scope = "responses.read",
     .blocks = true,
     .handle = get_completion,
     .summary = "a stored chat completion"},
    {.method = "POST",
     .pattern = "/v1/chat/completions/{id}",
     .auth = Auth::Key,
     .scope = "responses.write",
     .blocks = true,
     .body_bytes_max = 1u << 20,
     .body = &kUpdate,
     .handle = update_completion,
     .summary = "changes the metadata of a stored chat completion"},
    {.method = "DELETE",
     .pattern = "/v1/chat/completions/{id}",
     .auth = Auth::Key,
     .scope = "responses.write",
     .blocks = true,
     .handle = delete_completion,
     .summary = "deletes a stored chat completion"},
    {.method = "GET",
     .pattern = "/v1/chat/completions/{id}/messages",
     .auth = Auth::Key,
     .scope = "responses.read",
     .blocks = true,
     .handle = list_messages,
     .summary = "the messages of a stored chat completion"},
};

}  // namespace

base::Status store_chat_completion(const Call& call, const json::Value& request,
                                   const std::string& answer) {
  TRY(json::Value body, json::parse(answer));
  const std::string id = body["id"].as_string();
  for (const std::string_view name : kShown) body.set(std::string(name), request[name]);
  body.set("input_user", request["user"]);
  const json::Value* metadata = find_parameter(request, "metadata");
  body.set("metadata", metadata != nullptr ? *metadata : json::Value(json::Object{}));
  body.set("request_id", call.request_id);
  body.set("_messages", stored_messages(request["messages"], id));
  return call.app->objects.insert({.kind = std::string(kKind),
                                   .id = id,
                                   .project_id = call.caller.project_id,
                                   .created = call.app->clock.now(),
                                   .body = std::move(body)});
}

std::span<const Route> stored_chat_routes() { return kRoutes; }

}  // namespace api
