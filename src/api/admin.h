// What the administrative routes have in common: who acts, pages of lists, and the objects of
// OpenAI's admin API.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/routes.h"

namespace api {

identity::Actor actor_of(const Call& call);  // for the audit trail

// Sends the value, or the error.
void answer(const Call& call, const base::Result<json::Value>& result);
template <class T, class Render>
void answer(const Call& call, const base::Result<T>& found, const Render& render) {
  if (!found) return call.fail(found.error());
  answer(call, base::Result<json::Value>(render(*found)));
}

std::string query_text(const Call& call, std::string_view name);  // empty when absent
// "name=a&name=b" and "name[]=a&name[]=b".
std::vector<std::string> query_list(const Call& call, std::string_view name);
base::Result<int64_t> query_int(const Call& call, std::string_view name, int64_t default_value,
                                int64_t min, int64_t max);

// One page of `items`, which are newest first and have an "id": limit, after, before, order.
base::Result<json::Value> page_of(const Call& call, json::Array items);

json::Value seconds_or_null(const std::optional<base::Time>& time);
json::Value deletion_json(std::string_view object, std::string_view id);
std::unexpected<base::Error> no_item(std::string_view what, std::string_view id);

// Fields of a body that schema.h has checked already; absent and null give `absent`.
std::string text_field(const json::Value& body, std::string_view name,
                       std::string_view absent = "");
std::optional<int64_t> int_field(const json::Value& body, std::string_view name);

// What belongs to the caller's organisation; NotFound otherwise.
base::Result<identity::Project> project_of(const Call& call, std::string_view id);
base::Result<identity::User> user_of(const Call& call, std::string_view id);
base::Result<identity::Key> key_of(const Call& call, std::string_view id);

json::Value user_json(const identity::User& user);  // organization.user
json::Value key_json(const Call& call, const identity::Key& key);
// Of POST: the same with the secret, once, as "value".
json::Value new_key_json(const Call& call, const identity::NewKey& made);
base::Result<std::optional<base::Time>> expiry_field(const Call& call, const json::Value& body);

inline constexpr size_t kAdminBytesMax = 256u << 10;

// organization_projects.cc
void list_projects(const Call& call);
void create_project(const Call& call);
void get_project(const Call& call);
void update_project(const Call& call);
void archive_project(const Call& call);
void list_project_users(const Call& call);
void add_project_user(const Call& call);
void get_project_user(const Call& call);
void update_project_user(const Call& call);
void remove_project_user(const Call& call);
void list_service_accounts(const Call& call);
void create_service_account(const Call& call);
void get_service_account(const Call& call);
void remove_service_account(const Call& call);
extern const Schema kProjectBody, kProjectUserBody, kRoleBody, kServiceAccountBody;

// organization_people.cc
void list_users(const Call& call);
void get_user(const Call& call);
void update_user(const Call& call);
void remove_user(const Call& call);
void create_sign_in_link(const Call& call);
void list_invites(const Call& call);
void create_invite(const Call& call);
void get_invite(const Call& call);
void remove_invite(const Call& call);
extern const Schema kInviteBody;

// organization_keys.cc
void list_keys(const Call& call);
void create_key(const Call& call);
void get_key(const Call& call);
void revoke_key(const Call& call);
void change_key(const Call& call);
void rotate_key(const Call& call);
void list_project_keys(const Call& call);
void get_project_key(const Call& call);
void revoke_project_key(const Call& call);
void list_admin_keys(const Call& call);
void create_admin_key(const Call& call);
void get_admin_key(const Call& call);
void revoke_admin_key(const Call& call);
extern const Schema kKeyBody, kAdminKeyBody, kKeyChangeBody, kRotateBody;

// organization_refunds.cc
void create_refund(const Call& call);
extern const Schema kRefundBody;

// organization_limits.cc
void list_limits(const Call& call);
void set_limits(const Call& call);
void list_rate_limits(const Call& call);
void set_rate_limit(const Call& call);
void get_spend_limit(const Call& call);
void set_spend_limit(const Call& call);
void remove_spend_limit(const Call& call);
extern const Schema kLimitsBody, kRateLimitBody, kSpendLimitBody;

// organization_usage.cc
void get_usage(const Call& call);
void get_costs(const Call& call);

// organization_audit.cc
void list_audit_logs(const Call& call);

}  // namespace api
