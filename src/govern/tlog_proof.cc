#include "govern/tlog_proof.h"

#include "base/bytes.h"
#include "crypto/merkle.h"
#include "govern/refusal.h"

namespace govern {
namespace {

constexpr std::string_view kFirstLine = "c2sp.org/tlog-proof@v1";
constexpr size_t kProofBytesMax = 2u << 20;
constexpr size_t kHashesMax = 63;

base::Result<std::string_view> take_line(std::string_view* text) {
  const size_t end = text->find('\n');
  if (end == text->npos) return malformed("a line of the proof has no newline at its end");
  const std::string_view line = text->substr(0, end);
  text->remove_prefix(end + 1);
  return line;
}

}  // namespace

base::Result<TlogProof> parse_tlog_proof(std::string_view text) {
  if (text.size() > kProofBytesMax) return malformed("a proof has at most 2 MiB");
  TlogProof proof;
  TRY(std::string_view line, take_line(&text));
  if (line != kFirstLine)
    return malformed("a proof starts with the line " + std::string(kFirstLine));
  TRY(line, take_line(&text));
  if (line.starts_with("extra ")) {
    const auto extra = base::from_base64(line.substr(6));
    if (!extra) return malformed("what follows extra is not base64");
    proof.extra = std::string(base::as_text(*extra));
    TRY(line, take_line(&text));
  }
  if (!line.starts_with("index ")) return malformed("the proof lacks its line: index NUMBER");
  TRY(proof.index, parse_decimal(line.substr(6)));
  for (;;) {
    TRY(line, take_line(&text));
    if (line.empty()) break;
    if (proof.hashes.size() == kHashesMax) return malformed("a proof has at most 63 hashes");
    const auto bytes = base::from_base64(line);
    if (!bytes || bytes->size() != 32)
      return malformed("a line of the proof is base64 of 32 bytes");
    TRY(const crypto::Digest hash, crypto::digest_from_bytes(*bytes));
    proof.hashes.push_back(hash);
  }
  TRY_VOID(parse_note(text));
  proof.checkpoint = text;
  return proof;
}

std::string format_tlog_proof(const TlogProof& proof) {
  std::string out = std::string(kFirstLine) + '\n';
  if (proof.extra) out += "extra " + base::base64(base::as_bytes(*proof.extra)) + '\n';
  out += "index " + std::to_string(proof.index) + '\n';
  for (const crypto::Digest& hash : proof.hashes) out += base::base64(hash) + '\n';
  return out + '\n' + proof.checkpoint;
}

base::Result<WitnessedCheckpoint> verify_tlog_proof(const TlogProof& proof, std::string_view entry,
                                                    const WitnessPolicy& policy) {
  TRY(WitnessedCheckpoint seen, open_witnessed(policy, proof.checkpoint));
  if (!crypto::merkle_verify_inclusion(crypto::merkle_leaf(base::as_bytes(entry)), proof.index,
                                       seen.checkpoint.size, proof.hashes, seen.checkpoint.root))
    return corrupt("INCONSISTENT",
                   "the entry does not stand at index " + std::to_string(proof.index) +
                       " of the log that the checkpoint signs",
                   seen.checkpoint.origin);
  if (!seen.quorum_met)
    return refuse("THRESHOLD_UNMET",
                  "fewer witnesses have cosigned the checkpoint than the policy asks for (quorum " +
                      policy.quorum + ")",
                  seen.checkpoint.origin);
  return seen;
}

}  // namespace govern
