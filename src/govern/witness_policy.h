// Whose word makes a checkpoint count (C2SP tlog-policy): the logs that are known, the witnesses,
// and groups of them with thresholds, nested as needed, up to one quorum.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "govern/checkpoint.h"
#include "govern/cosignature.h"

namespace govern {

struct PolicyLog {
  VerifierKey key;  // named after the log's origin
  std::string url;  // empty: none given
};
struct PolicyWitness {
  std::string name;  // in the policy alone; the key has its own
  WitnessKey key;
  std::string url;  // the submission prefix; empty: none given
};
struct WitnessGroup {
  std::string name;
  uint64_t threshold = 1;  // of the members
  std::vector<std::string> members;
};
struct WitnessPolicy {
  std::vector<PolicyLog> logs;
  std::vector<PolicyWitness> witnesses;
  std::vector<WitnessGroup> groups;  // members are defined before they are used
  std::string quorum = "none";
};

// MALFORMED names the line; BAD_KEY: the same 32 bytes under two names, or as a log and a witness.
base::Result<WitnessPolicy> parse_witness_policy(std::string_view text);

// Whether witnesses of these keys make the quorum; a key counts once, however often it is there.
bool quorum_met(const WitnessPolicy& policy, std::span<const Cosignature> cosignatures);

struct WitnessedCheckpoint {
  Checkpoint checkpoint;
  std::vector<Cosignature> cosignatures;  // of the policy's witnesses, in the order of the note
  bool quorum_met = false;
};
// The checkpoint in a note signed by `log`, and who of the policy's witnesses cosigned it when.
// BAD_SIG: not signed by the log, or a bad signature by a known key; CONTEXT_MISMATCH: another
// log's, or a log that a policy with logs does not name. Missing witnesses are no refusal.
base::Result<WitnessedCheckpoint> open_witnessed(const WitnessPolicy& policy,
                                                 const VerifierKey& log, std::string_view note);
// The same for the log of the policy that the note names.
base::Result<WitnessedCheckpoint> open_witnessed(const WitnessPolicy& policy,
                                                 std::string_view note);

}  // namespace govern
