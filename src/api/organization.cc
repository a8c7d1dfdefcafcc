// The table of /v1/organization: what an operator does, by admin key, by the page of an owner or
// admin, or by the command line through DATA/control.sock.
#include "api/admin.h"

namespace api {
namespace {

constexpr std::string_view kScope = "api.admin", kUsageScope = "usage.read";

constexpr Route get(std::string_view pattern, void (*handle)(const Call&), std::string_view summary,
                    std::string_view scope = kScope) {
  return {.method = "GET",
          .pattern = pattern,
          .auth = Auth::Admin,
          .scope = scope,
          .blocks = true,
          .handle = handle,
          .summary = summary};
}

constexpr Route change(std::string_view method, std::string_view pattern, const Schema* body,
                       void (*handle)(const Call&), std::string_view summary) {
  return {.method = method,
          .pattern = pattern,
          .auth = Auth::Admin,
          .scope = kScope,
          .blocks = true,
          .body_bytes_max = kAdminBytesMax,
          .body = body,
          .handle = handle,
          .summary = summary};
}

const Route kRoutes[] = {
    get("/v1/organization/projects", list_projects, "lists the projects"),
    change("POST", "/v1/organization/projects", &kProjectBody, create_project, "makes a project"),
    get("/v1/organization/projects/{id}", get_project, "one project"),
    change("POST", "/v1/organization/projects/{id}", &kProjectBody, update_project,
           "renames a project"),
    change("POST", "/v1/organization/projects/{id}/archive", nullptr, archive_project,
           "archives a project: its keys end"),
    get("/v1/organization/projects/{id}/users", list_project_users, "the members of a project"),
    change("POST", "/v1/organization/projects/{id}/users", &kProjectUserBody, add_project_user,
           "adds a member to a project"),
    get("/v1/organization/projects/{id}/users/{user}", get_project_user, "one member of a project"),
    change("POST", "/v1/organization/projects/{id}/users/{user}", &kRoleBody, update_project_user,
           "changes a member's role"),
    change("DELETE", "/v1/organization/projects/{id}/users/{user}", nullptr, remove_project_user,
           "takes a member out of a project"),
    get("/v1/organization/projects/{id}/service_accounts", list_service_accounts,
        "the service accounts of a project"),
    change("POST", "/v1/organization/projects/{id}/service_accounts", &kServiceAccountBody,
           create_service_account, "makes a service account and its first key"),
    get("/v1/organization/projects/{id}/service_accounts/{account}", get_service_account,
        "one service account"),
    change("DELETE", "/v1/organization/projects/{id}/service_accounts/{account}", nullptr,
           remove_service_account, "removes a service account and its keys"),
    get("/v1/organization/projects/{id}/api_keys", list_project_keys, "the keys of a project"),
    get("/v1/organization/projects/{id}/api_keys/{key}", get_project_key, "one key of a project"),
    change("DELETE", "/v1/organization/projects/{id}/api_keys/{key}", nullptr, revoke_project_key,
           "revokes a key of a project"),
    get("/v1/organization/projects/{id}/rate_limits", list_rate_limits,
        "the rate limits of a project"),
    change("POST", "/v1/organization/projects/{id}/rate_limits/{limit}", &kRateLimitBody,
           set_rate_limit, "changes the rate limits of a project"),
    get("/v1/organization/projects/{id}/spend_limit", get_spend_limit,
        "the monthly budget of a project"),
    change("POST", "/v1/organization/projects/{id}/spend_limit", &kSpendLimitBody, set_spend_limit,
           "sets the monthly budget of a project"),
    change("DELETE", "/v1/organization/projects/{id}/spend_limit", nullptr, remove_spend_limit,
           "removes the monthly budget of a project"),
    get("/v1/organization/users", list_users, "lists the users"),
    get("/v1/organization/users/{id}", get_user, "one user"),
    change("POST", "/v1/organization/users/{id}", &kRoleBody, update_user, "changes a user's role"),
    change("DELETE", "/v1/organization/users/{id}", nullptr, remove_user,
           "removes a user with sessions and keys"),
    change("POST", "/v1/organization/users/{id}/sign_in_link", nullptr, create_sign_in_link,
           "makes a link that signs a user in once"),
    get("/v1/organization/invites", list_invites, "lists the invitations"),
    change("POST", "/v1/organization/invites", &kInviteBody, create_invite,
           "invites somebody: the link is shown once"),
    get("/v1/organization/invites/{id}", get_invite, "one invitation"),
    change("DELETE", "/v1/organization/invites/{id}", nullptr, remove_invite,
           "withdraws an invitation"),
    get("/v1/organization/api_keys", list_keys, "lists the keys of every kind"),
    change("POST", "/v1/organization/api_keys", &kKeyBody, create_key,
           "makes a key: the secret is shown once"),
    get("/v1/organization/api_keys/{id}", get_key, "one key"),
    change("POST", "/v1/organization/api_keys/{id}", &kKeyChangeBody, change_key,
           "changes a key's name, or the models that it may ask for"),
    change("DELETE", "/v1/organization/api_keys/{id}", nullptr, revoke_key,
           "revokes a key at once"),
    change("POST", "/v1/organization/api_keys/{id}/rotate", &kRotateBody, rotate_key,
           "gives a key a new secret; the old one ends later"),
    get("/v1/organization/admin_api_keys", list_admin_keys, "lists the admin keys"),
    change("POST", "/v1/organization/admin_api_keys", &kAdminKeyBody, create_admin_key,
           "makes an admin key: the secret is shown once"),
    get("/v1/organization/admin_api_keys/{id}", get_admin_key, "one admin key"),
    change("DELETE", "/v1/organization/admin_api_keys/{id}", nullptr, revoke_admin_key,
           "revokes an admin key"),
    get("/v1/organization/limits", list_limits, "limits and budgets of every scope"),
    change("POST", "/v1/organization/limits", &kLimitsBody, set_limits,
           "sets limits and budgets of a scope"),
    get("/v1/organization/spend_limit", get_spend_limit, "the monthly budget of the organization"),
    change("POST", "/v1/organization/spend_limit", &kSpendLimitBody, set_spend_limit,
           "sets the monthly budget of the organization"),
    change("DELETE", "/v1/organization/spend_limit", nullptr, remove_spend_limit,
           "removes the monthly budget of the organization"),
    get("/v1/organization/usage/{kind}", get_usage, "what was used, by buckets of time",
        kUsageScope),
    get("/v1/organization/costs", get_costs, "what it cost, by buckets of time", kUsageScope),
    change("POST", "/v1/organization/refunds", &kRefundBody, create_refund,
           "gives a request's charge back"),
    get("/v1/organization/audit_logs", list_audit_logs, "who did what, when and from where"),
};

}  // namespace

std::span<const Route> organization_routes() { return kRoutes; }

}  // namespace api
