// Proofs that travel with a log entry (C2SP tlog-proof): its index, the hashes up to the root, and
// a checkpoint with cosignatures. Whoever knows the log's and the witnesses' keys needs no network.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "govern/witness_policy.h"

namespace govern {

struct TlogProof {
  std::optional<std::string> extra;  // bytes that nobody signed
  uint64_t index = 0;
  std::vector<crypto::Digest> hashes;  // from the leaf's sibling up
  std::string checkpoint;              // the signed note
};

base::Result<TlogProof> parse_tlog_proof(std::string_view text);  // MALFORMED
std::string format_tlog_proof(const TlogProof& proof);

// Whether `entry` (the log's own bytes of it) stands at the proof's index in a log that the policy
// names, and as many witnesses as it asks for saw the checkpoint. BAD_SIG, CONTEXT_MISMATCH,
// INCONSISTENT (not this entry, or not at this index), THRESHOLD_UNMET (witnesses).
base::Result<WitnessedCheckpoint> verify_tlog_proof(const TlogProof& proof, std::string_view entry,
                                                    const WitnessPolicy& policy);

}  // namespace govern
