#include <algorithm>

#include "govern/refusal.h"
#include "govern/signers.h"
#include "govern/steps.h"

namespace govern {

using base::Result;
using base::Status;

Status apply_charter(State* state, const LoggedStatement& s) {
  if (state->started() || s.leaf.seq != 0)
    return refuse("CHARTER_CHAIN", "a charter starts a log; this house has one");
  TRY(const CharterStatement statement, parse_charter_statement(s.envelope.payload));
  TRY(Charter charter, parse_charter(statement.text));
  const crypto::Digest digest = crypto::sha256(statement.text);
  TRY(VerifierKey log_key, parse_vkey(statement.log_vkey));
  const Context place{charter.id, charter.version, digest, charter.origin(),
                      statement.context.nonce};
  if (!(place == statement.context) || log_key.name != charter.origin())
    return refuse("CONTEXT_MISMATCH",
                  "the charter's statement does not name this charter and its log", charter.id);
  TRY(const auto signers, signers_of(charter, s.envelope));
  const auto members = charter.control_persons();
  if (std::ranges::none_of(members,
                           [&](const std::string& person) { return signers.contains(person); }))
    return refuse("SIGNER_MISSING",
                  "the charter is signed by nobody with a seat in a body of class control",
                  charter.id);
  state->charter = std::make_shared<const Charter>(std::move(charter));
  state->place = place;
  state->place.nonce.clear();
  state->log_key = std::move(log_key);
  state->nonces.insert(statement.context.nonce);
  return {};
}

}  // namespace govern
