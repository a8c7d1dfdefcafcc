// /v1/organization/audit_logs.
#include "api/admin.h"

namespace api {
namespace {

json::Value actor_json(const Call& call, const identity::Actor& actor) {
  const auto found = call.app->identity.find_user(actor.user_id);
  const json::Value user = json::Object{
      {"id", actor.user_id}, {"email", found ? json::Value(found->email) : json::Value()}};
  switch (actor.kind) {
    case identity::ActorKind::Key:
      return json::Object{
          {"type", "api_key"},
          {"api_key", json::Object{{"id", actor.id}, {"type", "user"}, {"user", user}}},
          {"ip_address", actor.address}};
    case identity::ActorKind::Session:
      return json::Object{{"type", "session"},
                          {"session", json::Object{{"user", user},
                                                   {"ip_address", actor.address},
                                                   {"user_agent", actor.agent}}}};
    case identity::ActorKind::Local:
    case identity::ActorKind::System:
      break;
  }
  return json::Object{{"type", actor_kind_name(actor.kind)}};
}

json::Value event_json(const Call& call, const identity::AuditEvent& event) {
  const auto project = call.app->identity.find_project(event.project_id);
  json::Value project_value;
  if (project) project_value = json::Object{{"id", project->id}, {"name", project->name}};
  return json::Object{{"object", "organization.audit_log"},
                      {"id", event.id},
                      {"type", event.type},
                      {"effective_at", event.at.seconds()},
                      {"project", std::move(project_value)},
                      {"actor", actor_json(call, event.actor)},
                      {event.type, json::Object{{"id", event.subject}, {"data", event.details}}},
                      {"request_id", event.actor.request_id}};
}

// effective_at[gt], [gte], [lt], [lte], in whole seconds.
base::Status set_times(const Call& call, identity::AuditQuery* query) {
  constexpr int64_t kSecondsMax = INT64_MAX / 1'000'000'000 - 1;
  for (const char* bound : {"gt", "gte", "lt", "lte"}) {
    const std::string name = "effective_at[" + std::string(bound) + "]";
    TRY(const int64_t seconds, query_int(call, name, -1, 0, kSecondsMax));
    if (seconds < 0) continue;
    const bool from = bound[0] == 'g', inclusive = bound[2] == 'e';
    // An event of second s lies in [s, s + 1).
    const int64_t edge = from == inclusive ? seconds : seconds + 1;
    auto& side = from ? query->after_time : query->before_time;
    side = base::Time{edge * 1'000'000'000};
  }
  return {};
}

base::Result<json::Value> audit_page(const Call& call) {
  identity::AuditQuery query;
  query.org_id = call.caller.org_id;
  TRY(query.limit, query_int(call, "limit", 20, 1, 100));
  query.types = query_list(call, "event_types");
  query.project_ids = query_list(call, "project_ids");
  query.actor_ids = query_list(call, "actor_ids");
  query.subjects = query_list(call, "resource_ids");
  query.after = query_text(call, "after"), query.before = query_text(call, "before");
  TRY_VOID(set_times(call, &query));
  TRY(const auto page, call.app->identity.audit(query));
  json::Array data;
  for (const identity::AuditEvent& event : page.events) data.push_back(event_json(call, event));
  json::Value first, last;
  if (!page.events.empty()) first = page.events.front().id, last = page.events.back().id;
  return json::Object{{"object", "list"},
                      {"data", std::move(data)},
                      {"first_id", std::move(first)},
                      {"last_id", std::move(last)},
                      {"has_more", page.has_more}};
}

}  // namespace

void list_audit_logs(const Call& call) { answer(call, audit_page(call)); }

}  // namespace api
