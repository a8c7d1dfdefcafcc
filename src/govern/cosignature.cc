#include "govern/cosignature.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/check.h"
#include "govern/refusal.h"

namespace govern {
namespace {

constexpr size_t kTimeBytes = 8;
constexpr uint64_t kTimeMax = 7'258'118'399;  // 2199-12-31T23:59:59Z

std::string be64(uint64_t value) {
  std::string bytes(kTimeBytes, '\0');
  for (size_t i = 0; i < kTimeBytes; ++i)
    bytes[i] = static_cast<char>(value >> (56 - 8 * i) & 0xff);
  return bytes;
}

uint64_t load_be64(std::string_view bytes) {
  uint64_t value = 0;
  for (size_t i = 0; i < kTimeBytes; ++i) value = value << 8 | static_cast<uint8_t>(bytes[i]);
  return value;
}

base::Result<base::Time> verify_one(const Note& note, const NoteSignature& signature,
                                    const WitnessKey& witness) {
  if (signature.bytes.size() != kTimeBytes + crypto::Signature{}.size())
    return corrupt("BAD_SIG", "a cosignature has a time and 64 bytes", witness.name);
  const uint64_t seconds = load_be64(signature.bytes);
  if (seconds > kTimeMax)
    return corrupt("BAD_SIG", "a cosignature's time is after the year 2199", witness.name);
  const base::Time time{static_cast<int64_t>(seconds) * 1'000'000'000};
  const std::string message = cosigned_message(note.text, time);
  if (!crypto::verify_strict(witness.key, base::as_bytes(message),
                             base::as_bytes(signature.bytes).subspan(kTimeBytes)))
    return corrupt("BAD_SIG", "the cosignature does not verify over this checkpoint", witness.name);
  return time;
}

}  // namespace

uint32_t WitnessKey::id() const { return note_key_id(name, kNoteCosignature, key); }

base::Result<WitnessKey> parse_witness_vkey(std::string_view text) {
  TRY(const KeyParts parts, parse_key_parts(text, kNoteCosignature));
  TRY(const crypto::PublicKey raw, crypto::public_key_from_bytes(base::as_bytes(parts.raw)));
  WitnessKey key{parts.name, raw};
  TRY_VOID(check_key_id(parts, key.id()));
  return key;
}

std::string format_witness_vkey(const WitnessKey& key) {
  return format_key_parts({key.name, key.id(), std::string(base::as_text(key.key.bytes))},
                          kNoteCosignature);
}

base::Result<WitnessSigner> parse_witness_signer(std::string_view text) {
  if (!text.starts_with(kPrivateKeyPrefix))
    return malformed("a private key starts with PRIVATE+KEY+");
  TRY(const KeyParts parts,
      parse_key_parts(text.substr(kPrivateKeyPrefix.size()), kNoteCosignature));
  TRY(auto key, crypto::PrivateKey::from_seed(base::as_bytes(parts.raw)));
  WitnessSigner signer{parts.name, std::move(key)};
  TRY_VOID(check_key_id(parts, signer.verifier().id()));
  return signer;
}

base::Secret format_witness_signer(const WitnessSigner& signer) {
  const base::Secret seed = signer.key.seed();
  return base::Secret(
      std::string(kPrivateKeyPrefix) +
      format_key_parts({signer.name, signer.verifier().id(), std::string(seed.reveal())},
                       kNoteCosignature));
}

std::string cosigned_message(std::string_view note_text, base::Time time) {
  return "cosignature/v1\ntime " + std::to_string(time.seconds()) + '\n' + std::string(note_text);
}

NoteSignature cosign(std::string_view note_text, const WitnessSigner& signer, base::Time time) {
  CHECK(note_text.ends_with('\n') && time.ns >= 0);
  const std::string message = cosigned_message(note_text, time);
  const crypto::Signature signature = signer.key.sign(base::as_bytes(message));
  return {signer.name, signer.verifier().id(),
          be64(static_cast<uint64_t>(time.seconds())) + std::string(base::as_text(signature))};
}

base::Result<std::vector<Cosignature>> verify_cosignatures(const Note& note,
                                                           std::span<const WitnessKey> witnesses) {
  std::vector<Cosignature> out;
  for (const NoteSignature& signature : note.signatures) {
    const auto witness = std::ranges::find_if(witnesses, [&](const WitnessKey& w) {
      return w.name == signature.name && w.id() == signature.id;
    });
    if (witness == witnesses.end()) continue;
    TRY(const base::Time time, verify_one(note, signature, *witness));
    const Cosignature found{*witness, time};
    if (std::ranges::find(out, found) == out.end()) out.push_back(found);
  }
  return out;
}

}  // namespace govern
