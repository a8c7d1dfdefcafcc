// The page's shell, its files, signing in and out, and what the page must know first.
#include <algorithm>

#include "api/account.h"
#include "api/assets.h"
#include "api/routes.h"
#include "gateway/gateway.h"

namespace api {

const Asset* find_asset(std::string_view path) {
  for (const Asset& asset : assets()) {
    if (asset.path == path) return &asset;
  }
  return nullptr;
}

std::string_view content_type(std::string_view path) {
  const std::string_view extension = path.substr(std::min(path.size(), path.rfind('.')));
  if (extension == ".html") return "text/html; charset=utf-8";
  if (extension == ".js" || extension == ".mjs") return "text/javascript; charset=utf-8";
  if (extension == ".css") return "text/css; charset=utf-8";
  if (extension == ".svg") return "image/svg+xml";
  if (extension == ".json" || extension == ".map") return "application/json";
  if (extension == ".png") return "image/png";
  if (extension == ".woff2") return "font/woff2";
  return "application/octet-stream";
}

namespace {

void respond_asset(const Call& call, const Asset& asset, std::string_view cache_control) {
  net::Response response{200,
                         {{"etag", std::string(asset.etag)},
                          {"cache-control", std::string(cache_control)},
                          {"vary", "accept-encoding"}},
                         ""};
  if (call.request().header("if-none-match") == asset.etag) {
    response.status = 304;
    return call.respond(std::move(response));
  }
  response.headers.push_back({"content-type", std::string(content_type(asset.path))});
  const bool packed =
      !asset.gzip.empty() &&
      call.request().header("accept-encoding").find("gzip") != std::string_view::npos;
  if (packed) response.headers.push_back({"content-encoding", "gzip"});
  response.body = packed ? asset.gzip : asset.bytes;
  call.respond(std::move(response));
}

std::string usd_per_1k(uint64_t micro_per_million) {
  return money::Amount::pico(money::Uint128{micro_per_million} * 1000).in_usd();
}

json::Value page_model_json(const gateway::Channel& channel) {
  const gateway::ReleaseInfo& release = channel.release();
  return json::Object{
      {"id", channel.name()},
      {"context_length", channel.engine().context_length()},
      {"price_in_usd_per_1k", usd_per_1k(release.price.in_micro_per_million)},
      {"price_out_usd_per_1k", usd_per_1k(release.price.out_micro_per_million)},
      {"release", json::Object{{"id", release.id},
                               {"epoch", std::to_string(release.epoch)},
                               {"charter", release.charter_id},
                               {"charter_version", std::to_string(release.charter_version)},
                               {"persons", release.persons},
                               {"manifest_digest", release.manifest_digest},
                               {"released_at", release.issued.seconds()}}}};
}

// What a browser shows when the link no longer works, in the page's three languages.
constexpr std::string_view kLinkSpent =
    "<!doctype html><html lang=\"en\"><meta "
    "charset=\"utf-8\"><title>Charter</title><h1>Charter</h1>"
    "<p>This sign-in link has been used or is too old. Restart the server, or run <code>charter "
    "key owner-link</code>, for a new one.</p>"
    "<p lang=\"zh-CN\">此登录链接已使用或已过期。请重新启动服务器以获取新链接。</p>"
    "<p lang=\"zh-TW\">此登入連結已使用或已過期。請重新啟動伺服器以取得新連結。</p></html>";

void get_page(const Call& call) {
  const Asset* index = find_asset("/index.html");
  if (index == nullptr)
    return call.fail({base::Code::NotFound, "the page was not built", {}, {}, {}});
  respond_asset(call, *index, "no-cache");
}

void get_asset(const Call& call) {
  const Asset* asset = find_asset(call.request().path);
  if (asset == nullptr)
    return call.respond(error_response(unknown_url(call.request().method, call.request().path)));
  const bool named_by_content = asset->path.starts_with("/assets/");
  respond_asset(call, *asset,
                named_by_content ? "public, max-age=31536000, immutable" : "public, max-age=3600");
}

void sign_in(const Call& call) {
  std::string token;
  for (const net::Header& parameter : net::parse_query(call.request().query)) {
    if (parameter.name == "token") token = parameter.value;
  }
  const auto session = call.app->identity.redeem_owner_link(
      token, call.request().header("user-agent"), call.request().remote_address);
  if (!session) {
    return call.respond(
        {401,
         {{"content-type", "text/html; charset=utf-8"}, {"cache-control", "no-store"}},
         std::string(kLinkSpent)});
  }
  call.respond(
      {303,
       {{"location", "/"},
        {"cache-control", "no-store"},
        {"set-cookie", session_cookie(call.request(), session->token.reveal(), kSessionSeconds)}},
       ""});
}

void sign_out(const Call& call) {
  if (const base::Status status = call.app->identity.end_session(call.caller.session_id); !status) {
    return call.fail(status.error());
  }
  call.respond({204, {{"set-cookie", session_cookie(call.request(), "", 0)}}, ""});
}

void get_me(const Call& call) {
  const auto user = call.app->identity.find_user(call.caller.user_id);
  if (!user) return call.fail({base::Code::NotFound, "this user no longer exists", {}, {}, {}});
  json::Array models;
  bool one_person = false;
  for (const auto& route : call.app->gateway.models(call.caller)) {
    const gateway::Channel* release = route->local();
    if (release == nullptr) continue;
    models.push_back(page_model_json(*release));
    one_person |= release->release().one_person_decides;
  }
  const json::Value body =
      json::Object{{"user", json::Object{{"id", user->id},
                                         {"name", user->name},
                                         {"role", identity::role_name(user->role)}}},
                   {"models", std::move(models)},
                   {"balance_usd", call.app->ledger.available(call.caller.account).in_usd()},
                   {"one_person_charter", one_person},
                   {"language", user->language}};
  net::Response response = json_response(200, body);
  response.headers.push_back({"cache-control", "no-store"});
  call.respond(std::move(response));
}

void set_language(const Call& call) {
  const auto body = call.json_body();
  if (!body) return call.fail(body.error());
  const auto language = json::get_string(*body, "language");
  if (!language) return call.fail(language.error());
  if (const base::Status status = call.app->identity.set_language(call.caller.user_id, *language);
      !status) {
    return call.fail(status.error());
  }
  get_me(call);
}

constexpr size_t kBodyBytesMax = 2u << 20;

constexpr Route kRoutes[] = {
    {.method = "GET",
     .pattern = "/",
     .auth = Auth::None,
     .handle = get_page,
     .summary = "the page"},
    {.method = "GET",
     .pattern = "/c/{id}",
     .auth = Auth::None,
     .handle = get_page,
     .summary = "the page, at a conversation"},
    {.method = "GET",
     .pattern = "/settings",
     .auth = Auth::None,
     .handle = get_page,
     .summary = "the page, at its settings"},
    {.method = "GET",
     .pattern = "/settings/{tab}",
     .auth = Auth::None,
     .handle = get_page,
     .summary = "the page, at one of its settings"},
    {.method = "GET",
     .pattern = "/decisions",
     .auth = Auth::None,
     .handle = get_page,
     .summary = "the page, at the decisions"},
    {.method = "GET",
     .pattern = "/decisions/{id}",
     .auth = Auth::None,
     .handle = get_page,
     .summary = "the page, at one decision, the channels, the charter, the log or one's key"},
    {.method = "GET",
     .pattern = "/invite",
     .auth = Auth::None,
     .handle = get_page,
     .summary = "the page, at an invitation"},
    {.method = "GET",
     .pattern = "/assets/{name*}",
     .auth = Auth::None,
     .handle = get_asset,
     .summary = "the page's scripts and styles"},
    {.method = "GET",
     .pattern = "/icon.svg",
     .auth = Auth::None,
     .handle = get_asset,
     .summary = "the page's icon"},
    {.method = "GET",
     .pattern = "/signin",
     .auth = Auth::None,
     .blocks = true,
     .handle = sign_in,
     .summary = "spends a sign-in link"},
    {.method = "POST",
     .pattern = "/api/signout",
     .auth = Auth::Session,
     .blocks = true,
     .body_bytes_max = kBodyBytesMax,
     .handle = sign_out,
     .summary = "ends the session"},
    {.method = "GET",
     .pattern = "/api/me",
     .auth = Auth::Session,
     .blocks = true,
     .handle = get_me,
     .summary = "who is signed in, models, balance"},
    {.method = "PATCH",
     .pattern = "/api/me",
     .auth = Auth::Session,
     .blocks = true,
     .body_bytes_max = kBodyBytesMax,
     .handle = set_language,
     .summary = "changes the language"},
};

}  // namespace

std::span<const Route> page_routes() { return kRoutes; }

}  // namespace api
