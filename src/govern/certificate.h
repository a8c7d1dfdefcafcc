// A release that anyone can verify offline from one file (GOVERNANCE 2.18): the charter, the
// evidence, the gate's verdict, the proposal, every ballot, the tally and the certificate, each
// with its entry in the log and the proof that the signed checkpoint covers it. Verifying folds
// them with the same function that the house itself uses.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "govern/checkpoint.h"
#include "govern/state.h"

namespace govern {

// What a verifier knows beforehand: which log, and which charter it started with.
struct CharterPin {
  std::string origin;
  VerifierKey log_key;
  crypto::Digest charter_sha256{};
};
std::string format_pin(const CharterPin& pin);
base::Result<CharterPin> parse_pin(std::string_view text);

struct ProvenLeaf {
  Leaf leaf;
  std::vector<crypto::Digest> proof;  // inclusion in the checkpoint's tree
};

struct ReleaseBundle {
  std::string checkpoint;  // the signed note
  std::vector<ProvenLeaf>
      leaves;  // in the order of the log; all of them from the proposal to the release
  std::vector<Envelope>
      statements;  // of the leaves that are about this release, in their order, ballots apart
  std::vector<Envelope> ballots;
  bool canonical = true;  // false: the file was not spelt as format_bundle() spells it
};

inline constexpr std::string_view kBundleFile = "release/bundle.json";
inline constexpr size_t kBundleBytesMax = 32u << 20;

std::string format_bundle(const ReleaseBundle& bundle);  // canonical JSON and a newline
base::Result<ReleaseBundle> parse_bundle_file(std::string_view text);

struct VerifiedRelease {
  std::string model, channel;
  uint64_t epoch = 0;
  Manifest manifest;
  crypto::Digest manifest_digest{};
  std::string charter_id;
  uint64_t charter_version = 0;
  crypto::Digest charter_sha256{};
  crypto::Digest proposal{};
  uint64_t leaf = 0;                     // of the certificate
  uint64_t log_size = 0;                 // of the checkpoint
  Outcome outcome;                       // recomputed from the ballots
  std::vector<std::string> persons_for;  // who approved, sorted
  bool one_person_decides = false;
  std::vector<LoggedEvidence> evidence;
  base::Time not_before, not_after;
  Price price;
  Charter charter;
};

// Any failure refuses by name: CONTEXT_MISMATCH (pin), BAD_SIG, INCONSISTENT (proofs),
// BALLOT_MISSING, THRESHOLD_UNMET, EVIDENCE_*, GATE_BOUND, SUBJECT_MISMATCH, EXPIRED, …
base::Result<VerifiedRelease> verify_release(const ReleaseBundle& bundle, const CharterPin& pin,
                                             base::Time now);

}  // namespace govern
