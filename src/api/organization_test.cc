// The administrative routes: who may call them, the objects of OpenAI's admin API, pages, and the
// page's own routes of signing in.
#include "api/routes.h"
#include "api/testing_server.h"
#include "identity/totp.h"

namespace api {
namespace {

using testing::ApiServer;
using testing::Reply;

class Organization : public ::testing::Test {
 protected:
  static ApiServer& server() {
    static ApiServer running;
    return running;
  }
  static const std::string& admin_key() {
    static const std::string key = secret(identity::KeyKind::Admin);
    return key;
  }
  static std::string secret(identity::KeyKind kind) {
    const auto& founding = server().founding();
    return std::string(server()
                           .identity()
                           .create_key({kind, founding.owner.id, founding.project.id, "k", {}, {}})
                           ->secret.reveal());
  }
  static Reply call(const std::string& method, const std::string& path,
                    const json::Value& body = {}, const std::string& key = admin_key()) {
    return server().request(method, "/v1/organization/" + path,
                            body.is_null() ? "" : json::dump(body),
                            "Authorization: Bearer " + key + "\r\n");
  }
  // A session's cookie and the headers of the page's own requests.
  static std::string page_headers(const std::string& user_id) {
    const auto link = server().identity().create_owner_link(user_id);
    const auto session = server().identity().redeem_owner_link(link->reveal(), "Browser");
    return headers_of(*session);
  }
  static std::string headers_of(const identity::NewSession& session) {
    return "Cookie: charter_session=" + std::string(session.token.reveal()) +
           "\r\nOrigin: http://127.0.0.1:" + std::to_string(server().port()) +
           "\r\nSec-Fetch-Site: same-origin\r\n";
  }
};

TEST_F(Organization, OnlyAdministratorsMayAdminister) {
  EXPECT_EQ(server().request("GET", "/v1/organization/projects").status, 401);
  EXPECT_EQ(call("GET", "projects").status, 200);
  EXPECT_EQ(call("GET", "projects", {}, server().key()).status, 200) << "the owner's own key";
  const Reply project = call("GET", "projects", {}, secret(identity::KeyKind::Project));
  EXPECT_EQ(project.status, 403);
  EXPECT_NE(project.error()["message"].as_string().find("api.admin"), std::string::npos);
  const auto member = server().identity().create_user(server().founding().organisation.id, "M",
                                                      identity::Role::Member);
  EXPECT_EQ(server().request("GET", "/v1/organization/users", "", page_headers(member->id)).status,
            403);
  const std::string owner = page_headers(server().founding().owner.id);
  EXPECT_EQ(server().request("GET", "/v1/organization/users", "", owner).status, 200);
  const std::string cookie = owner.substr(0, owner.find("\r\n") + 2);
  EXPECT_EQ(server()
                .request("POST", "/v1/organization/projects", R"({"name":"x"})",
                         cookie + "Origin: http://evil.example\r\n")
                .status,
            403);
  const Reply models =
      server().request("GET", "/v1/models", "", "Authorization: Bearer " + admin_key() + "\r\n");
  EXPECT_EQ(models.status, 403) << "an admin key opens the administration only";
}

TEST_F(Organization, EveryRouteIsDeniedToStrangers) {
  for (const Route* route : routes()) {
    if (route->auth != Auth::Admin) continue;
    std::string path(route->pattern);
    for (size_t at; (at = path.find('{')) != std::string::npos;)
      path.replace(at, path.find('}') - at + 1, "x");
    EXPECT_EQ(server().request(std::string(route->method), path, "{}").status, 401) << path;
  }
}

TEST_F(Organization, ProjectsAreMadePagedRenamedAndArchived) {
  const std::string before = call("GET", "projects?limit=1").json["first_id"].as_string();
  std::vector<std::string> ids;
  for (const char* name : {"One", "Two", "Three"}) {
    const Reply made = call("POST", "projects", json::Object{{"name", name}});
    ASSERT_EQ(made.status, 200) << made.body;
    EXPECT_EQ(made.json["object"].as_string(), "organization.project");
    EXPECT_EQ(made.json["status"].as_string(), "active");
    ids.push_back(made.json["id"].as_string());
  }
  const Reply first = call("GET", "projects?limit=2");
  EXPECT_EQ(first.json["data"].as_array().size(), 2u);
  EXPECT_TRUE(first.json["has_more"].as_bool());
  const Reply second = call("GET", "projects?limit=1&after=" + first.json["last_id"].as_string());
  EXPECT_NE(second.json["first_id"], first.json["last_id"]);
  EXPECT_EQ(call("GET", "projects?after=proj_none").status, 400);
  EXPECT_EQ(call("GET", "projects?limit=0").error()["code"].as_string(), "integer_below_min_value");
  EXPECT_EQ(call("POST", "projects/" + ids[0], json::Object{{"name", "Uno"}}).json["name"],
            json::Value("Uno"));
  EXPECT_EQ(call("POST", "projects/" + ids[0] + "/archive").json["status"],
            json::Value("archived"));
  for (const json::Value& project : call("GET", "projects?limit=100").json["data"].as_array())
    EXPECT_NE(project["id"], json::Value(ids[0]));
  EXPECT_EQ(call("POST", "projects", json::Object{{"name", 1}}).error()["code"].as_string(),
            "invalid_type");
  EXPECT_EQ(call("POST", "projects", json::Object{}).error()["code"].as_string(),
            "missing_required_parameter");
  EXPECT_EQ(call("GET", "projects/proj_none").status, 404);
  EXPECT_EQ(call("GET", "projects/" + before).status, 200);
}

TEST_F(Organization, AServiceAccountsKeyIsShownOnceAndEnds) {
  const std::string project =
      call("POST", "projects", json::Object{{"name", "P"}}).json["id"].as_string();
  const Reply made =
      call("POST", "projects/" + project + "/service_accounts", json::Object{{"name", "ci"}});
  ASSERT_EQ(made.status, 200) << made.body;
  const std::string value = made.json["api_key"]["value"].as_string();
  EXPECT_TRUE(value.starts_with("sk-svcacct-"));
  const std::string header = "Authorization: Bearer " + value + "\r\n";
  EXPECT_EQ(server().request("GET", "/v1/models", "", header).status, 200);
  const Reply keys = call("GET", "projects/" + project + "/api_keys");
  EXPECT_EQ(keys.json["data"].as_array().at(0)["owner"]["type"], json::Value("service_account"));
  EXPECT_EQ(keys.body.find(value), std::string::npos);
  const Reply gone =
      call("DELETE", "projects/" + project + "/service_accounts/" + made.json["id"].as_string());
  EXPECT_EQ(gone.json["object"], json::Value("organization.project.service_account.deleted"));
  EXPECT_EQ(server().request("GET", "/v1/models", "", header).status, 401);
}

TEST_F(Organization, ScopesHoldOnEveryRoute) {
  const Reply made = call("POST", "api_keys",
                          json::Object{{"name", "reader"}, {"scopes", json::Array{"model.read"}}});
  ASSERT_EQ(made.status, 200) << made.body;
  const std::string header = "Authorization: Bearer " + made.json["value"].as_string() + "\r\n";
  EXPECT_EQ(server().request("GET", "/v1/models", "", header).status, 200);
  const Reply refused =
      server().request("POST", "/v1/chat/completions", json::dump(testing::chat_body()), header);
  EXPECT_EQ(refused.status, 403);
  EXPECT_NE(refused.error()["message"].as_string().find("Missing scopes: model.request"),
            std::string::npos);
  for (const Route* route : routes())
    if (route->auth == Auth::Admin && route->method == "GET" &&
        route->pattern.find('{') == std::string_view::npos)
      EXPECT_EQ(server().request("GET", std::string(route->pattern), "", header).status, 403)
          << route->pattern;
  EXPECT_EQ(
      call("POST", "api_keys", json::Object{{"name", "x"}, {"scopes", json::Array{"all"}}}).status,
      400);
}

TEST_F(Organization, AKeyForUsageReadsUsageAndNothingElse) {
  const auto header = [&](json::Array scopes) {
    const Reply made =
        call("POST", "api_keys", json::Object{{"name", "narrow"}, {"scopes", std::move(scopes)}});
    return "Authorization: Bearer " + made.json["value"].as_string() + "\r\n";
  };
  const std::string usage = header({"usage.read"}), admin = header({"api.admin"});
  for (const std::string path : {"costs?start_time=0", "usage/completions?start_time=0"}) {
    for (const std::string& key : {usage, admin})
      EXPECT_EQ(server().request("GET", "/v1/organization/" + path, "", key).status, 200) << path;
  }
  for (const std::string path : {"users", "api_keys", "audit_logs"}) {
    EXPECT_EQ(server().request("GET", "/v1/organization/" + path, "", usage).status, 403) << path;
    EXPECT_EQ(server().request("GET", "/v1/organization/" + path, "", admin).status, 200) << path;
  }
}

// Other models do not exist for such a key, by whichever route it asks.
TEST_F(Organization, AKeyAsksForItsModelsAlone) {
  const Reply made = call("POST", "api_keys",
                          json::Object{{"name", "narrow"}, {"allowed_models", json::Array{"big"}}});
  ASSERT_EQ(made.status, 200) << made.body;
  EXPECT_EQ(made.json["allowed_models"], json::Value(json::Array{"big"}));
  const std::string id = made.json["id"].as_string();
  const std::string header = "Authorization: Bearer " + made.json["value"].as_string() + "\r\n";
  const auto ask = [&](const std::string& path, json::Object more) {
    json::Value body = json::Object{{"model", "tiny"}};
    for (auto& [name, value] : more) body.set(name, std::move(value));
    return server().request("POST", path, json::dump(body), header);
  };
  const json::Value messages = testing::chat_body()["messages"];
  struct Case {
    std::string path;
    json::Object more;
    int status;
  };
  const Case cases[] = {
      {"/v1/chat/completions", {{"messages", messages}, {"max_tokens", 1}}, 404},
      {"/v1/chat/completions", {{"messages", messages}, {"stream", true}, {"max_tokens", 1}}, 404},
      {"/v1/completions", {{"prompt", "a"}, {"max_tokens", 1}}, 404},
      {"/v1/embeddings", {{"input", "a"}}, 404},
      {"/v1/messages", {{"messages", messages}, {"max_tokens", 1}}, 404},
      {"/v1/messages/count_tokens", {{"messages", messages}}, 404},
      {"/v1/responses", {{"input", "a"}}, 400},
  };
  for (const Case& one : cases) {
    const Reply refused = ask(one.path, one.more);
    EXPECT_EQ(refused.status, one.status) << one.path << refused.body;
    if (one.path.find("messages") == std::string::npos)
      EXPECT_EQ(refused.error()["code"], json::Value("model_not_found")) << one.path;
  }
  EXPECT_EQ(ask("/v1/chat/completions", cases[0].more).error()["message"],
            json::Value("The model `tiny` does not exist or you do not have access to it."));
  EXPECT_EQ(server().request("GET", "/v1/models", "", header).json["data"].as_array().size(), 0u);
  EXPECT_EQ(server().request("GET", "/v1/models/tiny", "", header).status, 404);
  EXPECT_EQ(server().ledger().open_holds(), 0);

  const Reply changed =
      call("POST", "api_keys/" + id, json::Object{{"allowed_models", json::Array{"big", "tiny"}}});
  ASSERT_EQ(changed.status, 200) << changed.body;
  EXPECT_EQ(changed.json["name"], json::Value("narrow"));
  for (const Case& one : cases) EXPECT_EQ(ask(one.path, one.more).status, 200) << one.path;
  EXPECT_EQ(server().request("GET", "/v1/models/tiny", "", header).status, 200);
  EXPECT_EQ(call("GET", "api_keys/" + id).json["allowed_models"],
            json::Value(json::Array{"big", "tiny"}));
  EXPECT_EQ(
      call("POST", "api_keys/" + id, json::Object{{"allowed_models", json::Array{""}}}).status,
      400);
  EXPECT_EQ(call("POST", "api_keys/" + id, json::Object{{"scopes", json::Array{}}}).status, 400)
      << "a change of a key never widens its scopes";
  EXPECT_EQ(call("POST", "api_keys/key_none", json::Object{{"name", "x"}}).status, 404);
  ASSERT_EQ(call("DELETE", "api_keys/" + id).status, 200);
  EXPECT_EQ(call("POST", "api_keys/" + id, json::Object{{"name", "x"}}).status, 400);
}

TEST_F(Organization, LimitsAndBudgetsAreSetAndTakenAway) {
  const Reply set = call(
      "POST", "limits",
      json::Object{
          {"scope", "organization"}, {"requests_per_day", 1'000'000}, {"usd_per_month", "20.5"}});
  ASSERT_EQ(set.status, 200) << set.body;
  EXPECT_EQ(set.json["usd_per_month"], json::Value("20.50"));
  EXPECT_EQ(call("GET", "spend_limit").json["threshold_amount"], json::Value(2050));
  EXPECT_EQ(call("POST", "spend_limit", json::Object{{"threshold_amount", 100}}).status, 200);
  const Reply off = call(
      "POST", "limits",
      json::Object{
          {"scope", "organization"}, {"requests_per_day", nullptr}, {"usd_per_month", nullptr}});
  EXPECT_TRUE(off.json["usd_per_month"].is_null());
  EXPECT_EQ(call("GET", "spend_limit").status, 404);
  EXPECT_EQ(call("GET", "limits").json["data"].as_array().size(), 0u);
  EXPECT_EQ(call("POST", "limits", json::Object{{"scope", "key"}, {"id", "key_none"}}).status, 404);
  EXPECT_EQ(
      call("POST", "limits", json::Object{{"scope", "organization"}, {"usd_total", "-1"}}).status,
      400);
}

TEST_F(Organization, TheAuditTrailNamesTheActor) {
  call("POST", "projects", json::Object{{"name", "Audited"}});
  const Reply page = call("GET", "audit_logs?limit=1&event_types[]=project.created");
  ASSERT_EQ(page.status, 200) << page.body;
  const json::Value& event = page.json["data"].as_array().at(0);
  EXPECT_EQ(event["type"], json::Value("project.created"));
  EXPECT_EQ(event["actor"]["type"], json::Value("api_key"));
  EXPECT_EQ(event["project.created"]["data"]["name"], json::Value("Audited"));
  EXPECT_TRUE(page.json["has_more"].as_bool());
  const Reply late = call("GET", "audit_logs?effective_at%5Bgt%5D=9999999999");
  EXPECT_EQ(late.status, 400) << "beyond what a time can be";
  EXPECT_EQ(
      call("GET", "audit_logs?effective_at%5Bgt%5D=9000000000").json["data"].as_array().size(), 0u);
  EXPECT_EQ(page.body.find(admin_key()), std::string::npos);
}

TEST_F(Organization, UsageAndCostsAddUp) {
  ASSERT_EQ(server().post("/v1/chat/completions", testing::chat_body({{"max_tokens", 3}})).status,
            200);
  const Reply usage = call("GET", "usage/completions?start_time=1&limit=1");
  ASSERT_EQ(usage.status, 200) << usage.body;
  EXPECT_EQ(usage.json["object"], json::Value("page"));
  const Reply missing = call("GET", "usage/completions");
  EXPECT_EQ(missing.error()["param"], json::Value("start_time"));
  EXPECT_EQ(call("GET", "usage/nothing?start_time=1").status, 404);
  const int64_t now = base::system_now().seconds();
  const Reply today =
      call("GET", "costs?start_time=" + std::to_string(now - 3600) + "&group_by[]=project_id");
  ASSERT_EQ(today.status, 200) << today.body;
  bool found = false;
  for (const json::Value& bucket : today.json["data"].as_array())
    for (const json::Value& result : bucket["results"].as_array())
      found |= result["project_id"] == json::Value(server().founding().project.id) &&
               result["amount"]["value"].as_double() > 0;
  EXPECT_TRUE(found) << today.body;
}

TEST_F(Organization, ARefundGivesTheWholeChargeBackOnce) {
  const money::Amount before = server().ledger().available(server().account());
  const Reply answered = server().post(
      "/v1/completions",
      json::Object{{"model", "tiny"}, {"prompt", json::Array{"a", "b", "c"}}, {"max_tokens", 2}});
  ASSERT_EQ(answered.status, 200) << answered.body;
  const money::Amount after = server().ledger().available(server().account());
  const money::Amount charge = money::checked_sub(before, after).value();
  EXPECT_FALSE(charge.is_zero());
  const json::Object body{{"request_id", answered.header("x-request-id")}, {"reason", "an error"}};
  const Reply given = call("POST", "refunds", body);
  ASSERT_EQ(given.status, 200) << given.body;
  EXPECT_EQ(given.json["amount_pico"], json::Value(charge.decimal()));
  EXPECT_EQ(server().ledger().available(server().account()), before);
  EXPECT_EQ(call("POST", "refunds", body).json["amount_pico"], json::Value("0"));
  EXPECT_EQ(server().ledger().available(server().account()), before);
  const Reply unknown =
      call("POST", "refunds", json::Object{{"request_id", "req_none"}, {"reason", "x"}});
  EXPECT_EQ(unknown.status, 404);
  EXPECT_EQ(call("POST", "refunds", json::Object{{"request_id", "req_none"}}).status, 400);
  EXPECT_EQ(server().post("/v1/organization/refunds", body).status, 200) << "an owner's own key";
  EXPECT_EQ(call("GET", "audit_logs?event_types[]=request.refunded&limit=10")
                .json["data"]
                .as_array()
                .size(),
            3u);
  ASSERT_TRUE(server().ledger().verify());
}

TEST_F(Organization, AnInvitationBecomesAUserWithASession) {
  const Reply made =
      call("POST", "invites", json::Object{{"email", "eve@example.com"}, {"role", "reader"}});
  ASSERT_EQ(made.status, 200) << made.body;
  EXPECT_EQ(made.json["status"], json::Value("pending"));
  const std::string path = made.json["path"].as_string();
  const std::string token = path.substr(path.find('=') + 1);
  const std::string origin = "Origin: http://127.0.0.1:" + std::to_string(server().port()) + "\r\n";
  const std::string body = json::dump(json::Object{{"token", token}, {"name", "Eve"}});
  EXPECT_EQ(server()
                .request("POST", "/api/account/invitation/accept", body,
                         "Origin: http://evil.example\r\n")
                .status,
            403);
  const Reply accepted = server().request("POST", "/api/account/invitation/accept", body, origin);
  ASSERT_EQ(accepted.status, 200) << accepted.body;
  const std::string cookie = accepted.header("set-cookie");
  EXPECT_NE(cookie.find("HttpOnly; SameSite=Strict"), std::string::npos);
  const std::string session = "Cookie: " + cookie.substr(0, cookie.find(';')) + "\r\n" + origin;
  EXPECT_EQ(server().request("GET", "/api/account", "", session).json["user"]["email"],
            json::Value("eve@example.com"));
  EXPECT_EQ(server().request("POST", "/api/account/invitation/accept", body, origin).status, 401);
  EXPECT_EQ(call("GET", "invites/" + made.json["id"].as_string()).json["status"],
            json::Value("accepted"));
}

TEST_F(Organization, ASessionWithAnAppWaitsForItsCode) {
  const auto user = server().identity().create_user(server().founding().organisation.id, "Totp",
                                                    identity::Role::Member);
  const std::string headers = page_headers(user->id);
  const Reply begun = server().request("POST", "/api/account/totp", "{}", headers);
  ASSERT_EQ(begun.status, 200) << begun.body;
  EXPECT_TRUE(begun.json["uri"].as_string().starts_with("otpauth://totp/Charter:Totp?secret="));
  EXPECT_EQ(
      server().request("POST", "/api/account/totp/confirm", R"({"code":"000000"})", headers).status,
      401);
  EXPECT_EQ(server().request("GET", "/api/account", "", headers).json["totp"], json::Value(false));
}

TEST_F(Organization, OwnKeysAndSessions) {
  const std::string headers = page_headers(server().founding().owner.id);
  const Reply made = server().request("POST", "/api/account/keys", R"({"name":"laptop"})", headers);
  ASSERT_EQ(made.status, 200) << made.body;
  EXPECT_EQ(server()
                .request("DELETE", "/api/account/keys/" + made.json["id"].as_string(), "", headers)
                .status,
            204);
  EXPECT_EQ(server()
                .request("DELETE", "/api/account/keys/" + made.json["id"].as_string(), "", headers)
                .status,
            404);
  const Reply usage = server().request("GET", "/api/account/usage?days=7", "", headers);
  ASSERT_EQ(usage.status, 200) << usage.body;
  EXPECT_EQ(usage.json["days"].as_array().size(), 7u);
  EXPECT_EQ(server().request("POST", "/api/account/sessions/end_others", "{}", headers).status,
            204);
  const Reply account = server().request("GET", "/api/account", "", headers);
  EXPECT_EQ(account.json["sessions"].as_array().size(), 1u);
  EXPECT_EQ(ApiServer::log().find(made.json["value"].as_string()), std::string::npos);
}

}  // namespace
}  // namespace api
