#include "govern/checkpoint.h"

#include <charconv>

#include "base/bytes.h"
#include "govern/refusal.h"

namespace govern {

base::Result<uint64_t> parse_decimal(std::string_view text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool leading_zero = text.size() > 1 && text[0] == '0';
  if (text.empty() || error != std::errc{} || end != text.data() + text.size() || leading_zero ||
      value >> 63 != 0)
    return malformed("expected a decimal number without leading zeros, got '" +
                     std::string(text.substr(0, 30)) + "'");
  return value;
}

std::string format_checkpoint(const Checkpoint& checkpoint) {
  return checkpoint.origin + '\n' + std::to_string(checkpoint.size) + '\n' +
         base::base64(checkpoint.root) + '\n';
}

base::Result<Checkpoint> parse_checkpoint(std::string_view text) {
  std::string_view lines[3];
  for (std::string_view& line : lines) {
    const size_t end = text.find('\n');
    if (end == text.npos) return malformed("a checkpoint has three lines: origin, size, root");
    line = text.substr(0, end);
    text.remove_prefix(end + 1);
  }
  if (!text.empty()) return malformed("a checkpoint has no lines after its root");
  if (lines[0].empty()) return malformed("a checkpoint names its origin");
  Checkpoint checkpoint{std::string(lines[0]), 0, {}};
  TRY(checkpoint.size, parse_decimal(lines[1]));
  const auto root = base::from_base64(lines[2]);
  if (!root || root->size() != 32) return malformed("a checkpoint's root is base64 of 32 bytes");
  TRY(checkpoint.root, crypto::digest_from_bytes(*root));
  return checkpoint;
}

std::string signed_checkpoint(const Checkpoint& checkpoint, const SignerKey& log_key) {
  return signed_note(format_checkpoint(checkpoint), log_key);
}

base::Result<Checkpoint> open_checkpoint(std::string_view note_bytes, const VerifierKey& log_key) {
  TRY(const Note note, parse_note(note_bytes));
  TRY(const auto signers, verify_note(note, {&log_key, 1}));
  if (signers.empty())
    return corrupt("BAD_SIG", "the checkpoint is not signed by the log's key", log_key.name);
  TRY(Checkpoint checkpoint, parse_checkpoint(note.text));
  if (checkpoint.origin != log_key.name)
    return refuse("CONTEXT_MISMATCH", "the checkpoint is of another log", checkpoint.origin);
  return checkpoint;
}

}  // namespace govern
