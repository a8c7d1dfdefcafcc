#include "identity/oidc.h"

#include <algorithm>

#include "crypto/hmac.h"
#include "crypto/public_key.h"
#include "crypto/random.h"
#include "crypto/sha256.h"
#include "identity/percent.h"

namespace identity {
namespace {

constexpr size_t kTokenBytesMax = 64u << 10;
constexpr size_t kKeysMax = 64;
constexpr int64_t kSkewSeconds = 60;
constexpr size_t kNameBytesMax = 200;

std::unexpected<base::Error> refused(std::string why, std::string reason = "OIDC_REFUSED") {
  return base::fail(base::Code::Unauthenticated,
                    "signing in at the provider did not work: " + std::move(why), {},
                    std::move(reason));
}

std::string form(std::initializer_list<std::pair<std::string_view, std::string_view>> fields) {
  std::string out;
  for (const auto& [name, value] : fields) {
    if (!out.empty()) out += '&';
    out.append(name).append("=").append(percent_encode(value));
  }
  return out;
}

// The part of an http:// URL before its path.
bool is_loopback_url(std::string_view url) {
  for (const std::string_view host : {"http://127.0.0.1", "http://localhost", "http://[::1]"}) {
    if (!url.starts_with(host)) continue;
    const std::string_view rest = url.substr(host.size());
    if (rest.empty() || rest[0] == ':' || rest[0] == '/') return true;
  }
  return false;
}

base::Result<std::string> endpoint(const json::Value& document, std::string_view name) {
  const json::Value& value = document[name];
  if (!value.is_string()) return refused("its configuration has no " + std::string(name));
  const std::string& url = value.as_string();
  const bool clean = std::ranges::all_of(url, [](char c) { return c > 0x20 && c < 0x7f; });
  if (!clean || !(url.starts_with("https://") || is_loopback_url(url)))
    return refused("its " + std::string(name) + " is not an https address");
  return url;
}

struct Token {
  json::Value header, claims;
  std::string_view signed_part;
  base::Bytes signature;
};

base::Result<json::Value> decode_part(std::string_view part) {
  const auto bytes = base::from_base64url(part);
  if (!bytes) return refused("a part of the ID token is not base64url");
  json::Limits limits;
  limits.bytes_max = kTokenBytesMax;
  limits.depth_max = 16;
  auto value = json::parse(base::as_text(*bytes), limits);
  if (!value || !value->is_object()) return refused("a part of the ID token is not a JSON object");
  return value;
}

base::Result<Token> split_token(std::string_view token) {
  const size_t first = token.find('.');
  const size_t second = token.find('.', first == std::string_view::npos ? first : first + 1);
  if (token.size() > kTokenBytesMax || second == std::string_view::npos ||
      token.find('.', second + 1) != std::string_view::npos)
    return refused("the ID token does not have three parts");
  Token out;
  TRY(out.header, decode_part(token.substr(0, first)));
  TRY(out.claims, decode_part(token.substr(first + 1, second - first - 1)));
  out.signed_part = token.substr(0, second);
  auto signature = base::from_base64url(token.substr(second + 1));
  if (!signature) return refused("the ID token's signature is not base64url");
  out.signature = *std::move(signature);
  return out;
}

base::Bytes key_number(const json::Value& key, std::string_view name) {
  if (!key[name].is_string()) return {};
  auto bytes = base::from_base64url(key[name].as_string());
  return bytes ? *std::move(bytes) : base::Bytes();
}

bool is_text(const json::Value& value, std::string_view wanted) {
  return value.is_string() && value.as_string() == wanted;
}

bool signed_by(const json::Value& key, const Token& token) {
  const base::ByteSpan message = base::as_bytes(token.signed_part);
  if (is_text(token.header["alg"], "RS256") && is_text(key["kty"], "RSA"))
    return crypto::verify_rs256({key_number(key, "n"), key_number(key, "e")}, message,
                                token.signature);
  if (is_text(token.header["alg"], "ES256") && is_text(key["kty"], "EC") &&
      is_text(key["crv"], "P-256"))
    return crypto::verify_es256_raw({key_number(key, "x"), key_number(key, "y")}, message,
                                    token.signature);
  return false;
}

base::Status check_signature(const Token& token, std::string_view jwks) {
  const bool known = is_text(token.header["alg"], "RS256") || is_text(token.header["alg"], "ES256");
  if (!known) return refused("the ID token is signed neither with RS256 nor with ES256");
  if (token.header.find("crit") != nullptr)
    return refused("the ID token asks for an extension that is not known here");
  const auto set = json::parse(jwks);
  if (!set || !(*set)["keys"].is_array() || (*set)["keys"].as_array().size() > kKeysMax)
    return refused("the provider's keys do not parse");
  const json::Value& id = token.header["kid"];
  bool seen = false;
  for (const json::Value& key : (*set)["keys"].as_array()) {
    if (!key.is_object()) continue;
    if (id.is_string() && key["kid"].is_string() && key["kid"].as_string() != id.as_string())
      continue;
    if (key["use"].is_string() && key["use"].as_string() != "sig") continue;
    seen = true;
    if (signed_by(key, token)) return {};
  }
  if (!seen) return refused("the ID token's key is not among the provider's", "OIDC_UNKNOWN_KEY");
  return refused("the ID token's signature is wrong");
}

// A string, or a list that holds it (OpenID Connect Core 1.0 section 2, "aud").
bool audience_has(const json::Value& audience, std::string_view client, bool* others) {
  *others = false;
  if (is_text(audience, client)) return true;
  if (!audience.is_array()) return false;
  *others = audience.as_array().size() > 1;
  return std::ranges::any_of(audience.as_array(),
                             [&](const json::Value& one) { return is_text(one, client); });
}

base::Status check_claims(const json::Value& claims, const OidcConfig& config,
                          std::string_view nonce, base::Time now) {
  if (!is_text(claims["iss"], config.issuer)) return refused("the ID token is another issuer's");
  bool others = false;
  if (!audience_has(claims["aud"], config.client_id, &others))
    return refused("the ID token is for another client");
  const json::Value& party = claims["azp"];
  if ((others || !party.is_null()) && !is_text(party, config.client_id))
    return refused("the ID token was given to another client");
  if (!claims["exp"].is_number() || !claims["iat"].is_number())
    return refused("the ID token does not say when it ends");
  const auto seconds = static_cast<double>(now.seconds());
  if (claims["exp"].as_double() + kSkewSeconds <= seconds)
    return refused("the ID token has expired; is this machine's clock right?");
  if (claims["iat"].as_double() - kSkewSeconds > seconds)
    return refused("the ID token is from the future; is this machine's clock right?");
  if (!claims["nonce"].is_string() ||
      !crypto::equal_constant_time(claims["nonce"].as_string(), nonce))
    return refused("the ID token answers another attempt");
  if (!claims["sub"].is_string() || claims["sub"].as_string().empty() ||
      claims["sub"].as_string().size() > 255)
    return refused("the ID token names nobody");
  return {};
}

}  // namespace

std::string discovery_url(const OidcConfig& config) {
  std::string issuer = config.issuer;
  while (issuer.ends_with('/')) issuer.pop_back();
  return issuer + "/.well-known/openid-configuration";
}

base::Result<OidcProvider> parse_discovery(const OidcConfig& config, std::string_view body) {
  const auto document = json::parse(body);
  if (!document || !document->is_object()) return refused("its configuration is not JSON");
  if (!is_text((*document)["issuer"], config.issuer))
    return refused("its configuration names another issuer than " + config.issuer);
  OidcProvider provider;
  TRY(provider.authorization_endpoint, endpoint(*document, "authorization_endpoint"));
  TRY(provider.token_endpoint, endpoint(*document, "token_endpoint"));
  TRY(provider.jwks_uri, endpoint(*document, "jwks_uri"));
  return provider;
}

OidcAttempt OidcAttempt::generate(std::string redirect_uri) {
  constexpr size_t kLetters = 43;  // RFC 7636 section 4.1: at least 43
  return {crypto::random_base62(kLetters), crypto::random_base62(kLetters),
          crypto::random_base62(kLetters), std::move(redirect_uri)};
}

std::string authorization_url(const OidcConfig& config, const OidcProvider& provider,
                              const OidcAttempt& attempt) {
  const crypto::Digest challenge = crypto::sha256(attempt.verifier);
  const bool has_query = provider.authorization_endpoint.find('?') != std::string::npos;
  return provider.authorization_endpoint + (has_query ? "&" : "?") +
         form({{"response_type", "code"},
               {"client_id", config.client_id},
               {"redirect_uri", attempt.redirect_uri},
               {"scope", "openid email profile"},
               {"state", attempt.state},
               {"nonce", attempt.nonce},
               {"code_challenge", base::base64url(challenge)},
               {"code_challenge_method", "S256"}});
}

base::Secret token_request(const OidcConfig& config, const OidcAttempt& attempt,
                           std::string_view code) {
  return base::Secret(form({{"grant_type", "authorization_code"},
                            {"code", code},
                            {"redirect_uri", attempt.redirect_uri},
                            {"client_id", config.client_id},
                            {"client_secret", config.client_secret.reveal()},
                            {"code_verifier", attempt.verifier}}));
}

base::Result<base::Secret> parse_token_response(std::string_view body) {
  const auto answer = json::parse(body);
  if (!answer || !answer->is_object()) return refused("its answer to the code is not JSON");
  if (const json::Value& error = (*answer)["error"]; error.is_string())
    return refused("it answered \"" + error.as_string().substr(0, 100) + "\"");
  if (!(*answer)["id_token"].is_string()) return refused("its answer has no ID token");
  return base::Secret((*answer)["id_token"].as_string());
}

base::Result<OidcClaims> verify_id_token(std::string_view token, std::string_view jwks,
                                         const OidcConfig& config, std::string_view nonce,
                                         base::Time now) {
  TRY(const Token parts, split_token(token));
  TRY_VOID(check_signature(parts, jwks));
  TRY_VOID(check_claims(parts.claims, config, nonce, now));
  const json::Value& claims = parts.claims;
  OidcClaims out{config.issuer, claims["sub"].as_string(), {}, {}};
  const json::Value& verified = claims["email_verified"];
  if (verified.is_bool() && verified.as_bool() && claims["email"].is_string()) {
    out.email = claims["email"].as_string();
    std::ranges::transform(out.email, out.email.begin(), [](char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
  }
  if (claims["name"].is_string() && claims["name"].as_string().size() <= kNameBytesMax)
    out.name = claims["name"].as_string();
  return out;
}

}  // namespace identity
