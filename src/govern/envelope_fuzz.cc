// DSSE envelopes and every payload that one may hold.
#include "govern/dsse.h"
#include "govern/evidence.h"
#include "govern/gate.h"
#include "govern/statements.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto envelope = govern::parse_envelope(text)) govern::envelope_digest(*envelope);
  if (const auto evidence = govern::parse_evidence(text); evidence && evidence->epochs == 1)
    govern::lower_bound(evidence->passed, evidence->size, 0.05);
  static_cast<void>(govern::parse_statement(text));
  static_cast<void>(govern::parse_gate_verdict(text));
  static_cast<void>(govern::parse_leaf(text));
  static_cast<void>(govern::parse_charter_statement(text));
  static_cast<void>(govern::parse_proposal(text));
  static_cast<void>(govern::parse_ballot(text));
  static_cast<void>(govern::parse_tally(text));
  static_cast<void>(govern::parse_certificate(text));
  return 0;
}
