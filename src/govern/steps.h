// One step of the fold: what each kind of statement asks for, and what it changes. Called by
// state.cc alone, which has checked the entry itself.
#pragma once

#include "govern/state.h"

namespace govern {

// Changes nothing when it refuses.
base::Status apply_step(State* state, const LoggedStatement& statement);

LeafReference reference_of(const LoggedStatement& statement);
// CONTEXT_MISMATCH for another charter or log, REPLAY when the nonce was seen.
base::Status check_context(const State& state, const Context& context);
// TIME_ORDER: a statement's own time is a claim; it may not lie after the log's.
base::Status check_created(const Leaf& leaf, base::Time created);

}  // namespace govern
