// The page's own routes about who is signed in and how: shared by account.cc (the signed-in
// person's settings) and account_sign_in.cc (the ways in).
#pragma once

#include <string>
#include <string_view>

#include "api/routes.h"

namespace api {

inline constexpr int64_t kSessionSeconds = 30 * 24 * 3600;

std::string_view cookie_of(const net::Request& request, std::string_view name);
// HttpOnly, SameSite=Strict, and Secure where the request came by TLS.
std::string session_cookie(const net::Request& request, std::string_view token, int64_t max_age_s);

identity::Visitor visitor_of(const Call& call);
// "https://charter.example:8443", as the browser says it.
std::string origin_of(const net::Request& request);
identity::RelyingParty party_of(const net::Request& request);

// Answers with the cookie of a session that has begun.
void begin_session(const Call& call, const base::Result<identity::NewSession>& session);

// account_sign_in.cc
void list_sign_in_methods(const Call& call);
void enter_second_factor(const Call& call);
void begin_passkey_sign_in(const Call& call);
void finish_passkey_sign_in(const Call& call);
void read_invitation(const Call& call);
void accept_invitation(const Call& call);
// account_oidc.cc
void start_oidc(const Call& call);
void finish_oidc(const Call& call);

}  // namespace api
