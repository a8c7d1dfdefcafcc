// /v1/chat/completions/{id} and the list of them: answers that were kept with `store`.
#include "api/chat_stored.h"

#include "api/parameter.h"
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

}  // namespace api
