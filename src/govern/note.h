// Signed notes (C2SP signed-note): a text, an empty line, signature lines. A key is written as a
// vkey "name+hash+base64"; its private half as "PRIVATE+KEY+name+hash+base64", the form that Go's
// note package reads. Keys of witnesses have a type of their own: govern/cosignature.h.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/secret.h"
#include "crypto/ed25519.h"

namespace govern {

inline constexpr uint8_t kNoteEd25519 = 0x01;

struct VerifierKey {
  std::string name;
  crypto::PublicKey key;
  uint32_t id() const;  // the first 4 bytes of SHA-256(name, newline, type, key)
  friend bool operator==(const VerifierKey&, const VerifierKey&) = default;
};

struct SignerKey {
  std::string name;
  crypto::PrivateKey key;
  VerifierKey verifier() const { return {name, key.public_key()}; }
};

bool is_key_name(std::string_view name);  // not empty, no Unicode space, no '+', valid UTF-8
base::Result<VerifierKey> parse_vkey(std::string_view text);  // MALFORMED, BAD_KEY
std::string format_vkey(const VerifierKey& key);
base::Result<SignerKey> parse_signer_key(std::string_view text);
base::Secret format_signer_key(const SignerKey& key);

// The spelling that keys of every signature type share: "name+hash+base64(type, raw)". For public
// keys `raw` is what the id is made of; for private ones it is the seed.
struct KeyParts {
  std::string name;
  uint32_t id = 0;  // as written; whoever parses compares it with note_key_id
  std::string raw;  // 32 bytes
};
uint32_t note_key_id(std::string_view name, uint8_t type, const crypto::PublicKey& key);
std::string format_key_parts(const KeyParts& parts, uint8_t type);
// MALFORMED; BAD_KEY for a key of another type or length.
base::Result<KeyParts> parse_key_parts(std::string_view text, uint8_t type);
base::Status check_key_id(const KeyParts& parts, uint32_t id);  // BAD_KEY when it is another
inline constexpr std::string_view kPrivateKeyPrefix = "PRIVATE+KEY+";

struct NoteSignature {
  std::string name;
  uint32_t id = 0;
  std::string bytes;  // without the key id
};

struct Note {
  std::string text;  // ends in a newline
  std::vector<NoteSignature> signatures;
};

base::Result<Note> parse_note(std::string_view bytes);
// Signature lines alone, as witnesses answer with them: one or more, each with its newline.
base::Result<std::vector<NoteSignature>> parse_signature_lines(std::string_view lines);
std::string format_signature_line(const NoteSignature& signature);
std::string format_note(const Note& note);
void sign_note(Note* note, const SignerKey& key);
std::string signed_note(std::string_view text, const SignerKey& key);

// The given keys that signed the note. A signature by another key is ignored; a bad one by a given
// key refuses the whole note (BAD_SIG).
base::Result<std::vector<VerifierKey>> verify_note(const Note& note,
                                                   std::span<const VerifierKey> keys);

}  // namespace govern
