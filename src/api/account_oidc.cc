// Signing in at another provider: sends the browser there, and judges what it brings back. What an
// attempt must remember travels sealed in a cookie of the browser that began it, so that an answer
// counts in that browser only and the server keeps nothing for strangers.
#include "api/account.h"
#include "api/admin.h"
#include "base/log.h"
#include "crypto/hmac.h"
#include "net/http_client.h"

namespace api {
namespace {

using base::Code;

constexpr std::string_view kCookie = "charter_oidc";
constexpr std::string_view kSealPurpose = "oidc attempt";
constexpr std::string_view kCallbackPath = "/api/account/oidc/callback";
constexpr int64_t kAttemptSeconds = 600;
constexpr size_t kAnswerBytesMax = 1u << 20;

std::string attempt_cookie(const net::Request& request, std::string_view value, int64_t max_age_s) {
  return std::string(kCookie) + "=" + std::string(value) +
         "; Path=/api/account/oidc; HttpOnly; SameSite=Lax; Max-Age=" + std::to_string(max_age_s) +
         (request.via_tls ? "; Secure" : "");
}

std::string redirect_uri(const Call& call) {
  const std::string& configured = call.app->options.oidc_redirect_url;
  if (!configured.empty()) return configured;
  return origin_of(call.request()) + std::string(kCallbackPath);
}

base::Result<std::string> fetch_text(const Call& call, net::ClientRequest request) {
  if (call.app->http_client == nullptr)
    return base::fail(Code::Unavailable, "this server makes no requests of its own");
  request.first_byte_timeout = request.idle_timeout = base::seconds(10);
  request.response_bytes_max = kAnswerBytesMax;
  TRY(net::ClientResponse response, net::fetch(*call.app->http_client, std::move(request)));
  // A token endpoint says in the body of a 400 what it did not like.
  if (response.status == 200 || response.status == 400) return std::move(response.body);
  return base::fail(Code::Unavailable,
                    "the sign-in provider answered with status " + std::to_string(response.status));
}

base::Result<std::string> get_text(const Call& call, std::string url) {
  net::ClientRequest request;
  request.method = "GET";
  request.url = std::move(url);
  return fetch_text(call, std::move(request));
}

base::Result<identity::OidcProvider> discover(const Call& call) {
  const identity::OidcConfig& config = call.app->options.oidc;
  if (!config.enabled())
    return base::fail(Code::NotFound, "signing in at a provider is not set up here");
  TRY(const std::string document, get_text(call, identity::discovery_url(config)));
  return identity::parse_discovery(config, document);
}

std::string seal_attempt(const Call& call, const identity::OidcAttempt& attempt) {
  const json::Value value =
      json::Object{{"state", attempt.state},
                   {"nonce", attempt.nonce},
                   {"verifier", attempt.verifier},
                   {"redirect_uri", attempt.redirect_uri},
                   {"ends", call.app->clock.now().seconds() + kAttemptSeconds}};
  return base::base64url(
      crypto::seal(call.app->identity.seal_key(), kSealPurpose, base::Secret(json::dump(value))));
}

base::Result<identity::OidcAttempt> open_attempt(const Call& call) {
  const auto refused = [] {
    return base::fail(Code::Unauthenticated,
                      "this sign-in was not begun in this browser, or took too long; try again", {},
                      "OIDC_REFUSED");
  };
  const auto sealed = base::from_base64url(cookie_of(call.request(), kCookie));
  if (!sealed) return refused();
  const auto opened = crypto::open(call.app->identity.seal_key(), kSealPurpose, *sealed);
  if (!opened) return refused();
  TRY(const json::Value value, json::parse(opened->reveal()));
  if (int_field(value, "ends").value_or(0) <= call.app->clock.now().seconds()) return refused();
  return identity::OidcAttempt{text_field(value, "state"), text_field(value, "nonce"),
                               text_field(value, "verifier"), text_field(value, "redirect_uri")};
}

base::Result<identity::OidcClaims> exchange_code(const Call& call) {
  const identity::OidcConfig& config = call.app->options.oidc;
  TRY(const identity::OidcAttempt attempt, open_attempt(call));
  if (!crypto::equal_constant_time(query_text(call, "state"), attempt.state))
    return base::fail(Code::Unauthenticated, "the answer belongs to another attempt; try again", {},
                      "OIDC_REFUSED");
  if (const std::string error = query_text(call, "error"); !error.empty())
    return base::fail(Code::Unauthenticated,
                      "the sign-in provider answered \"" + error.substr(0, 100) + "\"", {},
                      "OIDC_REFUSED");
  TRY(const identity::OidcProvider provider, discover(call));
  net::ClientRequest request;
  request.url = provider.token_endpoint;
  request.headers = {{"content-type", "application/x-www-form-urlencoded"},
                     {"accept", "application/json"}};
  request.body = identity::token_request(config, attempt, query_text(call, "code")).reveal();
  TRY(const std::string answered, fetch_text(call, std::move(request)));
  TRY(const base::Secret token, identity::parse_token_response(answered));
  TRY(const std::string jwks, get_text(call, provider.jwks_uri));
  return identity::verify_id_token(token.reveal(), jwks, config, attempt.nonce,
                                   call.app->clock.now());
}

base::Result<identity::NewSession> signed_in(const Call& call) {
  TRY(const identity::OidcClaims claims, exchange_code(call));
  return call.app->identity.sign_in_with(claims, visitor_of(call));
}

}  // namespace

void start_oidc(const Call& call) {
  const auto provider = discover(call);
  if (!provider) return call.fail(provider.error());
  const auto attempt = identity::OidcAttempt::generate(redirect_uri(call));
  call.respond(
      {303,
       {{"location", identity::authorization_url(call.app->options.oidc, *provider, attempt)},
        {"cache-control", "no-store"},
        {"set-cookie",
         attempt_cookie(call.request(), seal_attempt(call, attempt), kAttemptSeconds)}},
       ""});
}

// Back to the page: signed in, or with a short word of why not, which the page puts into a
// sentence.
void finish_oidc(const Call& call) {
  const auto session = signed_in(call);
  net::Response response{
      303,
      {{"cache-control", "no-store"}, {"set-cookie", attempt_cookie(call.request(), "", 0)}},
      ""};
  if (!session) {
    base::log(base::Level::Warn, "sign-in at the provider refused",
              {{"request_id", call.request_id}, {"error", session.error().text()}});
    const bool stranger = session.error().reason == "not_invited";
    response.headers.push_back(
        {"location", std::string("/?sign_in=") + (stranger ? "not_invited" : "refused")});
    return call.respond(std::move(response));
  }
  response.headers.push_back({"location", "/"});
  response.headers.push_back(
      {"set-cookie", session_cookie(call.request(), session->token.reveal(), kSessionSeconds)});
  call.respond(std::move(response));
}

}  // namespace api
