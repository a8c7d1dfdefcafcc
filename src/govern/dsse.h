// DSSE envelopes (secure-systems-lab/dsse 1.0.2) with Ed25519: a payload, its type, signatures over
// both. What counts as signed is the payload as it stands in the envelope; it is parsed once, after
// it was verified.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/sha256.h"
#include "govern/note.h"
#include "json/json.h"

namespace govern {

struct EnvelopeSignature {
  std::string key_id;  // a hint, signed by nobody; ours is the vkey's name
  std::string bytes;
  // What verify_ahead() found: good under this key, over what has this digest. Not part of the
  // envelope: neither read nor written.
  struct Found {
    crypto::PublicKey key;
    crypto::Digest message{};
  };
  std::optional<Found> found = {};
};

struct Envelope {
  std::string payload_type;
  std::string payload;
  std::vector<EnvelopeSignature> signatures;
};

std::string pre_authentication_encoding(std::string_view payload_type, std::string_view payload);

void sign_envelope(Envelope* envelope, const SignerKey& key);
Envelope make_envelope(std::string payload_type, std::string payload,
                       std::span<const SignerKey> keys);

json::Value envelope_to_json(const Envelope& envelope);
base::Result<Envelope> envelope_from_json(const json::Value& value);  // standard or URL-safe base64
base::Result<Envelope> parse_envelope(std::string_view text);
std::string format_envelope(const Envelope& envelope);     // canonical JSON
crypto::Digest envelope_digest(const Envelope& envelope);  // SHA-256 of format_envelope

// Indexes into `keys` of those that signed, each once, in the order of `keys`. A signature that
// none of them made is refused (BAD_SIG): our envelopes carry no stranger's signatures.
base::Result<std::vector<size_t>> verify_envelope(const Envelope& envelope,
                                                  std::span<const crypto::PublicKey> keys);

// Tries the keys now, so that verify_envelope need not do it again: for many envelopes at once, on
// several threads. Changes no answer.
void verify_ahead(Envelope* envelope, std::span<const crypto::PublicKey> keys);

}  // namespace govern
