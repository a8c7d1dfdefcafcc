// How a release comes to a channel's traffic: in steps of percent, each after enough answers,
// enough time and a monitor's consent. A charter without [rollout] gives a release all traffic at
// once.
#pragma once

#include <cstdint>
#include <vector>

#include "base/time.h"
#include "govern/monitor.h"

namespace govern {

inline constexpr uint64_t kTwoManShare = 25;  // percent; above it two persons of two bodies sign

struct Rollout {
  std::vector<uint64_t> stages = {1, 5, 25, 50, 100};  // percent, rising to 100
  uint64_t min_exposures = 1000;                       // answers of a stage before the next
  base::Duration min_stage = base::seconds(86'400);
  base::Duration deadline = base::seconds(7 * 86'400);  // a canary silent for so long is halted

  uint64_t next_after(uint64_t share) const;  // 100 after the last
  uint64_t below(uint64_t share) const;       // 0 below the first
};

}  // namespace govern
