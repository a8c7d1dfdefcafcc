// The ways in: second factor, passkey, invitation. (The one-time link is in page.cc.)
#include "api/account.h"
#include "api/admin.h"

namespace api {
namespace {

bool is_https(const net::Request& request) {
  return request.via_tls || request.header("origin").starts_with("https://");
}

}  // namespace

std::string_view cookie_of(const net::Request& request, std::string_view name) {
  std::string_view all = request.header("cookie");
  while (!all.empty()) {
    std::string_view part = all.substr(0, all.find(';'));
    all.remove_prefix(part.size() == all.size() ? part.size() : part.size() + 1);
    while (part.starts_with(' ')) part.remove_prefix(1);
    if (part.starts_with(name) && part.size() > name.size() && part[name.size()] == '=')
      return part.substr(name.size() + 1);
  }
  return {};
}

std::string session_cookie(const net::Request& request, std::string_view token, int64_t max_age_s) {
  return "charter_session=" + std::string(token) +
         "; Path=/; HttpOnly; SameSite=Strict; Max-Age=" + std::to_string(max_age_s) +
         (is_https(request) ? "; Secure" : "");
}

identity::Visitor visitor_of(const Call& call) {
  return {call.request().remote_address, call.request().header("user-agent")};
}

std::string origin_of(const net::Request& request) {
  if (request.has_header("origin")) return std::string(request.header("origin"));
  return (request.via_tls ? "https://" : "http://") + std::string(request.header("host"));
}

identity::RelyingParty party_of(const net::Request& request) {
  std::string_view host = request.header("host");
  host = host.substr(0, host.starts_with('[') ? host.find(']') + 1 : host.find(':'));
  return {std::string(host), origin_of(request)};
}

void begin_session(const Call& call, const base::Result<identity::NewSession>& session) {
  if (!session) return call.fail(session.error());
  net::Response response = json_response(
      200, json::Object{{"needs_second_factor", session->session.needs_second_factor}});
  response.headers.push_back({"cache-control", "no-store"});
  response.headers.push_back(
      {"set-cookie", session_cookie(call.request(), session->token.reveal(), kSessionSeconds)});
  call.respond(std::move(response));
}

void list_sign_in_methods(const Call& call) {
  const identity::OidcConfig& oidc = call.app->options.oidc;
  answer(call, json::Value(json::Object{
                   {"passkey", true},
                   {"oidc", oidc.enabled() ? json::Value(oidc.issuer) : json::Value()}}));
}

void enter_second_factor(const Call& call) {
  const auto body = call.json_body();
  if (!body) return call.fail(body.error());
  const auto code = json::get_string(*body, "code");
  if (!code) return call.fail(code.error());
  const base::Status status =
      call.app->identity.confirm_session(cookie_of(call.request(), "charter_session"), *code);
  if (!status) return call.fail(status.error());
  call.respond({204, {}, ""});
}

void begin_passkey_sign_in(const Call& call) {
  answer(call, call.app->identity.begin_passkey_sign_in(party_of(call.request())));
}

void finish_passkey_sign_in(const Call& call) {
  const auto body = call.json_body();
  if (!body) return call.fail(body.error());
  begin_session(call, call.app->identity.finish_passkey_sign_in(*body, party_of(call.request()),
                                                                visitor_of(call)));
}

void read_invitation(const Call& call) {
  const auto body = call.json_body();
  if (!body) return call.fail(body.error());
  answer(call, call.app->identity.read_invitation(text_field(*body, "token")),
         [&](const identity::Invitation& invitation) {
           const auto org = call.app->identity.find_organisation(invitation.org_id);
           return json::Object{{"email", invitation.email},
                               {"role", role_name(invitation.role)},
                               {"organization", org ? org->name : ""},
                               {"expires_at", invitation.expires.seconds()}};
         });
}

void accept_invitation(const Call& call) {
  const auto body = call.json_body();
  if (!body) return call.fail(body.error());
  begin_session(call, call.app->identity.accept_invitation(
                          text_field(*body, "token"), text_field(*body, "name"), visitor_of(call)));
}

}  // namespace api
