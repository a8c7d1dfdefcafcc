// Checkpoints (C2SP tlog-checkpoint): origin, size and root of a log, signed as a note. No
// extension lines.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "crypto/sha256.h"
#include "govern/note.h"

namespace govern {

struct Checkpoint {
  std::string origin;
  uint64_t size = 0;
  crypto::Digest root{};
  friend bool operator==(const Checkpoint&, const Checkpoint&) = default;
};

std::string format_checkpoint(const Checkpoint& checkpoint);  // the note's text
base::Result<Checkpoint> parse_checkpoint(std::string_view note_text);
std::string signed_checkpoint(const Checkpoint& checkpoint, const SignerKey& log_key);

// The checkpoint in a note that the log signed: its origin is the key's name.
base::Result<Checkpoint> open_checkpoint(std::string_view note, const VerifierKey& log_key);

// Decimal without leading zeros, at most 2^63-1: the only spelling of a size or an index in these
// formats.
base::Result<uint64_t> parse_decimal(std::string_view text);

}  // namespace govern
