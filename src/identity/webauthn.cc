#include "identity/webauthn.h"

#include "crypto/ed25519.h"
#include "crypto/hmac.h"
#include "crypto/public_key.h"
#include "crypto/sha256.h"
#include "identity/cbor.h"

namespace identity {
namespace {

constexpr uint8_t kUserPresent = 0x01, kUserVerified = 0x04, kAttested = 0x40, kExtended = 0x80;
constexpr size_t kCredentialIdBytesMax = 1023;  // section 5.8.3 and CTAP2
// COSE (RFC 9053): key type, algorithm, curve and coordinates.
constexpr int64_t kCoseType = 1, kCoseAlgorithm = 3, kCoseCurve = -1, kCoseX = -2, kCoseY = -3;
constexpr int64_t kTypeOkp = 1, kTypeEc2 = 2, kEs256 = -7, kEdDsa = -8;
constexpr int64_t kCurveP256 = 1, kCurveEd25519 = 6;

std::unexpected<base::Error> refused(std::string_view why) {
  return base::fail(base::Code::Unauthenticated,
                    "the passkey was not accepted: " + std::string(why), {}, "PASSKEY_REFUSED");
}

base::Result<base::Bytes> member(const json::Value& response, std::string_view name) {
  const json::Value& value = response["response"][name];
  if (!value.is_string()) return refused("the answer has no " + std::string(name));
  auto bytes = base::from_base64url(value.as_string());
  if (!bytes) return refused(std::string(name) + " is not base64url");
  return bytes;
}

struct ClientData {
  std::string type, challenge, origin;
  bool cross_origin = false;
};

base::Result<ClientData> read_client_data(base::ByteSpan bytes) {
  json::Limits limits;
  limits.bytes_max = 16u << 10;
  const auto value = json::parse(base::as_text(bytes), limits);
  if (!value || !(*value)["type"].is_string() || !(*value)["challenge"].is_string() ||
      !(*value)["origin"].is_string())
    return refused("clientDataJSON is not what a browser writes");
  const json::Value& cross = (*value)["crossOrigin"];
  return ClientData{(*value)["type"].as_string(), (*value)["challenge"].as_string(),
                    (*value)["origin"].as_string(), cross.is_bool() && cross.as_bool()};
}

base::Status check_client_data(base::ByteSpan bytes, std::string_view type,
                               std::string_view challenge, const RelyingParty& party) {
  TRY(const ClientData data, read_client_data(bytes));
  if (data.type != type) return refused("it answers another question");
  if (!crypto::equal_constant_time(data.challenge, challenge))
    return refused("it answers another challenge");
  if (data.origin != party.origin)
    return refused("it was made for " + data.origin + ", and this is " + party.origin);
  if (data.cross_origin) return refused("it was made inside another site's page");
  return {};
}

struct AuthenticatorData {
  uint8_t flags = 0;
  uint32_t sign_count = 0;
  base::ByteSpan credential_id = {}, public_key = {};
};

base::Status read_attested(base::ByteSpan* rest, AuthenticatorData* data) {
  constexpr size_t kAaguidBytes = 16;
  if (rest->size() < kAaguidBytes + 2) return refused("the credential is cut short");
  const size_t length = static_cast<size_t>((*rest)[kAaguidBytes]) << 8 | (*rest)[kAaguidBytes + 1];
  *rest = rest->subspan(kAaguidBytes + 2);
  if (length == 0 || length > kCredentialIdBytesMax || length > rest->size())
    return refused("the credential's id has a wrong length");
  data->credential_id = rest->first(length);
  *rest = rest->subspan(length);
  size_t used = 0;
  if (!parse_cbor_prefix(*rest, &used)) return refused("the public key does not parse");
  data->public_key = rest->first(used);
  *rest = rest->subspan(used);
  return {};
}

// Section 6.1.
base::Result<AuthenticatorData> read_authenticator_data(base::ByteSpan bytes,
                                                        const RelyingParty& party) {
  constexpr size_t kHeadBytes = 37;
  if (bytes.size() < kHeadBytes) return refused("the authenticator data is cut short");
  const crypto::Digest party_hash = crypto::sha256(party.id);
  if (!crypto::equal_constant_time(bytes.first(32), base::ByteSpan(party_hash)))
    return refused("it belongs to another site");
  AuthenticatorData data;
  data.flags = bytes[32];
  for (size_t i = 33; i < kHeadBytes; ++i) data.sign_count = data.sign_count << 8 | bytes[i];
  if (!(data.flags & kUserPresent)) return refused("nobody touched the authenticator");
  if (!(data.flags & kUserVerified)) return refused("the authenticator did not verify its user");
  base::ByteSpan rest = bytes.subspan(kHeadBytes);
  if (data.flags & kAttested) TRY_VOID(read_attested(&rest, &data));
  if (data.flags & kExtended) {
    const auto extensions = parse_cbor(rest);
    if (!extensions || extensions->map() == nullptr) return refused("its extensions do not parse");
    rest = {};
  }
  if (!rest.empty()) return refused("something follows the authenticator data");
  return data;
}

bool is_number(const Cbor* value, int64_t wanted) {
  return value != nullptr && value->integer() != nullptr && *value->integer() == wanted;
}

base::Result<base::ByteSpan> coordinate(const Cbor& key, int64_t label) {
  const Cbor* value = key.find(label);
  if (value == nullptr || value->bytes() == nullptr || value->bytes()->size() != 32)
    return refused("the public key is not one of its kind");
  return base::ByteSpan(*value->bytes());
}

// With an empty signature: only whether the key is one that verify_assertion() will take.
base::Status verify_signature(base::ByteSpan cose_key, base::ByteSpan message,
                              const base::ByteSpan* signature) {
  const auto key = parse_cbor(cose_key);
  if (!key || key->map() == nullptr) return refused("the public key does not parse");
  TRY(const base::ByteSpan x, coordinate(*key, kCoseX));
  if (is_number(key->find(kCoseType), kTypeEc2) && is_number(key->find(kCoseAlgorithm), kEs256) &&
      is_number(key->find(kCoseCurve), kCurveP256)) {
    TRY(const base::ByteSpan y, coordinate(*key, kCoseY));
    if (signature == nullptr || crypto::verify_es256_der({x, y}, message, *signature)) return {};
  } else if (is_number(key->find(kCoseType), kTypeOkp) &&
             is_number(key->find(kCoseAlgorithm), kEdDsa) &&
             is_number(key->find(kCoseCurve), kCurveEd25519)) {
    const auto ed25519 = crypto::public_key_from_bytes(x);
    if (!ed25519) return refused("the public key is not a usable one");
    if (signature == nullptr || crypto::verify_strict(*ed25519, message, *signature)) return {};
  } else {
    return refused("its algorithm is neither ES256 nor EdDSA");
  }
  return refused("the signature is wrong");
}

}  // namespace

base::Result<std::string> read_challenge(const json::Value& response) {
  TRY(const base::Bytes client_data, member(response, "clientDataJSON"));
  TRY(ClientData data, read_client_data(client_data));
  return std::move(data.challenge);
}

base::Result<PasskeyCredential> verify_registration(const json::Value& response,
                                                    const RelyingParty& party,
                                                    std::string_view challenge) {
  TRY(const base::Bytes client_data, member(response, "clientDataJSON"));
  TRY_VOID(check_client_data(client_data, "webauthn.create", challenge, party));
  TRY(const base::Bytes attestation_bytes, member(response, "attestationObject"));
  const auto attestation = parse_cbor(attestation_bytes);
  if (!attestation) return refused(attestation.error().message);
  const Cbor* format = attestation->find("fmt");
  const Cbor* statement = attestation->find("attStmt");
  const Cbor* authenticator = attestation->find("authData");
  if (format == nullptr || format->text() == nullptr || statement == nullptr ||
      statement->map() == nullptr || authenticator == nullptr || authenticator->bytes() == nullptr)
    return refused("the attestation object is not one");
  TRY(const AuthenticatorData data, read_authenticator_data(*authenticator->bytes(), party));
  if (data.credential_id.empty()) return refused("it brings no credential");
  TRY_VOID(verify_signature(data.public_key, {}, nullptr));
  return PasskeyCredential{{data.credential_id.begin(), data.credential_id.end()},
                           {data.public_key.begin(), data.public_key.end()},
                           data.sign_count};
}

base::Result<AssertionClaim> read_assertion_claim(const json::Value& response) {
  if (!response["rawId"].is_string()) return refused("the answer has no rawId");
  auto id = base::from_base64url(response["rawId"].as_string());
  if (!id || id->empty() || id->size() > kCredentialIdBytesMax)
    return refused("rawId is not a credential's id");
  AssertionClaim claim{*std::move(id), {}};
  if (response["response"]["userHandle"].is_string()) {
    TRY(const base::Bytes handle, member(response, "userHandle"));
    claim.user_handle = base::as_text(handle);
  }
  return claim;
}

base::Result<uint32_t> verify_assertion(const json::Value& response, const RelyingParty& party,
                                        std::string_view challenge,
                                        const PasskeyCredential& credential) {
  TRY(const base::Bytes client_data, member(response, "clientDataJSON"));
  TRY_VOID(check_client_data(client_data, "webauthn.get", challenge, party));
  TRY(base::Bytes signed_bytes, member(response, "authenticatorData"));
  TRY(const AuthenticatorData data, read_authenticator_data(signed_bytes, party));
  const uint32_t sign_count = data.sign_count;
  const crypto::Digest client_hash = crypto::sha256(client_data);
  signed_bytes.insert(signed_bytes.end(), client_hash.begin(), client_hash.end());
  TRY(const base::Bytes signature, member(response, "signature"));
  const base::ByteSpan signature_span(signature);
  TRY_VOID(verify_signature(credential.public_key, signed_bytes, &signature_span));
  const bool counts = sign_count != 0 || credential.sign_count != 0;
  if (counts && sign_count <= credential.sign_count)
    return refused("its counter went backwards: the authenticator may have been copied");
  return sign_count;
}

}  // namespace identity
