// API keys: /v1/organization/api_keys (of every kind, Charter's own), projects/{p}/api_keys and
// admin_api_keys (as OpenAI has them).
#include <algorithm>

#include "api/admin.h"

namespace api {
namespace {

using identity::Key;
using identity::KeyKind;

constexpr std::string_view kKinds[] = {"user", "project", "service_account", "admin"};
constexpr double kLifeSecondsMax = 3'153'600'000;  // a hundred years
constexpr Field kKeyFields[] = {
    {.name = "name", .kinds = kString, .required = true, .min = 1, .max = 200},
    {.name = "kind", .kinds = kString, .values = kKinds},
    {.name = "project_id", .kinds = kString, .summary = "absent: the first project"},
    {.name = "owner_id", .kinds = kString, .summary = "a user or service account; absent: you"},
    {.name = "scopes", .kinds = kArray, .max = 50, .elements = kString},
    {.name = "allowed_models",
     .kinds = kArray,
     .max = 100,
     .elements = kString,
     .summary = "absent or empty: all"},
    {.name = "expires_in_seconds", .kinds = kInteger, .min = 1, .max = kLifeSecondsMax}};
constexpr Field kAdminKeyFields[] = {
    {.name = "name", .kinds = kString, .required = true, .min = 1, .max = 200},
    {.name = "expires_in_seconds", .kinds = kInteger, .min = 1, .max = kLifeSecondsMax}};
constexpr Field kChangeFields[] = {{.name = "name", .kinds = kString, .min = 1, .max = 200},
                                   {.name = "allowed_models",
                                    .kinds = kArray,
                                    .max = 100,
                                    .elements = kString,
                                    .summary = "absent: as before; empty: all"}};
constexpr Field kRotateFields[] = {
    {.name = "grace_seconds", .kinds = kInteger, .min = 0, .max = 30 * 24 * 3600}};
constexpr int64_t kGraceSeconds = 24 * 3600;

std::string_view object_of(const Key& key) {
  return key.kind == KeyKind::Admin ? "organization.admin_api_key" : "organization.project.api_key";
}

json::Value owner_json(const Call& call, const Key& key) {
  if (key.kind == KeyKind::Service) {
    const auto account = call.app->identity.find_service_account(key.user_id);
    return json::Object{
        {"type", "service_account"},
        {"service_account",
         json::Object{{"object", "organization.project.service_account"},
                      {"id", key.user_id},
                      {"name", account ? json::Value(account->name) : json::Value()},
                      {"role", account ? project_role_name(account->role) : "member"},
                      {"created_at", account ? account->created.seconds() : 0}}}};
  }
  const auto user = call.app->identity.find_user(key.user_id);
  json::Value shown = user ? user_json(*user) : json::Value(json::Object{{"id", key.user_id}});
  if (user) shown.set("created_at", user->created.seconds());
  if (key.kind == KeyKind::Admin) {
    shown.set("type", "user");
    return shown;
  }
  return json::Object{{"type", "user"}, {"user", std::move(shown)}};
}

bool is_dead(const Call& call, const Key& key) {
  return key.revoked || (key.expires && *key.expires <= call.app->clock.now());
}

// The organisation's keys that `fits` picks, newest first. Revoked ones are left out unless asked
// for, as OpenAI's API forgets them.
base::Result<json::Value> listed(const Call& call, const std::function<bool(const Key&)>& fits) {
  const bool all = query_text(call, "include_revoked") == "true";
  json::Array data;
  for (const Key& key : call.app->identity.keys(call.caller.org_id))
    if (fits(key) && (all || !key.revoked)) data.push_back(key_json(call, key));
  std::ranges::reverse(data);
  return page_of(call, std::move(data));
}

base::Result<json::Value> revoked(const Call& call, const base::Result<Key>& key) {
  if (!key) return std::unexpected(key.error());
  TRY_VOID(call.app->identity.revoke_key(key->id, actor_of(call)));
  return deletion_json(object_of(*key), key->id);
}

base::Result<Key> project_key(const Call& call) {
  TRY(const identity::Project project, project_of(call, call.parameters[0]));
  TRY(Key key, key_of(call, call.parameters[1]));
  if (key.project_id != project.id || key.revoked) return no_item("API key", call.parameters[1]);
  return key;
}

base::Result<Key> admin_key(const Call& call) {
  TRY(Key key, key_of(call, call.parameters[0]));
  if (key.kind != KeyKind::Admin || key.revoked) return no_item("API key", call.parameters[0]);
  return key;
}

std::vector<std::string> texts_of(const json::Value& list) {
  std::vector<std::string> out;
  if (list.is_array())
    for (const json::Value& item : list.as_array()) out.push_back(item.as_string());
  return out;
}

base::Result<json::Value> made(const Call& call, std::optional<KeyKind> kind) {
  TRY(const json::Value body, call.json_body());
  identity::KeyRequest request;
  TRY(request.kind, kind ? base::Result<KeyKind>(*kind)
                         : identity::parse_key_kind(text_field(body, "kind", "user")));
  request.name = text_field(body, "name");
  request.owner_id = text_field(body, "owner_id", call.caller.user_id);
  request.project_id = text_field(body, "project_id");
  if (request.project_id.empty() && request.kind != KeyKind::Admin)
    request.project_id = call.app->identity.projects(call.caller.org_id).front().id;
  if (!request.project_id.empty()) TRY_VOID(project_of(call, request.project_id));
  request.scopes = texts_of(body["scopes"]);
  request.models = texts_of(body["allowed_models"]);
  TRY(request.expires, expiry_field(call, body));
  TRY(const identity::NewKey key, call.app->identity.create_key(request, actor_of(call)));
  return new_key_json(call, key);
}

base::Result<json::Value> changed(const Call& call) {
  TRY(const Key key, key_of(call, call.parameters[0]));
  TRY(const json::Value body, call.json_body());
  identity::KeyChange change;
  if (body["name"].is_string()) change.name = body["name"].as_string();
  if (body["allowed_models"].is_array()) change.models = texts_of(body["allowed_models"]);
  TRY(const Key now, call.app->identity.change_key(key.id, change, actor_of(call)));
  return key_json(call, now);
}

base::Result<json::Value> rotated(const Call& call) {
  TRY(const Key key, key_of(call, call.parameters[0]));
  TRY(const json::Value body, call.json_body());
  const int64_t grace = int_field(body, "grace_seconds").value_or(kGraceSeconds);
  TRY(const identity::NewKey made,
      call.app->identity.rotate_key(key.id, base::seconds(grace), actor_of(call)));
  return new_key_json(call, made);
}

}  // namespace

const Schema kKeyBody{"ApiKeyRequest", kKeyFields};
const Schema kAdminKeyBody{"AdminApiKeyRequest", kAdminKeyFields};
const Schema kKeyChangeBody{"ApiKeyChange", kChangeFields};
const Schema kRotateBody{"RotateApiKeyRequest", kRotateFields};

json::Value key_json(const Call& call, const Key& key) {
  json::Array scopes, models;
  for (const std::string& scope : key.scopes) scopes.emplace_back(scope);
  for (const std::string& model : key.models) models.emplace_back(model);
  const json::Value project = key.project_id.empty() ? json::Value() : json::Value(key.project_id);
  return json::Object{{"object", object_of(key)},
                      {"id", key.id},
                      {"name", key.name},
                      {"redacted_value", key.redacted},
                      {"kind", key_kind_name(key.kind)},
                      {"project_id", project},
                      {"owner", owner_json(call, key)},
                      {"owner_project_access", is_dead(call, key) ? "inactive" : "active"},
                      {"scopes", std::move(scopes)},
                      {"allowed_models", std::move(models)},
                      {"created_at", key.created.seconds()},
                      {"last_used_at", seconds_or_null(key.last_used)},
                      {"expires_at", seconds_or_null(key.expires)},
                      {"revoked_at", seconds_or_null(key.revoked)},
                      {"old_secret_until", seconds_or_null(key.old_secret_until)}};
}

json::Value new_key_json(const Call& call, const identity::NewKey& made) {
  json::Value out = key_json(call, made.key);
  out.set("value", made.secret.reveal());
  return out;
}

void list_keys(const Call& call) {
  const std::string kind = query_text(call, "kind"), project = query_text(call, "project_id");
  answer(call, listed(call, [&](const Key& key) {
           return (kind.empty() || kind == key_kind_name(key.kind)) &&
                  (project.empty() || project == key.project_id);
         }));
}
void create_key(const Call& call) { answer(call, made(call, {})); }
void get_key(const Call& call) {
  answer(call, key_of(call, call.parameters[0]),
         [&](const Key& key) { return key_json(call, key); });
}
void change_key(const Call& call) { answer(call, changed(call)); }
void revoke_key(const Call& call) { answer(call, revoked(call, key_of(call, call.parameters[0]))); }
void rotate_key(const Call& call) { answer(call, rotated(call)); }

void list_project_keys(const Call& call) {
  const auto project = project_of(call, call.parameters[0]);
  if (!project) return call.fail(project.error());
  answer(call, listed(call, [&](const Key& key) { return key.project_id == project->id; }));
}
void get_project_key(const Call& call) {
  answer(call, project_key(call), [&](const Key& key) { return key_json(call, key); });
}
void revoke_project_key(const Call& call) { answer(call, revoked(call, project_key(call))); }

void list_admin_keys(const Call& call) {
  answer(call, listed(call, [](const Key& key) { return key.kind == KeyKind::Admin; }));
}
void create_admin_key(const Call& call) { answer(call, made(call, KeyKind::Admin)); }
void get_admin_key(const Call& call) {
  answer(call, admin_key(call), [&](const Key& key) { return key_json(call, key); });
}
void revoke_admin_key(const Call& call) { answer(call, revoked(call, admin_key(call))); }

}  // namespace api
