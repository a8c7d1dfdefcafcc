// /v1/organization/projects, their users and their service accounts.
#include <algorithm>

#include "api/admin.h"

namespace api {
namespace {

using identity::Project;
using identity::ProjectRole;
using identity::ServiceAccount;

constexpr std::string_view kProjectRoles[] = {"member", "owner"};
constexpr Field kProjectFields[] = {
    {.name = "name", .kinds = kString, .required = true, .min = 1, .max = 200},
    {.name = "external_key_id", .kinds = kString},
    {.name = "geography", .kinds = kString},
    {.name = "residency", .kinds = kString}};
constexpr Field kProjectUserFields[] = {
    {.name = "role", .kinds = kString, .required = true, .values = kProjectRoles},
    {.name = "user_id", .kinds = kString},
    {.name = "email", .kinds = kString}};
constexpr Field kRoleFields[] = {{.name = "role", .kinds = kString, .required = true}};
constexpr Field kServiceAccountFields[] = {
    {.name = "name", .kinds = kString, .required = true, .min = 1, .max = 200},
    {.name = "role", .kinds = kString, .values = kProjectRoles},
    {.name = "create_service_account_only", .kinds = kBoolean},
    {.name = "expires_in_seconds", .kinds = kInteger, .min = 1, .max = 3'153'600'000}};

json::Value project_json(const Project& project) {
  return json::Object{{"id", project.id},
                      {"object", "organization.project"},
                      {"name", project.name},
                      {"created_at", project.created.seconds()},
                      {"archived_at", seconds_or_null(project.archived)},
                      {"status", project.archived ? "archived" : "active"}};
}

json::Value member_json(const identity::User& user, ProjectRole role, base::Time added) {
  return json::Object{{"object", "organization.project.user"},
                      {"id", user.id},
                      {"name", user.name},
                      {"email", user.email.empty() ? json::Value() : json::Value(user.email)},
                      {"role", project_role_name(role)},
                      {"added_at", added.seconds()}};
}

base::Result<json::Value> find_member(const Call& call, const Project& project,
                                      std::string_view user_id) {
  for (const identity::Member& member : call.app->identity.members(project.id)) {
    if (member.user_id != user_id) continue;
    TRY(const identity::User user, user_of(call, user_id));
    return member_json(user, member.role, member.added);
  }
  return no_item("user of this project", user_id);
}

json::Value account_json(const ServiceAccount& account) {
  return json::Object{{"object", "organization.project.service_account"},
                      {"id", account.id},
                      {"name", account.name},
                      {"role", project_role_name(account.role)},
                      {"created_at", account.created.seconds()}};
}

base::Result<ServiceAccount> account_of(const Call& call) {
  TRY(const Project project, project_of(call, call.parameters[0]));
  auto account = call.app->identity.find_service_account(call.parameters[1]);
  if (!account || account->removed || account->project_id != project.id)
    return no_item("service account", call.parameters[1]);
  return *std::move(account);
}

base::Result<json::Value> made_project(const Call& call) {
  TRY(const json::Value body, call.json_body());
  TRY(const Project project, call.app->identity.create_project(
                                 call.caller.org_id, text_field(body, "name"), actor_of(call)));
  return project_json(project);
}

base::Result<json::Value> updated_project(const Call& call) {
  TRY(const Project project, project_of(call, call.parameters[0]));
  TRY(const json::Value body, call.json_body());
  TRY_VOID(call.app->identity.rename_project(project.id, text_field(body, "name"), actor_of(call)));
  return project_json(*call.app->identity.find_project(project.id));
}

base::Result<json::Value> archived_project(const Call& call) {
  TRY(const Project project, project_of(call, call.parameters[0]));
  TRY_VOID(call.app->identity.archive_project(project.id, actor_of(call)));
  return project_json(*call.app->identity.find_project(project.id));
}

base::Result<json::Value> listed_members(const Call& call) {
  TRY(const Project project, project_of(call, call.parameters[0]));
  json::Array data;
  for (const identity::Member& member : call.app->identity.members(project.id)) {
    TRY(const identity::User user, user_of(call, member.user_id));
    data.push_back(member_json(user, member.role, member.added));
  }
  std::ranges::reverse(data);
  return page_of(call, std::move(data));
}

// By id, or by the address that the user has.
base::Result<identity::User> named_user(const Call& call, const json::Value& body) {
  const std::string id = text_field(body, "user_id"), email = text_field(body, "email");
  if (!id.empty()) return user_of(call, id);
  for (identity::User& user : call.app->identity.users(call.caller.org_id))
    if (!email.empty() && user.email == email) return std::move(user);
  if (!email.empty()) return no_item("user", email);
  return refuse_parameter("missing_required_parameter", "user_id",
                          "Missing required parameter: 'user_id'.");
}

base::Result<json::Value> set_member(const Call& call, bool is_new) {
  TRY(const Project project, project_of(call, call.parameters[0]));
  TRY(const json::Value body, call.json_body());
  TRY(const ProjectRole role, identity::parse_project_role(text_field(body, "role")));
  if (!is_new) TRY_VOID(find_member(call, project, call.parameters[1]));
  TRY(const identity::User user,
      is_new ? named_user(call, body) : user_of(call, call.parameters[1]));
  TRY_VOID(call.app->identity.set_member(project.id, user.id, role, actor_of(call)));
  return find_member(call, project, user.id);
}

base::Result<json::Value> found_member(const Call& call) {
  TRY(const Project project, project_of(call, call.parameters[0]));
  return find_member(call, project, call.parameters[1]);
}

base::Result<json::Value> removed_member(const Call& call) {
  TRY(const Project project, project_of(call, call.parameters[0]));
  TRY_VOID(find_member(call, project, call.parameters[1]));
  TRY_VOID(call.app->identity.remove_member(project.id, call.parameters[1], actor_of(call)));
  return deletion_json("organization.project.user", call.parameters[1]);
}

base::Result<json::Value> listed_accounts(const Call& call) {
  TRY(const Project project, project_of(call, call.parameters[0]));
  json::Array data;
  for (const ServiceAccount& account : call.app->identity.service_accounts(project.id))
    data.push_back(account_json(account));
  std::ranges::reverse(data);
  return page_of(call, std::move(data));
}

base::Result<json::Value> made_account(const Call& call) {
  TRY(const Project project, project_of(call, call.parameters[0]));
  TRY(const json::Value body, call.json_body());
  TRY(const ProjectRole role, identity::parse_project_role(text_field(body, "role", "member")));
  TRY(const std::optional<base::Time> expires, expiry_field(call, body));
  TRY(const ServiceAccount account,
      call.app->identity.create_service_account(project.id, text_field(body, "name"), role,
                                                actor_of(call)));
  json::Value out = account_json(account);
  const json::Value& only = body["create_service_account_only"];
  if (only.is_bool() && only.as_bool()) {
    out.set("api_key", nullptr);
    return out;
  }
  TRY(const identity::NewKey made,
      call.app->identity.create_key(
          {identity::KeyKind::Service, account.id, project.id, "Secret Key", {}, expires},
          actor_of(call)));
  out.set("api_key", json::Object{{"object", "organization.project.service_account.api_key"},
                                  {"value", made.secret.reveal()},
                                  {"name", made.key.name},
                                  {"created_at", made.key.created.seconds()},
                                  {"expires_at", seconds_or_null(made.key.expires)},
                                  {"id", made.key.id}});
  return out;
}

base::Result<json::Value> removed_account(const Call& call) {
  TRY(const ServiceAccount account, account_of(call));
  TRY_VOID(call.app->identity.remove_service_account(account.id, actor_of(call)));
  return deletion_json("organization.project.service_account", account.id);
}

}  // namespace

const Schema kProjectBody{"ProjectRequest", kProjectFields};
const Schema kProjectUserBody{"ProjectUserRequest", kProjectUserFields};
const Schema kRoleBody{"RoleRequest", kRoleFields};
const Schema kServiceAccountBody{"ServiceAccountRequest", kServiceAccountFields};

void list_projects(const Call& call) {
  const bool archived = query_text(call, "include_archived") == "true";
  json::Array data;
  for (const Project& project : call.app->identity.projects(call.caller.org_id))
    if (archived || !project.archived) data.push_back(project_json(project));
  std::ranges::reverse(data);
  answer(call, page_of(call, std::move(data)));
}

void get_project(const Call& call) {
  answer(call, project_of(call, call.parameters[0]), project_json);
}
void create_project(const Call& call) { answer(call, made_project(call)); }
void update_project(const Call& call) { answer(call, updated_project(call)); }
void archive_project(const Call& call) { answer(call, archived_project(call)); }

void list_project_users(const Call& call) { answer(call, listed_members(call)); }
void add_project_user(const Call& call) { answer(call, set_member(call, true)); }
void update_project_user(const Call& call) { answer(call, set_member(call, false)); }
void get_project_user(const Call& call) { answer(call, found_member(call)); }
void remove_project_user(const Call& call) { answer(call, removed_member(call)); }

void list_service_accounts(const Call& call) { answer(call, listed_accounts(call)); }
void create_service_account(const Call& call) { answer(call, made_account(call)); }
void get_service_account(const Call& call) { answer(call, account_of(call), account_json); }
void remove_service_account(const Call& call) { answer(call, removed_account(call)); }

}  // namespace api
