// Small charters at random (GOVERNANCE 3.13: S of at most 6, three or four bodies), as text with
// "<VKEY name>" where a key stands.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/random.h"
#include "govern/rehearsal.h"

namespace simulator {

struct RandomCharter {
  std::string text, policy;
  std::vector<std::string> witnesses;
  uint64_t witnesses_needed = 0;  // k; 0: waits are measured by the log's times
};

// Every seed gives a charter that the linter accepts.
RandomCharter random_charter(uint64_t seed);

// The next version of `current`, with one random change: a wait, a threshold, a seat, a holder, an
// entrenched path. Many of them must be refused.
std::string random_amendment(const govern::Charter& current, base::Rng* rng);

}  // namespace simulator
