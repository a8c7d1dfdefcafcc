#include "govern/witness_core.h"

#include <algorithm>

#include "base/bytes.h"
#include "crypto/merkle.h"
#include "govern/refusal.h"

namespace govern {
namespace {

constexpr size_t kProofMax = 63;

// Takes one line, without its newline, off the front; malformed when there is none.
base::Result<std::string_view> take_line(std::string_view* text) {
  const size_t end = text->find('\n');
  if (end == text->npos) return malformed("a line has no newline at its end");
  const std::string_view line = text->substr(0, end);
  text->remove_prefix(end + 1);
  return line;
}

WitnessAnswer refusal(int status, const base::Error& error) {
  return {.status = status, .body = error.text() + '\n'};
}
WitnessAnswer refusal(int status, std::string_view message) {
  return {.status = status, .body = std::string(message) + '\n'};
}

// Why the step is not one that a log may take; empty when it is.
std::string_view unprovable(const CosignRequest& request, const Checkpoint& before) {
  const Checkpoint& next = request.checkpoint;
  if (next.size == 0 && next.root != crypto::merkle_empty_root())
    return "an empty log has the root SHA-256 of nothing";
  if (before.size == 0) return request.add.proof.empty() ? "" : "a proof from size 0 has no hashes";
  if (before.size == next.size && before.root != next.root)
    return "the log has two roots of the same size";
  if (!crypto::merkle_verify_consistency(before.size, next.size, request.add.proof, before.root,
                                         next.root))
    return "the proof does not show that this tree extends the one that was cosigned last";
  return "";
}

}  // namespace

base::Result<AddCheckpoint> parse_add_checkpoint(std::string_view body) {
  if (body.size() > kAddCheckpointBytesMax)
    return malformed("an add-checkpoint request has at most 64 KiB");
  AddCheckpoint request;
  TRY(std::string_view line, take_line(&body));
  if (!line.starts_with("old ")) return malformed("the first line is: old SIZE");
  TRY(request.old_size, parse_decimal(line.substr(4)));
  for (;;) {
    TRY(line, take_line(&body));
    if (line.empty()) break;
    if (request.proof.size() == kProofMax) return malformed("a proof has at most 63 hashes");
    const auto bytes = base::from_base64(line);
    if (!bytes || bytes->size() != 32)
      return malformed("a line of the proof is base64 of 32 bytes");
    TRY(const crypto::Digest hash, crypto::digest_from_bytes(*bytes));
    request.proof.push_back(hash);
  }
  request.note = body;
  return request;
}

std::string format_add_checkpoint(const AddCheckpoint& request) {
  std::string out = "old " + std::to_string(request.old_size) + '\n';
  for (const crypto::Digest& hash : request.proof) out += base::base64(hash) + '\n';
  return out + '\n' + request.note;
}

std::string origin_id(std::string_view origin) { return crypto::hex(crypto::sha256(origin)); }

std::variant<CosignRequest, WitnessAnswer> read_add_checkpoint(std::string_view body,
                                                               std::span<const VerifierKey> logs) {
  auto add = parse_add_checkpoint(body);
  if (!add) return refusal(400, add.error());
  auto note = parse_note(add->note);
  if (!note) return refusal(400, note.error());
  const std::string_view text = note->text;
  const std::string_view origin = text.substr(0, text.find('\n'));
  std::vector<VerifierKey> keys;
  std::ranges::copy_if(logs, std::back_inserter(keys),
                       [&](const VerifierKey& k) { return k.name == origin; });
  if (keys.empty()) return refusal(404, "this witness does not know the log");
  const auto signers = verify_note(*note, keys);
  if (!signers) return refusal(403, signers.error());
  if (signers->empty()) return refusal(403, "no key of the log signed the checkpoint");
  auto checkpoint = parse_checkpoint(text);
  if (!checkpoint) return refusal(400, checkpoint.error());
  if (add->old_size > checkpoint->size)
    return refusal(400, "the old size is larger than the checkpoint's");
  std::erase_if(note->signatures, [&](const NoteSignature& s) {
    return std::ranges::none_of(
        keys, [&](const VerifierKey& k) { return k.name == s.name && k.id() == s.id; });
  });
  return CosignRequest{*std::move(add), *std::move(checkpoint), *std::move(note)};
}

WitnessAnswer answer_add_checkpoint(const CosignRequest& request,
                                    const std::optional<Checkpoint>& cosigned,
                                    const WitnessSigner& signer, base::Time now) {
  const Checkpoint before =
      cosigned.value_or(Checkpoint{request.checkpoint.origin, 0, crypto::merkle_empty_root()});
  if (request.add.old_size != before.size)
    return {.status = 409,
            .content_type = std::string(kLogSizeType),
            .body = std::to_string(before.size) + '\n'};
  if (const std::string_view why = unprovable(request, before); !why.empty())
    return refusal(422, why);
  const NoteSignature cosignature = cosign(request.note.text, signer, now);
  Note record = request.note;
  record.signatures.push_back(cosignature);
  return {.body = format_signature_line(cosignature), .record = format_note(record)};
}

base::Status check_growth(const Checkpoint& before, const Checkpoint& next,
                          std::span<const crypto::Digest> proof) {
  const auto inconsistent = [&](const std::string& why) {
    return corrupt("INCONSISTENT", why, next.origin);
  };
  if (before.origin != next.origin)
    return refuse("CONTEXT_MISMATCH", "the checkpoints are of two logs", next.origin);
  if (next.size < before.size)
    return inconsistent("the log shows " + std::to_string(next.size) + " entries and has shown " +
                        std::to_string(before.size) + " before");
  if (next.size == before.size && next.root != before.root)
    return inconsistent("the log shows two roots for " + std::to_string(next.size) + " entries");
  if (!crypto::merkle_verify_consistency(before.size, next.size, proof, before.root, next.root))
    return inconsistent("the proof does not show that the log of " + std::to_string(next.size) +
                        " entries extends the one of " + std::to_string(before.size));
  return {};
}

}  // namespace govern
