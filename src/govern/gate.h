// The gate: does the evidence show what the charter asks of a channel? It looks at bounds, never at
// means, and it is a pure function: the verdict statement (SLSA VSA) that is logged is always
// recomputed and compared.
#pragma once

#include <string_view>
#include <vector>

#include "base/time.h"
#include "govern/charter.h"
#include "govern/evidence.h"
#include "govern/statements.h"

namespace govern {

struct LoggedEvidence {
  LeafReference at;
  Evidence evidence;
  // Of a declared run: which attempt at its suite it was, and whether a later one counts instead.
  uint32_t attempt = 0;
  bool superseded = false;
};

// EVIDENCE_MISSING when no run answers a gate, GATE_BOUND when a bound fails (the message gives
// bound and limit), ATTEMPT_ALPHA when it fails because the run is not the first attempt and so has
// a smaller alpha, SUBJECT_MISMATCH when a run was of another model, EVIDENCE_STALE when a run is
// older than the power or the gate allows.
base::Status check_gates(const Charter& charter, const Power& power, std::string_view channel,
                         const crypto::Digest& manifest,
                         const std::vector<LoggedEvidence>& evidence, base::Time now);

// Whether a failed verdict under these gates halts what is being served: a gate that fails, other
// than for want of evidence, says on_breach = "halt".
bool breach_halts(const Charter& charter, const Power& power, std::string_view channel,
                  const crypto::Digest& manifest, const std::vector<LoggedEvidence>& evidence,
                  base::Time now);

crypto::Digest standard_digest(const Charter& charter);  // of the gates, as canonical JSON
json::Value evidence_to_json(
    const std::vector<LoggedEvidence>& evidence);  // as a certificate lists it

// The verdict that the gates passed, or failed, to be signed and logged.
struct GateVerdict {
  std::string model, channel;
  crypto::Digest manifest{}, standard{};
  std::vector<LeafReference> evidence;
  base::Time verified;
  bool passed = true;
};
std::string format_gate_verdict(const GateVerdict& verdict);
base::Result<GateVerdict> parse_gate_verdict(std::string_view payload);

}  // namespace govern
