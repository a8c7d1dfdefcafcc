#include "govern/dsse.h"

#include <algorithm>

#include "base/bytes.h"
#include "govern/refusal.h"

namespace govern {
namespace {

constexpr size_t kSignaturesMax = 64;

base::Result<std::string> decode_base64(const std::string& text, std::string_view field) {
  auto bytes = base::from_base64(text);
  if (!bytes) {
    std::string unpadded = text;
    while (unpadded.ends_with('=')) unpadded.pop_back();
    bytes = base::from_base64url(unpadded);
  }
  if (!bytes) return malformed("not base64", std::string(field));
  return std::string(base::as_text(*bytes));
}

using Keys = std::span<const crypto::PublicKey>;

Keys::iterator signer_among(Keys keys, const std::string& message,
                            const EnvelopeSignature& signature) {
  return std::ranges::find_if(keys, [&](const crypto::PublicKey& key) {
    return crypto::verify_strict(key, base::as_bytes(message), base::as_bytes(signature.bytes));
  });
}

}  // namespace

std::string pre_authentication_encoding(std::string_view payload_type, std::string_view payload) {
  std::string out = "DSSEv1 " + std::to_string(payload_type.size()) + ' ';
  out.append(payload_type)
      .append(" ")
      .append(std::to_string(payload.size()))
      .append(" ")
      .append(payload);
  return out;
}

void sign_envelope(Envelope* envelope, const SignerKey& key) {
  const std::string message =
      pre_authentication_encoding(envelope->payload_type, envelope->payload);
  const crypto::Signature signature = key.key.sign(base::as_bytes(message));
  envelope->signatures.push_back({key.name, std::string(base::as_text(signature))});
}

Envelope make_envelope(std::string payload_type, std::string payload,
                       std::span<const SignerKey> keys) {
  Envelope envelope{std::move(payload_type), std::move(payload), {}};
  for (const SignerKey& key : keys) sign_envelope(&envelope, key);
  return envelope;
}

json::Value envelope_to_json(const Envelope& envelope) {
  json::Array signatures;
  for (const EnvelopeSignature& signature : envelope.signatures) {
    json::Object object;
    if (!signature.key_id.empty()) object.emplace_back("keyid", signature.key_id);
    object.emplace_back("sig", base::base64(base::as_bytes(signature.bytes)));
    signatures.emplace_back(std::move(object));
  }
  return json::Object{{"payload", base::base64(base::as_bytes(envelope.payload))},
                      {"payloadType", envelope.payload_type},
                      {"signatures", std::move(signatures)}};
}

base::Result<Envelope> envelope_from_json(const json::Value& value) {
  if (!value.is_object()) return malformed("a DSSE envelope is a JSON object");
  TRY_VOID(json::only_fields(value, {"payload", "payloadType", "signatures"}));
  Envelope envelope;
  TRY(const std::string payload, json::get_string(value, "payload"));
  TRY(envelope.payload, decode_base64(payload, "payload"));
  TRY(envelope.payload_type, json::get_string(value, "payloadType"));
  TRY(const json::Array* signatures, json::get_array(value, "signatures"));
  if (signatures->empty() || signatures->size() > kSignaturesMax)
    return malformed("a DSSE envelope has 1 to 64 signatures", "signatures");
  for (const json::Value& item : *signatures) {
    TRY_VOID(json::only_fields(item, {"keyid", "sig"}));
    EnvelopeSignature signature;
    TRY(const std::string bytes, json::get_string(item, "sig"));
    TRY(signature.bytes, decode_base64(bytes, "sig"));
    if (item.find("keyid") != nullptr) {
      TRY(signature.key_id, json::get_string(item, "keyid"));
    }
    envelope.signatures.push_back(std::move(signature));
  }
  return envelope;
}

base::Result<Envelope> parse_envelope(std::string_view text) {
  TRY(const json::Value value, json::parse(text, {.bytes_max = 16u << 20, .depth_max = 8}));
  return envelope_from_json(value);
}

std::string format_envelope(const Envelope& envelope) {
  return json::canonical(envelope_to_json(envelope));
}

crypto::Digest envelope_digest(const Envelope& envelope) {
  return crypto::sha256(format_envelope(envelope));
}

base::Result<std::vector<size_t>> verify_envelope(const Envelope& envelope,
                                                  std::span<const crypto::PublicKey> keys) {
  const std::string message = pre_authentication_encoding(envelope.payload_type, envelope.payload);
  std::optional<crypto::Digest> digest;  // only when something was found ahead
  std::vector<bool> signed_by(keys.size(), false);
  for (const EnvelopeSignature& signature : envelope.signatures) {
    auto key = keys.end();
    if (signature.found) {
      if (!digest) digest = crypto::sha256(message);
      if (signature.found->message == *digest) key = std::ranges::find(keys, signature.found->key);
    }
    if (key == keys.end()) key = signer_among(keys, message, signature);
    if (key == keys.end())
      return corrupt("BAD_SIG", "a signature was made by none of the keys that the charter names",
                     signature.key_id);
    signed_by[static_cast<size_t>(key - keys.begin())] = true;
  }
  std::vector<size_t> signers;
  for (size_t i = 0; i < keys.size(); ++i) {
    if (signed_by[i]) signers.push_back(i);
  }
  return signers;
}

void verify_ahead(Envelope* envelope, std::span<const crypto::PublicKey> keys) {
  const std::string message =
      pre_authentication_encoding(envelope->payload_type, envelope->payload);
  for (EnvelopeSignature& signature : envelope->signatures) {
    const auto key = signer_among(keys, message, signature);
    if (key != keys.end())
      signature.found = EnvelopeSignature::Found{*key, crypto::sha256(message)};
  }
}

}  // namespace govern
