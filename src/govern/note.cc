#include "govern/note.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/check.h"
#include "base/utf8.h"
#include "crypto/sha256.h"
#include "govern/refusal.h"

namespace govern {
namespace {

constexpr size_t kNoteBytesMax = 1'000'000;
constexpr size_t kSignaturesMax = 100;
constexpr std::string_view kDash = "\u2014 ";  // the em dash that starts a signature line

bool is_unicode_space(char32_t c) {
  return (c >= 0x09 && c <= 0x0d) || c == 0x20 || c == 0x85 || c == 0xa0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f ||
         c == 0x3000;
}

uint32_t load_be32(std::string_view bytes) {
  uint32_t value = 0;
  for (size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<uint8_t>(bytes[i]);
  return value;
}

std::string be32(uint32_t value) {
  std::string bytes(4, '\0');
  for (size_t i = 0; i < 4; ++i) bytes[i] = static_cast<char>(value >> (24 - 8 * i) & 0xff);
  return bytes;
}

base::Result<NoteSignature> parse_signature_line(std::string_view line) {
  if (!line.starts_with(kDash))
    return malformed("a signature line starts with an em dash and a blank");
  line.remove_prefix(kDash.size());
  const size_t blank = line.find(' ');
  if (blank == line.npos) return malformed("a signature line holds a name and a signature");
  NoteSignature signature{std::string(line.substr(0, blank)), 0, {}};
  if (!is_key_name(signature.name)) return malformed("a signature's key name is not valid");
  const auto blob = base::from_base64(line.substr(blank + 1));
  if (!blob || blob->size() < 5)
    return malformed("a signature is not base64 of a key id and bytes", signature.name);
  signature.bytes.assign(blob->begin(), blob->end());
  signature.id = load_be32(signature.bytes);
  signature.bytes.erase(0, 4);
  return signature;
}

}  // namespace

bool is_key_name(std::string_view name) {
  if (name.empty() || !base::is_utf8(name) || name.find('+') != name.npos) return false;
  for (size_t at = 0; at < name.size();) {
    const char32_t c = base::next_code_point(name, &at);
    if (is_unicode_space(c) || c < 0x20) return false;
  }
  return true;
}

uint32_t note_key_id(std::string_view name, uint8_t type, const crypto::PublicKey& key) {
  const crypto::Digest digest = crypto::Sha256()
                                    .update(name)
                                    .update(std::string_view("\n"))
                                    .update({&type, 1})
                                    .update(key.bytes)
                                    .finish();
  return load_be32(base::as_text(digest));
}

std::string format_key_parts(const KeyParts& parts, uint8_t type) {
  const std::string typed = static_cast<char>(type) + parts.raw;
  return parts.name + '+' + base::hex(base::as_bytes(be32(parts.id))) + '+' +
         base::base64(base::as_bytes(typed));
}

base::Result<KeyParts> parse_key_parts(std::string_view text, uint8_t type) {
  const size_t first = text.find('+');
  const size_t second = first == text.npos ? text.npos : text.find('+', first + 1);
  if (second == text.npos) return malformed("a key is written name+hash+base64");
  KeyParts parts{std::string(text.substr(0, first)), 0, {}};
  if (!is_key_name(parts.name))
    return malformed("a key's name has no spaces and no plus sign, and is not empty");
  const std::string_view hash = text.substr(first + 1, second - first - 1);
  const auto id = base::from_hex(hash);
  if (!id || id->size() != 4 || base::hex(*id) != hash)
    return malformed("a key's hash is eight lower-case hex digits", parts.name);
  parts.id = load_be32(base::as_text(*id));
  const auto blob = base::from_base64(text.substr(second + 1));
  if (!blob) return malformed("the key's last part is not base64", parts.name);
  if (blob->size() != 33 || blob->front() != type)
    return base::fail(
        base::Code::Malformed,
        "expected an Ed25519 key of type 0" + std::to_string(type) +
            (type == kNoteEd25519 ? " (a signer's key, 32 bytes)" : " (a witness's key, 32 bytes)"),
        parts.name, "BAD_KEY");
  parts.raw.assign(blob->begin() + 1, blob->end());
  return parts;
}

base::Status check_key_id(const KeyParts& parts, uint32_t id) {
  if (parts.id != id)
    return base::fail(base::Code::Malformed, "the key's hash does not belong to its name and bytes",
                      parts.name, "BAD_KEY");
  return {};
}

uint32_t VerifierKey::id() const { return note_key_id(name, kNoteEd25519, key); }

base::Result<VerifierKey> parse_vkey(std::string_view text) {
  TRY(const KeyParts parts, parse_key_parts(text, kNoteEd25519));
  TRY(const crypto::PublicKey raw, crypto::public_key_from_bytes(base::as_bytes(parts.raw)));
  VerifierKey key{parts.name, raw};
  TRY_VOID(check_key_id(parts, key.id()));
  return key;
}

std::string format_vkey(const VerifierKey& key) {
  return format_key_parts({key.name, key.id(), std::string(base::as_text(key.key.bytes))},
                          kNoteEd25519);
}

base::Result<SignerKey> parse_signer_key(std::string_view text) {
  if (!text.starts_with(kPrivateKeyPrefix))
    return malformed("a private key starts with PRIVATE+KEY+");
  TRY(const KeyParts parts, parse_key_parts(text.substr(kPrivateKeyPrefix.size()), kNoteEd25519));
  TRY(auto key, crypto::PrivateKey::from_seed(base::as_bytes(parts.raw)));
  SignerKey signer{parts.name, std::move(key)};
  TRY_VOID(check_key_id(parts, signer.verifier().id()));
  return signer;
}

base::Secret format_signer_key(const SignerKey& key) {
  const base::Secret seed = key.key.seed();
  return base::Secret(
      std::string(kPrivateKeyPrefix) +
      format_key_parts({key.name, key.verifier().id(), std::string(seed.reveal())}, kNoteEd25519));
}

base::Result<Note> parse_note(std::string_view bytes) {
  if (bytes.size() > kNoteBytesMax) return malformed("a signed note has at most 1,000,000 bytes");
  if (!base::is_utf8(bytes)) return malformed("a signed note is UTF-8");
  if (std::ranges::any_of(bytes,
                          [](char c) { return static_cast<uint8_t>(c) < 0x20 && c != '\n'; }))
    return malformed("a signed note has no control characters");
  const size_t split = bytes.rfind("\n\n");
  if (split == bytes.npos)
    return malformed("a signed note has an empty line before its signatures");
  Note note{std::string(bytes.substr(0, split + 1)), {}};
  std::string_view rest = bytes.substr(split + 2);
  if (rest.empty() || !rest.ends_with('\n'))
    return malformed("a signed note ends in signature lines");
  TRY(note.signatures, parse_signature_lines(rest));
  return note;
}

base::Result<std::vector<NoteSignature>> parse_signature_lines(std::string_view lines) {
  std::vector<NoteSignature> signatures;
  if (lines.empty()) return malformed("there is no signature line");
  while (!lines.empty()) {
    const size_t end = lines.find('\n');
    if (end == lines.npos) return malformed("a signature line ends in a newline");
    if (signatures.size() == kSignaturesMax)
      return malformed("a signed note has at most 100 signatures");
    TRY(NoteSignature signature, parse_signature_line(lines.substr(0, end)));
    signatures.push_back(std::move(signature));
    lines.remove_prefix(end + 1);
  }
  return signatures;
}

std::string format_signature_line(const NoteSignature& signature) {
  return std::string(kDash) + signature.name + ' ' +
         base::base64(base::as_bytes(be32(signature.id) + signature.bytes)) + '\n';
}

std::string format_note(const Note& note) {
  std::string out = note.text + '\n';
  for (const NoteSignature& signature : note.signatures) out += format_signature_line(signature);
  return out;
}

void sign_note(Note* note, const SignerKey& key) {
  CHECK(note->text.ends_with('\n'));
  const crypto::Signature signature = key.key.sign(base::as_bytes(note->text));
  note->signatures.push_back(
      {key.name, key.verifier().id(), std::string(base::as_text(signature))});
}

std::string signed_note(std::string_view text, const SignerKey& key) {
  Note note{std::string(text), {}};
  sign_note(&note, key);
  return format_note(note);
}

base::Result<std::vector<VerifierKey>> verify_note(const Note& note,
                                                   std::span<const VerifierKey> keys) {
  std::vector<VerifierKey> signers;
  for (const NoteSignature& signature : note.signatures) {
    const auto key = std::ranges::find_if(keys, [&](const VerifierKey& k) {
      return k.name == signature.name && k.id() == signature.id;
    });
    if (key == keys.end()) continue;
    if (!crypto::verify_strict(key->key, base::as_bytes(note.text),
                               base::as_bytes(signature.bytes)))
      return corrupt("BAD_SIG", "the signature does not verify over this note", signature.name);
    if (std::ranges::find(signers, *key) == signers.end()) signers.push_back(*key);
  }
  return signers;
}

}  // namespace govern
