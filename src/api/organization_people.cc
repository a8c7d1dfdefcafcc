// /v1/organization/users and /invites.
#include <algorithm>

#include "api/admin.h"

namespace api {
namespace {

using identity::Invitation;
using identity::Role;
using identity::User;

constexpr std::string_view kProjectRoles[] = {"member", "owner"};
constexpr std::string_view kRoles[] = {"reader", "member", "admin", "owner"};
constexpr Field kGrantFields[] = {
    {.name = "id", .kinds = kString, .required = true},
    {.name = "role", .kinds = kString, .required = true, .values = kProjectRoles}};
const Schema kGrantBody{"InviteProject", kGrantFields};
const Field kInviteFields[] = {
    {.name = "email", .kinds = kString, .summary = "empty: whoever has the link"},
    {.name = "role", .kinds = kString, .required = true, .values = kRoles},
    {.name = "projects", .kinds = kArray, .max = 100, .schema = &kGrantBody, .elements = kObject},
    {.name = "expires_in_seconds", .kinds = kInteger, .min = 60, .max = 30 * 24 * 3600}};

std::string_view shown_role(Role role) { return role == Role::Member ? "reader" : role_name(role); }

json::Value text_or_null(const std::string& text) {
  return text.empty() ? json::Value() : json::Value(text);
}

json::Value invite_json(const Call& call, const Invitation& invitation) {
  json::Array projects;
  for (const identity::ProjectGrant& grant : invitation.projects)
    projects.emplace_back(
        json::Object{{"id", grant.project_id}, {"role", project_role_name(grant.role)}});
  return json::Object{{"object", "organization.invite"},
                      {"id", invitation.id},
                      {"email", invitation.email},
                      {"role", shown_role(invitation.role)},
                      {"status", invitation.status(call.app->clock.now())},
                      {"created_at", invitation.created.seconds()},
                      {"expires_at", invitation.expires.seconds()},
                      {"accepted_at", seconds_or_null(invitation.accepted)},
                      {"projects", std::move(projects)}};
}

base::Result<Invitation> invite_of(const Call& call) {
  auto invitation = call.app->identity.find_invitation(call.parameters[0]);
  if (!invitation || invitation->org_id != call.caller.org_id)
    return no_item("invite", call.parameters[0]);
  return *std::move(invitation);
}

// Only an owner makes owners, and only an owner unmakes them.
base::Status may_give(const Call& call, Role role) {
  if (role != Role::Owner || call.caller.role == Role::Owner) return {};
  return base::fail(base::Code::PermissionDenied, "Only an owner may do this to an owner.", "role");
}

base::Result<json::Value> updated_user(const Call& call) {
  TRY(const User user, user_of(call, call.parameters[0]));
  TRY(const json::Value body, call.json_body());
  TRY(const Role role, identity::parse_role(text_field(body, "role")));
  TRY_VOID(may_give(call, std::max(role, user.role)));
  TRY_VOID(call.app->identity.set_role(user.id, role, actor_of(call)));
  return user_json(*call.app->identity.find_user(user.id));
}

base::Result<json::Value> removed_user(const Call& call) {
  TRY(const User user, user_of(call, call.parameters[0]));
  TRY_VOID(may_give(call, user.role));
  TRY_VOID(call.app->identity.remove_user(user.id, actor_of(call)));
  return deletion_json("organization.user", user.id);
}

base::Result<json::Value> made_link(const Call& call) {
  TRY(const User user, user_of(call, call.parameters[0]));
  TRY_VOID(may_give(call, user.role));
  TRY(const base::Secret token, call.app->identity.create_owner_link(user.id, actor_of(call)));
  return json::Object{{"object", "organization.user.sign_in_link"},
                      {"user_id", user.id},
                      {"path", "/signin?token=" + std::string(token.reveal())}};
}

base::Result<json::Value> made_invite(const Call& call) {
  TRY(const json::Value body, call.json_body());
  identity::Identity::InvitationRequest request;
  request.org_id = call.caller.org_id;
  request.email = text_field(body, "email");
  TRY(request.role, identity::parse_role(text_field(body, "role")));
  TRY_VOID(may_give(call, request.role));
  if (const auto life = int_field(body, "expires_in_seconds")) request.life = base::seconds(*life);
  if (body["projects"].is_array()) {
    for (const json::Value& grant : body["projects"].as_array()) {
      TRY(const identity::ProjectRole role,
          identity::parse_project_role(text_field(grant, "role")));
      request.projects.push_back({text_field(grant, "id"), role});
    }
  }
  TRY(const auto made, call.app->identity.invite(request, actor_of(call)));
  json::Value out = invite_json(call, made.invitation);
  out.set("path", "/invite?token=" + std::string(made.token.reveal()));
  return out;
}

base::Result<json::Value> removed_invite(const Call& call) {
  TRY(const Invitation invitation, invite_of(call));
  TRY_VOID(call.app->identity.withdraw_invitation(invitation.id, actor_of(call)));
  return deletion_json("organization.invite", invitation.id);
}

}  // namespace

const Schema kInviteBody{"InviteRequest", kInviteFields};

json::Value user_json(const User& user) {
  return json::Object{{"object", "organization.user"},
                      {"id", user.id},
                      {"name", user.name},
                      {"email", text_or_null(user.email)},
                      {"role", shown_role(user.role)},
                      {"added_at", user.created.seconds()}};
}

void list_users(const Call& call) {
  const auto emails = query_list(call, "emails");
  json::Array data;
  for (const User& user : call.app->identity.users(call.caller.org_id))
    if (emails.empty() || std::ranges::find(emails, user.email) != emails.end())
      data.push_back(user_json(user));
  std::ranges::reverse(data);
  answer(call, page_of(call, std::move(data)));
}

void get_user(const Call& call) { answer(call, user_of(call, call.parameters[0]), user_json); }
void update_user(const Call& call) { answer(call, updated_user(call)); }
void remove_user(const Call& call) { answer(call, removed_user(call)); }
void create_sign_in_link(const Call& call) { answer(call, made_link(call)); }

void list_invites(const Call& call) {
  json::Array data;
  for (const Invitation& invitation : call.app->identity.invitations(call.caller.org_id))
    data.push_back(invite_json(call, invitation));
  std::ranges::reverse(data);
  answer(call, page_of(call, std::move(data)));
}
void create_invite(const Call& call) { answer(call, made_invite(call)); }
void get_invite(const Call& call) {
  answer(call, invite_of(call), [&](const Invitation& one) { return invite_json(call, one); });
}
void remove_invite(const Call& call) { answer(call, removed_invite(call)); }

}  // namespace api
