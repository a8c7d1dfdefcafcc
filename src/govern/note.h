// Signed notes (C2SP signed-note): a text, an empty line, signature lines. A key is written as a
// vkey "name+hash+base64"; its private half as "PRIVATE+KEY+name+hash+base64", the form that Go's
// note package reads.
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
std::string format_note(const Note& note);
void sign_note(Note* note, const SignerKey& key);
std::string signed_note(std::string_view text, const SignerKey& key);

// The given keys that signed the note. A signature by another key is ignored; a bad one by a given
// key refuses the whole note (BAD_SIG).
base::Result<std::vector<VerifierKey>> verify_note(const Note& note,
                                                   std::span<const VerifierKey> keys);

}  // namespace govern
