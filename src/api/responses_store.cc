#include "api/responses_store.h"

#include <algorithm>
#include <utility>

#include "api/errors.h"
#include "api/responses_items.h"
#include "crypto/random.h"

namespace api {
namespace {

using base::Result;
using base::Status;

constexpr int64_t kPageMax = 100;
constexpr size_t kChainMax = 1000;
constexpr size_t kConversationItemsMax = 10'000;
constexpr base::Duration kResponseLife = base::seconds(30 * 24 * 3600);
constexpr base::Duration kEventsLife = base::seconds(24 * 3600);

std::unexpected<base::Error> response_not_found(std::string_view id) {
  return base::fail(base::Code::NotFound,
                    "Response with id '" + std::string(id.substr(0, 100)) + "' not found.");
}

bool is_not_found(const base::Error& error) { return error.code == base::Code::NotFound; }

json::Value body_of(const StoredResponse& stored) {
  const std::string& status = stored.response["status"].as_string();
  const bool running = status == "queued" || status == "in_progress";
  return json::Object{{"state", running ? "running" : "ended"},
                      {"response", stored.response},
                      {"input", stored.input}};
}

objects::Object item_row(const StoredResponse& stored, const json::Value& item, base::Time now) {
  return {.kind = std::string(kResponseItemKind),
          .id = item["id"].as_string(),
          .project_id = stored.project_id,
          .parent_id = stored.response["id"].as_string(),
          .created = now,
          .expires = now + kResponseLife,
          .body = json::Object{}};
}

// An item that a client fed back has its row already.
void add_item_rows(const objects::Store& store, const StoredResponse& stored,
                   const json::Array& items, base::Time now, std::vector<objects::Object>* rows) {
  for (const json::Value& item : items) {
    const std::string& id = item["id"].as_string();
    const bool known = store.get(kResponseItemKind, stored.project_id, id).has_value() ||
                       std::ranges::find(*rows, id, &objects::Object::id) != rows->end();
    if (!known) rows->push_back(item_row(stored, item, now));
  }
}

const json::Value* find_by_id(const json::Array& items, std::string_view id) {
  for (const json::Value& item : items) {
    if (item["id"].is_string() && item["id"].as_string() == id) return &item;
  }
  return nullptr;
}

Result<json::Value> load_item(const objects::Store& store, std::string_view project_id,
                              const std::string& id) {
  if (const auto row = store.get(kResponseItemKind, project_id, id)) {
    const auto parent = load_response(store, project_id, row->parent_id);
    if (parent) {
      const json::Value* item = find_by_id(parent->response["output"].as_array(), id);
      if (item == nullptr) item = find_by_id(parent->input, id);
      if (item != nullptr) return *item;
    }
  } else if (!is_not_found(row.error())) {
    return std::unexpected(row.error());
  }
  auto kept = store.get(kConversationItemKind, project_id, id);
  if (kept) return std::move(kept->body);
  if (!is_not_found(kept.error())) return std::unexpected(kept.error());
  return base::fail(base::Code::NotFound, "Item with id '" + id.substr(0, 100) + "' not found.",
                    "input");
}

bool has_item(const objects::Store& store, std::string_view project_id, const std::string& id) {
  return store.get(kResponseItemKind, project_id, id).has_value() ||
         store.get(kConversationItemKind, project_id, id).has_value();
}

void set_id(json::Value* item, std::string id) {
  if (json::Value* member = item->find("id")) {
    *member = std::move(id);
    return;
  }
  json::Object& members = item->as_object();
  members.emplace(members.begin(), "id", std::move(id));
}

std::unexpected<base::Error> previous_not_found(const std::string& id) {
  return refuse_parameter("previous_response_not_found", "previous_response_id",
                          "Previous response with id '" + id.substr(0, 100) + "' not found.");
}

}  // namespace

Result<StoredResponse> load_response(const objects::Store& store, std::string_view project_id,
                                     std::string_view id) {
  auto object = store.get(kResponseKind, project_id, id);
  if (!object) {
    if (is_not_found(object.error())) return response_not_found(id);
    return std::unexpected(std::move(object).error());
  }
  return StoredResponse{std::string(project_id), object->body["response"],
                        object->body["input"].as_array()};
}

Status insert_response(objects::Store& store, const StoredResponse& stored, base::Time now) {
  std::vector<objects::Object> rows;
  rows.push_back({.kind = std::string(kResponseKind),
                  .id = stored.response["id"].as_string(),
                  .project_id = stored.project_id,
                  .created = now,
                  .expires = now + kResponseLife,
                  .body = body_of(stored)});
  add_item_rows(store, stored, stored.input, now, &rows);
  add_item_rows(store, stored, stored.response["output"].as_array(), now, &rows);
  return store.insert(std::move(rows));
}

Status finish_response(objects::Store& store, const StoredResponse& stored, base::Time now) {
  const std::string& id = stored.response["id"].as_string();
  TRY_VOID(store.update(kResponseKind, stored.project_id, id, [&](json::Value& body) -> Status {
    body = body_of(stored);
    return {};
  }));
  std::vector<objects::Object> rows;
  add_item_rows(store, stored, stored.response["output"].as_array(), now, &rows);
  if (rows.empty()) return {};
  return store.insert(std::move(rows));
}

Status remove_response(objects::Store& store, std::string_view project_id, std::string_view id) {
  auto removed = store.remove(kResponseKind, project_id, id);
  if (!removed) {
    if (is_not_found(removed.error())) return response_not_found(id);
    return removed;
  }
  TRY_VOID(store.remove_children(kResponseItemKind, project_id, id));
  return store.remove_children(kResponseEventsKind, project_id, id);
}

Result<json::Array> load_chain(const objects::Store& store, std::string_view project_id,
                               const std::string& id) {
  std::vector<StoredResponse> chain;  // newest first
  std::string next = id;
  while (!next.empty()) {
    auto found = load_response(store, project_id, next);
    if (!found && is_not_found(found.error())) return previous_not_found(next);
    if (!found) return std::unexpected(std::move(found).error());
    const std::string& status = found->response["status"].as_string();
    if (status == "queued" || status == "in_progress") {
      return refuse_parameter("", "previous_response_id",
                              "Response with id '" + next + "' is still " + status +
                                  ": wait for its end before you continue from it.");
    }
    if (chain.size() == kChainMax) {
      return refuse_parameter("", "previous_response_id",
                              "More than 1000 responses stand before this one: begin a new chain.");
    }
    const json::Value& previous = found->response["previous_response_id"];
    next = previous.is_string() ? previous.as_string() : "";
    chain.push_back(*std::move(found));
  }
  json::Array items;
  for (auto link = chain.rbegin(); link != chain.rend(); ++link) {
    const json::Array& output = link->response["output"].as_array();
    items.insert(items.end(), link->input.begin(), link->input.end());
    items.insert(items.end(), output.begin(), output.end());
  }
  return items;
}

Status resolve_items(const objects::Store& store, std::string_view project_id, json::Array* items) {
  for (json::Value& item : *items) {
    const json::Value id = item["id"];
    if (is_item_reference(item)) {
      TRY(item, load_item(store, project_id, id.as_string()));
    } else if (!id.is_string() || !has_item(store, project_id, id.as_string())) {
      set_id(&item, new_item_id(item));
    }
  }
  return {};
}

Result<objects::Object> load_conversation(const objects::Store& store, std::string_view project_id,
                                          std::string_view id) {
  auto found = store.get(kConversationKind, project_id, id);
  if (!found && is_not_found(found.error())) {
    return base::fail(base::Code::NotFound,
                      "Conversation with id '" + std::string(id.substr(0, 100)) + "' not found.");
  }
  return found;
}

Result<json::Array> load_conversation_items(const objects::Store& store,
                                            std::string_view project_id,
                                            const std::string& conversation_id) {
  json::Array items;
  objects::Query query{.kind = std::string(kConversationItemKind),
                       .project_id = std::string(project_id),
                       .parent_id = conversation_id,
                       .limit = kPageMax,
                       .ascending = true};
  while (true) {
    TRY(objects::Page page, store.list(query));
    for (objects::Object& object : page.data) items.push_back(std::move(object.body));
    if (!page.has_more || page.data.empty()) return items;
    query.after = page.data.back().id;
    if (items.size() > kConversationItemsMax) {
      return base::fail(base::Code::TooLarge,
                        "This conversation has more than 10000 items: begin another one.",
                        "conversation", "context_length_exceeded");
    }
  }
}

Status append_conversation_items(objects::Store& store, std::string_view project_id,
                                 const std::string& conversation_id, json::Array* items,
                                 base::Time now) {
  std::vector<objects::Object> rows;
  for (json::Value& item : *items) {
    const auto there = store.get(kConversationItemKind, project_id, item["id"].as_string());
    if (there && there->parent_id == conversation_id) continue;
    if (there) set_id(&item, new_item_id(item));  // the same item in another conversation
    rows.push_back({.kind = std::string(kConversationItemKind),
                    .id = item["id"].as_string(),
                    .project_id = std::string(project_id),
                    .parent_id = conversation_id,
                    .created = now,
                    .expires = {},
                    .body = item});
  }
  if (rows.empty()) return {};
  return store.insert(std::move(rows));
}

Status append_response_events(objects::Store& store, std::string_view project_id,
                              const std::string& response_id, int64_t first,
                              const std::vector<std::string>& events, base::Time now) {
  if (events.empty()) return {};
  json::Array list;
  for (const std::string& event : events) list.emplace_back(event);
  return store.insert({.kind = std::string(kResponseEventsKind),
                       .id = response_id + "." + std::to_string(first),
                       .project_id = std::string(project_id),
                       .parent_id = response_id,
                       .created = now,
                       .expires = now + kEventsLife,
                       .body = json::Object{{"first", first}, {"events", std::move(list)}}});
}

Result<StoredEvents> load_response_events(const objects::Store& store, std::string_view project_id,
                                          const std::string& response_id) {
  StoredEvents out;
  objects::Query query{.kind = std::string(kResponseEventsKind),
                       .project_id = std::string(project_id),
                       .parent_id = response_id,
                       .limit = kPageMax,
                       .ascending = true};
  while (true) {
    TRY(const objects::Page page, store.list(query));
    for (const objects::Object& object : page.data) {
      if (out.events.empty()) out.first = object.body["first"].as_int();
      for (const json::Value& event : object.body["events"].as_array())
        out.events.push_back(event.as_string());
    }
    if (!page.has_more || page.data.empty()) return out;
    query.after = page.data.back().id;
  }
}

Result<int64_t> fail_interrupted_responses(objects::Store& store) {
  TRY(const std::vector<objects::Object> running,
      store.find_all(kResponseKind, {{"state", "running"}}));
  for (const objects::Object& object : running) {
    TRY_VOID(
        store.update(kResponseKind, object.project_id, object.id, [](json::Value& body) -> Status {
          body.set("state", "ended");
          json::Value& response = *body.find("response");
          response.set("status", "failed");
          response.set("error",
                       json::Object{{"code", "server_error"},
                                    {"message", "The server stopped before this response ended."}});
          return {};
        }));
  }
  return static_cast<int64_t>(running.size());
}

}  // namespace api
