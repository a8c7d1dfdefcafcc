// Signing in at another provider: OpenID Connect Core 1.0, authorization code with PKCE (RFC 7636)
// and a nonce. Pure functions: the API layer fetches, these say what to ask and judge what came.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/secret.h"
#include "base/time.h"
#include "json/json.h"

namespace identity {

struct OidcConfig {
  std::string issuer = {};  // "https://accounts.example"
  std::string client_id = {};
  base::Secret client_secret = {};
  bool enabled() const { return !issuer.empty() && !client_id.empty(); }
};

// OpenID Connect Discovery 1.0.
struct OidcProvider {
  std::string authorization_endpoint = {}, token_endpoint = {}, jwks_uri = {};
};
std::string discovery_url(const OidcConfig& config);
// Errors: Unauthenticated, reason OIDC_REFUSED: another issuer, endpoints that are missing or not
// https (http only on this machine).
base::Result<OidcProvider> parse_discovery(const OidcConfig& config, std::string_view body);

// What one attempt to sign in remembers until the provider sends the browser back.
struct OidcAttempt {
  std::string state = {}, nonce = {}, verifier = {};
  std::string redirect_uri = {};
  static OidcAttempt generate(std::string redirect_uri);
};
std::string authorization_url(const OidcConfig& config, const OidcProvider& provider,
                              const OidcAttempt& attempt);
// The form that is posted to the token endpoint.
base::Secret token_request(const OidcConfig& config, const OidcAttempt& attempt,
                           std::string_view code);
// The ID token in the token endpoint's answer.
base::Result<base::Secret> parse_token_response(std::string_view body);

struct OidcClaims {
  std::string issuer = {}, subject = {};
  std::string email = {};  // lower case; empty unless the provider says that it is verified
  std::string name = {};
};
// Section 3.1.3.7: RS256 or ES256 by a key of `jwks`, issuer, audience, authorised party, expiry,
// issued-at, nonce. Errors: Unauthenticated, reason OIDC_REFUSED; reason OIDC_UNKNOWN_KEY when no
// key of the set has the token's id: fetch the set again.
base::Result<OidcClaims> verify_id_token(std::string_view token, std::string_view jwks,
                                         const OidcConfig& config, std::string_view nonce,
                                         base::Time now);

}  // namespace identity
