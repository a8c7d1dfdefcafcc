// /v1/conversations: an ordered list of items under one id, which responses read and append to.
#include "api/errors.h"
#include "api/page_query.h"
#include "api/parameter.h"
#include "api/responses_items.h"
#include "api/responses_store.h"
#include "api/routes.h"
#include "crypto/random.h"

namespace api {
namespace {

constexpr size_t kItemsMax = 20;  // that one request may add

constexpr Field kCreateFields[] = {
    {.name = "items", .kinds = kArray, .max = kItemsMax, .elements = kObject},
    {.name = "metadata", .kinds = kMap},
};
constexpr Schema kCreateConversation{"CreateConversation", kCreateFields};
constexpr Field kUpdateFields[] = {
    {.name = "metadata", .kinds = kMap, .required = true},
};
constexpr Schema kUpdateConversation{"UpdateConversation", kUpdateFields};
constexpr Field kItemsFields[] = {
    {.name = "items",
     .kinds = kArray,
     .required = true,
     .min = 1,
     .max = kItemsMax,
     .elements = kObject},
};
constexpr Schema kCreateItems{"CreateConversationItems", kItemsFields};

json::Value conversation_json(const objects::Object& conversation) {
  return json::Object{{"id", conversation.id},
                      {"object", "conversation"},
                      {"created_at", conversation.created.seconds()},
                      {"metadata", conversation.body["metadata"]}};
}

base::Result<objects::Object> find_conversation(const Call& call) {
  return load_conversation(call.app->objects, call.caller.project_id, call.parameters[0]);
}

// Checks the items and appends them; they have ids afterwards.
base::Result<json::Array> add_items(const Call& call, const std::string& conversation_id,
                                    const json::Value& given) {
  TRY(json::Array items, check_items(given, "items", kItemsMax));
  TRY_VOID(resolve_items(call.app->objects, call.caller.project_id, &items));
  TRY_VOID(append_conversation_items(call.app->objects, call.caller.project_id, conversation_id,
                                     &items, call.app->clock.now()));
  return items;
}

base::Result<objects::Object> create(const Call& call) {
  json::Value body = json::Object{};
  if (!call.request().body.empty()) {
    TRY(body, call.json_body());
  }
  objects::Object conversation;
  conversation.kind = kConversationKind;
  conversation.id = crypto::random_id("conv_");
  conversation.project_id = call.caller.project_id;
  conversation.created = call.app->clock.now();
  const json::Value* metadata = find_parameter(body, "metadata");
  conversation.body =
      json::Object{{"metadata", metadata == nullptr ? json::Value(json::Object{}) : *metadata}};
  const json::Value* items = find_parameter(body, "items");
  if (items != nullptr) TRY_VOID(check_items(*items, "items", kItemsMax));
  TRY_VOID(call.app->objects.insert(conversation));
  if (items != nullptr) TRY_VOID(add_items(call, conversation.id, *items));
  return conversation;
}

void create_conversation(const Call& call) {
  const auto conversation = create(call);
  if (!conversation) return call.fail(conversation.error());
  call.respond_json(conversation_json(*conversation));
}

void get_conversation(const Call& call) {
  const auto conversation = find_conversation(call);
  if (!conversation) return call.fail(conversation.error());
  call.respond_json(conversation_json(*conversation));
}

void update_conversation(const Call& call) {
  const auto body = call.json_body();
  if (!body) return call.fail(body.error());
  if (const auto found = find_conversation(call); !found) return call.fail(found.error());
  const auto updated =
      call.app->objects.update(kConversationKind, call.caller.project_id, call.parameters[0],
                               [&](json::Value& stored) -> base::Status {
                                 stored.set("metadata", (*body)["metadata"]);
                                 return {};
                               });
  if (!updated) return call.fail(updated.error());
  call.respond_json(conversation_json(*updated));
}

void delete_conversation(const Call& call) {
  const std::string& id = call.parameters[0];
  if (const auto found = find_conversation(call); !found) return call.fail(found.error());
  objects::Store& store = call.app->objects;
  base::Status status = store.remove(kConversationKind, call.caller.project_id, id);
  if (status) status = store.remove_children(kConversationItemKind, call.caller.project_id, id);
  if (!status) return call.fail(status.error());
  call.respond_json(
      json::Object{{"id", id}, {"object", "conversation.deleted"}, {"deleted", true}});
}

void create_items(const Call& call) {
  const auto body = call.json_body();
  if (!body) return call.fail(body.error());
  if (const auto found = find_conversation(call); !found) return call.fail(found.error());
  auto items = add_items(call, call.parameters[0], (*body)["items"]);
  if (!items) return call.fail(items.error());
  call.respond_json(page_json(*std::move(items), false));
}

void list_items(const Call& call) {
  const auto query = read_page_query(call.request().query);
  if (!query) return call.fail(query.error());
  if (const auto found = find_conversation(call); !found) return call.fail(found.error());
  auto page = call.app->objects.list({.kind = std::string(kConversationItemKind),
                                      .project_id = call.caller.project_id,
                                      .parent_id = call.parameters[0],
                                      .limit = query->limit,
                                      .after = query->after,
                                      .before = query->before,
                                      .ascending = query->ascending});
  if (!page) return call.fail(page.error());
  json::Array data;
  for (objects::Object& item : page->data) data.push_back(std::move(item.body));
  call.respond_json(page_json(std::move(data), page->has_more));
}

base::Result<objects::Object> find_item(const Call& call) {
  TRY_VOID(find_conversation(call));
  const std::string& id = call.parameters[1];
  auto item = call.app->objects.get(kConversationItemKind, call.caller.project_id, id);
  if (item && item->parent_id == call.parameters[0]) return item;
  if (!item && item.error().code != base::Code::NotFound) return item;
  return base::fail(base::Code::NotFound,
                    "Conversation item with id '" + id.substr(0, 100) + "' not found.");
}

void get_item(const Call& call) {
  const auto item = find_item(call);
  if (!item) return call.fail(item.error());
  call.respond_json(item->body);
}

void delete_item(const Call& call) {
  if (const auto item = find_item(call); !item) return call.fail(item.error());
  const auto conversation = find_conversation(call);
  if (!conversation) return call.fail(conversation.error());
  const base::Status status =
      call.app->objects.remove(kConversationItemKind, call.caller.project_id, call.parameters[1]);
  if (!status) return call.fail(status.error());
  call.respond_json(conversation_json(*conversation));
}

constexpr size_t kBodyBytesMax = 16u << 20;

// A route of this group.
constexpr Route route(std::string_view method, std::string_view pattern, const Schema* body,
                      void (*handle)(const Call&), std::string_view summary) {
  return {.method = method,
          .pattern = pattern,
          .auth = Auth::Key,
          .scope = "model.request",
          .blocks = true,
          .body_bytes_max = kBodyBytesMax,
          .body = body,
          .handle = handle,
          .summary = summary};
}

constexpr Route kRoutes[] = {
    route("POST", "/v1/conversations", &kCreateConversation, create_conversation,
          "begins a conversation"),
    route("GET", "/v1/conversations/{conversation_id}", nullptr, get_conversation, "reads one"),
    route("POST", "/v1/conversations/{conversation_id}", &kUpdateConversation, update_conversation,
          "sets its metadata"),
    route("DELETE", "/v1/conversations/{conversation_id}", nullptr, delete_conversation,
          "deletes it with its items"),
    route("POST", "/v1/conversations/{conversation_id}/items", &kCreateItems, create_items,
          "appends items"),
    route("GET", "/v1/conversations/{conversation_id}/items", nullptr, list_items,
          "lists its items"),
    route("GET", "/v1/conversations/{conversation_id}/items/{item_id}", nullptr, get_item,
          "reads an item"),
    route("DELETE", "/v1/conversations/{conversation_id}/items/{item_id}", nullptr, delete_item,
          "deletes an item"),
};

}  // namespace

std::span<const Route> conversation_item_routes() { return kRoutes; }

}  // namespace api
