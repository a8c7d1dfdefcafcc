// /api/account: a signed-in person's passkeys, authenticator app, sessions, keys, usage and limits;
// and the table of all routes of signing in.
#include "api/account.h"

#include <algorithm>

#include "api/admin.h"
#include "journal/ledger.h"

namespace api {
namespace {

using identity::Key;

json::Value passkey_json(const identity::Passkey& passkey) {
  return json::Object{{"id", passkey.id},
                      {"name", passkey.name},
                      {"created_at", passkey.created.seconds()},
                      {"last_used_at", seconds_or_null(passkey.last_used)}};
}

json::Value session_json(const Call& call, const identity::Session& session) {
  return json::Object{{"id", session.id},
                      {"agent", session.agent},
                      {"method", session.method},
                      {"created_at", session.created.seconds()},
                      {"last_seen_at", session.last_seen.seconds()},
                      {"expires_at", session.expires.seconds()},
                      {"current", session.id == call.caller.session_id}};
}

bool is_own(const Call& call, const Key& key) {
  return key.user_id == call.caller.user_id && !key.revoked;
}

void get_account(const Call& call) {
  const identity::Identity& identity = call.app->identity;
  const std::string& user_id = call.caller.user_id;
  const auto user = identity.find_user(user_id);
  if (!user) return call.fail({base::Code::NotFound, "this user no longer exists", {}, {}, {}});
  json::Array passkeys, sessions, projects;
  for (const identity::Passkey& passkey : identity.passkeys(user_id))
    passkeys.push_back(passkey_json(passkey));
  for (const identity::Session& session : identity.sessions(user_id))
    sessions.push_back(session_json(call, session));
  for (const identity::Project& project : identity.projects(user->org_id))
    if (identity.may_use(user_id, project.id))
      projects.emplace_back(json::Object{{"id", project.id}, {"name", project.name}});
  answer(call,
         json::Value(json::Object{{"user", json::Object{{"id", user->id},
                                                        {"name", user->name},
                                                        {"email", user->email},
                                                        {"role", role_name(user->role)}}},
                                  {"totp", identity.has_totp(user_id)},
                                  {"recovery_codes_left", identity.recovery_codes_left(user_id)},
                                  {"passkeys", std::move(passkeys)},
                                  {"sessions", std::move(sessions)},
                                  {"projects", std::move(projects)}}));
}

void rename_account(const Call& call) {
  const auto body = call.json_body();
  if (!body) return call.fail(body.error());
  const base::Status renamed = call.app->identity.rename_user(
      call.caller.user_id, text_field(*body, "name"), actor_of(call));
  if (!renamed) return call.fail(renamed.error());
  get_account(call);
}

void begin_passkey(const Call& call) {
  answer(call, call.app->identity.begin_passkey_registration(call.caller.user_id,
                                                             party_of(call.request())));
}

void add_passkey(const Call& call) {
  const auto body = call.json_body();
  if (!body) return call.fail(body.error());
  answer(call,
         call.app->identity.finish_passkey_registration(
             call.caller.user_id, text_field(*body, "name"), (*body)["credential"],
             party_of(call.request()), actor_of(call)),
         passkey_json);
}

void finish(const Call& call, const base::Status& status) {
  if (!status) return call.fail(status.error());
  call.respond({204, {}, ""});
}

void remove_passkey(const Call& call) {
  finish(call, call.app->identity.remove_passkey(call.caller.user_id, call.parameters[0],
                                                 actor_of(call)));
}

void begin_totp(const Call& call) {
  answer(call, call.app->identity.begin_totp(call.caller.user_id),
         [](const identity::Identity::TotpSetup& setup) {
           return json::Object{{"secret", setup.seed_base32.reveal()}, {"uri", setup.uri.reveal()}};
         });
}

void confirm_totp(const Call& call) {
  const auto body = call.json_body();
  if (!body) return call.fail(body.error());
  answer(call,
         call.app->identity.confirm_totp(call.caller.user_id, text_field(*body, "code"),
                                         actor_of(call)),
         [](const std::vector<base::Secret>& codes) {
           json::Array list;
           for (const base::Secret& code : codes) list.emplace_back(code.reveal());
           return json::Object{{"recovery_codes", std::move(list)}};
         });
}

void remove_totp(const Call& call) {
  finish(call, call.app->identity.remove_totp(call.caller.user_id, actor_of(call)));
}

void end_session(const Call& call) {
  const auto sessions = call.app->identity.sessions(call.caller.user_id);
  const bool own = std::ranges::any_of(
      sessions, [&](const identity::Session& session) { return session.id == call.parameters[0]; });
  if (!own) return call.fail(no_item("session", call.parameters[0]).error());
  finish(call, call.app->identity.end_session(call.parameters[0], actor_of(call)));
}

void end_other_sessions(const Call& call) {
  finish(call, call.app->identity.end_all_sessions(call.caller.user_id, call.caller.session_id,
                                                   actor_of(call)));
}

void list_own_keys(const Call& call) {
  json::Array data;
  for (const Key& key : call.app->identity.keys(call.caller.org_id))
    if (is_own(call, key)) data.push_back(key_json(call, key));
  std::ranges::reverse(data);
  answer(call, page_of(call, std::move(data)));
}

base::Result<json::Value> made_own_key(const Call& call) {
  TRY(const json::Value body, call.json_body());
  identity::KeyRequest request;
  request.owner_id = call.caller.user_id;
  request.name = text_field(body, "name");
  request.project_id = text_field(body, "project_id", call.caller.project_id);
  if (body["scopes"].is_array())
    for (const json::Value& scope : body["scopes"].as_array())
      if (scope.is_string()) request.scopes.push_back(scope.as_string());
  TRY(request.expires, expiry_field(call, body));
  TRY(const identity::NewKey made, call.app->identity.create_key(request, actor_of(call)));
  return new_key_json(call, made);
}

void create_own_key(const Call& call) { answer(call, made_own_key(call)); }

void revoke_own_key(const Call& call) {
  const auto key = call.app->identity.find_key(call.parameters[0]);
  if (!key || !is_own(call, *key)) return call.fail(no_item("API key", call.parameters[0]).error());
  finish(call, call.app->identity.revoke_key(key->id, actor_of(call)));
}

money::Scope scope_of(identity::ScopeKind kind) {
  switch (kind) {
    case identity::ScopeKind::Organisation:
      return money::Scope::Organisation;
    case identity::ScopeKind::Project:
      return money::Scope::Project;
    case identity::ScopeKind::User:
      return money::Scope::User;
    case identity::ScopeKind::Key:
      return money::Scope::Key;
  }
  return money::Scope::Organisation;
}

// The budgets that this person is under, with what is spent and when they begin anew.
json::Array budgets_json(const Call& call) {
  json::Array budgets;
  if (!call.caller.limits) return budgets;
  const base::Time now = call.app->clock.now();
  for (const identity::ScopeLimits& row : call.caller.limits->rows) {
    const bool by_model = !row.model.empty();
    const money::Scope all_models = scope_of(row.kind);
    const money::Scope scope = by_model ? money::with_model(all_models) : all_models;
    const std::string id = by_model ? row.id + "/" + row.model : row.id;
    const std::pair<money::Period, const std::optional<money::Amount>*> caps[] = {
        {money::Period::Day, &row.budgets.per_day},
        {money::Period::Month, &row.budgets.per_month},
        {money::Period::Total, &row.budgets.total}};
    for (const auto& [period, cap] : caps) {
      if (!*cap) continue;
      const money::BudgetUse use = call.app->ledger.budget_use(scope, id, period);
      budgets.emplace_back(
          json::Object{{"scope", scope_kind_name(row.kind)},
                       {"model", row.model},
                       {"period", period_name(period)},
                       {"cap_usd", (*cap)->in_usd()},
                       {"spent_usd", use.spent.in_usd()},
                       {"held_usd", use.held.in_usd()},
                       {"resets_at", seconds_or_null(money::period_end(period, now))}});
    }
  }
  return budgets;
}

json::Array rates_json(const Call& call) {
  json::Array rates;
  if (!call.caller.limits) return rates;
  for (const identity::ScopeLimits& row : call.caller.limits->rows) {
    const std::pair<const char*, const std::optional<int64_t>*> counts[] = {
        {"requests_per_minute", &row.rates.requests_per_minute},
        {"tokens_per_minute", &row.rates.tokens_per_minute},
        {"requests_per_day", &row.rates.requests_per_day},
        {"tokens_per_day", &row.rates.tokens_per_day}};
    for (const auto& [unit, count] : counts)
      if (*count)
        rates.emplace_back(json::Object{{"scope", scope_kind_name(row.kind)},
                                        {"model", row.model},
                                        {"unit", unit},
                                        {"limit", **count}});
  }
  return rates;
}

json::Object totals_json(const journal::UsageTotals& sums) {
  return {{"requests", sums.requests},
          {"input_tokens", sums.prompt_tokens},
          {"output_tokens", sums.completion_tokens},
          {"cost_usd", sums.amount.in_usd()}};
}

base::Result<json::Value> own_usage(const Call& call) {
  TRY(const int64_t days, query_int(call, "days", 30, 1, 180));
  constexpr int64_t kDaySeconds = 24 * 3600;
  journal::BucketQuery query;
  query.org_id = call.caller.org_id;
  query.user_ids = {call.caller.user_id};
  query.to = call.app->clock.now() + base::seconds(1);
  query.from = query.to + base::seconds(-(days - 1) * kDaySeconds);
  query.limit = days;
  TRY(const journal::UsagePage page, call.app->ledger.usage_buckets(query));
  json::Array list;
  for (const journal::UsageBucket& bucket : page.buckets) {
    json::Object day =
        totals_json(bucket.groups.empty() ? journal::UsageTotals() : bucket.groups.front().sums);
    day.emplace_back("start_time", bucket.start.seconds());
    list.emplace_back(std::move(day));
  }
  TRY(const journal::UsageTotals all,
      call.app->ledger.usage_totals(
          {.org_id = call.caller.org_id, .user_id = call.caller.user_id, .from = query.from}));
  return json::Object{{"days", std::move(list)},
                      {"total", totals_json(all)},
                      {"balance_usd", call.app->ledger.available(call.caller.account).in_usd()},
                      {"budgets", budgets_json(call)},
                      {"rates", rates_json(call)}};
}

void get_own_usage(const Call& call) { answer(call, own_usage(call)); }

constexpr Route route(std::string_view method, std::string_view pattern, Auth auth,
                      void (*handle)(const Call&), std::string_view summary) {
  return {.method = method,
          .pattern = pattern,
          .auth = auth,
          .blocks = true,
          .body_bytes_max = method == "GET" ? 0 : kAdminBytesMax,
          .handle = handle,
          .summary = summary};
}

constexpr Route kRoutes[] = {
    route("GET", "/api/account/sign_in_methods", Auth::None, list_sign_in_methods,
          "the ways to sign in"),
    route("POST", "/api/account/second_factor", Auth::Page, enter_second_factor,
          "takes the code of an authenticator app"),
    route("POST", "/api/account/passkeys/sign_in/begin", Auth::Page, begin_passkey_sign_in,
          "a challenge to sign in with a passkey"),
    route("POST", "/api/account/passkeys/sign_in", Auth::Page, finish_passkey_sign_in,
          "signs in with a passkey"),
    route("POST", "/api/account/invitation", Auth::Page, read_invitation, "whom a link invites"),
    route("POST", "/api/account/invitation/accept", Auth::Page, accept_invitation,
          "accepts an invitation"),
    route("GET", "/api/account/oidc/start", Auth::None, start_oidc, "goes to the sign-in provider"),
    route("GET", "/api/account/oidc/callback", Auth::None, finish_oidc,
          "comes back from the sign-in provider"),
    route("GET", "/api/account", Auth::Session, get_account,
          "who is signed in: passkeys, sessions, projects"),
    route("PATCH", "/api/account", Auth::Session, rename_account, "changes one's name"),
    route("POST", "/api/account/passkeys/begin", Auth::Session, begin_passkey,
          "a challenge to add a passkey"),
    route("POST", "/api/account/passkeys", Auth::Session, add_passkey, "adds a passkey"),
    route("DELETE", "/api/account/passkeys/{id}", Auth::Session, remove_passkey,
          "removes a passkey"),
    route("POST", "/api/account/totp", Auth::Session, begin_totp, "begins an authenticator app"),
    route("POST", "/api/account/totp/confirm", Auth::Session, confirm_totp,
          "confirms it: recovery codes, shown once"),
    route("DELETE", "/api/account/totp", Auth::Session, remove_totp, "removes it"),
    route("DELETE", "/api/account/sessions/{id}", Auth::Session, end_session, "ends a session"),
    route("POST", "/api/account/sessions/end_others", Auth::Session, end_other_sessions,
          "ends all sessions but this one"),
    route("GET", "/api/account/keys", Auth::Session, list_own_keys, "one's own API keys"),
    route("POST", "/api/account/keys", Auth::Session, create_own_key,
          "makes one: the secret is shown once"),
    route("DELETE", "/api/account/keys/{id}", Auth::Session, revoke_own_key, "revokes one"),
    route("GET", "/api/account/usage", Auth::Session, get_own_usage,
          "one's own usage, limits and budgets"),
};

}  // namespace

std::span<const Route> account_routes() { return kRoutes; }

}  // namespace api
