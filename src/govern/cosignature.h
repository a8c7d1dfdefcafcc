// Cosignatures of witnesses on checkpoints (C2SP tlog-cosignature, cosignature/v1): an Ed25519
// signature, with the witness's time, over the checkpoint as a note's text. The signed message does
// not name the witness, so one key is one witness.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "govern/note.h"

namespace govern {

inline constexpr uint8_t kNoteCosignature = 0x04;

// A witness's key, written as a vkey of type 04.
struct WitnessKey {
  std::string name;
  crypto::PublicKey key;
  uint32_t id() const;
  friend bool operator==(const WitnessKey&, const WitnessKey&) = default;
};

// Its private half: "PRIVATE+KEY+name+hash+base64(04, seed)".
struct WitnessSigner {
  std::string name;
  crypto::PrivateKey key;
  WitnessKey verifier() const { return {name, key.public_key()}; }
};

base::Result<WitnessKey> parse_witness_vkey(std::string_view text);  // MALFORMED, BAD_KEY
std::string format_witness_vkey(const WitnessKey& key);
base::Result<WitnessSigner> parse_witness_signer(std::string_view text);
base::Secret format_witness_signer(const WitnessSigner& signer);

// What is signed: "cosignature/v1\ntime <unix>\n" and the note's text.
std::string cosigned_message(std::string_view note_text, base::Time time);
// Of whole seconds; CHECKs that the time is not before 1970.
NoteSignature cosign(std::string_view note_text, const WitnessSigner& signer, base::Time time);

struct Cosignature {
  WitnessKey witness;
  base::Time time;  // whole seconds, by the witness's clock
  friend bool operator==(const Cosignature&, const Cosignature&) = default;
};

// The cosignatures of the given witnesses, in the order of the note; a witness that signed at two
// times is there twice. Other signatures are ignored; a bad one by a given witness refuses the
// whole note (BAD_SIG), and so does a time after 2199 (what waits for it would overflow).
base::Result<std::vector<Cosignature>> verify_cosignatures(const Note& note,
                                                           std::span<const WitnessKey> witnesses);

}  // namespace govern
