// One step of the fold: what each kind of statement asks for, and what it changes. Called by
// state.cc alone, which has checked the entry itself.
#pragma once

#include "govern/state.h"

namespace govern {

// Changes nothing when it refuses.
base::Status apply_step(State* state, const LoggedStatement& statement);

}  // namespace govern
