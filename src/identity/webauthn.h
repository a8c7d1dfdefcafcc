// Passkeys: what a browser answers to navigator.credentials.create() and get(), verified as W3C Web
// Authentication Level 2 sections 7.1 and 7.2 say, for ES256 and EdDSA, with user verification.
// Attestation is "none": whoever registers is signed in already. Pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "json/json.h"

namespace identity {

struct RelyingParty {
  std::string id = {};      // the host that the browser shows: "charter.example"
  std::string origin = {};  // "https://charter.example:8443"
};

struct PasskeyCredential {
  base::Bytes id = {};
  base::Bytes public_key = {};  // COSE_Key, as the authenticator gave it
  uint32_t sign_count = 0;
};

// `response` is the browser's PublicKeyCredential.toJSON(). Errors: Unauthenticated, reason
// PASSKEY_REFUSED, with what is wrong.
base::Result<PasskeyCredential> verify_registration(const json::Value& response,
                                                    const RelyingParty& party,
                                                    std::string_view challenge);

// Which credential and which user an assertion speaks of, before anything of it is believed.
struct AssertionClaim {
  base::Bytes credential_id = {};
  std::string user_handle = {};
};
base::Result<AssertionClaim> read_assertion_claim(const json::Value& response);

// The new sign count. A counter that does not grow means a copied authenticator, and is refused;
// one that stays 0 is of an authenticator that has none.
base::Result<uint32_t> verify_assertion(const json::Value& response, const RelyingParty& party,
                                        std::string_view challenge,
                                        const PasskeyCredential& credential);

// The challenge that a response answers; it is looked up, and spent, before the rest is verified.
base::Result<std::string> read_challenge(const json::Value& response);

}  // namespace identity
