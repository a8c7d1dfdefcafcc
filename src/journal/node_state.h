// What this node has seen at most: the log's size and root, the house's stops, every channel's
// epoch. Kept beside the log, so that an older or another log put in its place is noticed: a
// smaller number is an alarm, and nothing is served on its word (GOVERNANCE 3.10).
#pragma once

#include <map>
#include <string>

#include "govern/state.h"
#include "journal/log.h"

namespace journal {

struct NodeState {
  uint64_t log_size = 0, stop_epoch = 0, charter_version = 0;
  crypto::Digest log_root{};
  std::map<std::string, uint64_t> epochs;  // by channel
};

// None where there is no file yet. Corrupt when it cannot be read as it was written.
base::Result<NodeState> read_node_state(const std::string& data);

// ROLLBACK when the log is behind what the node has seen, INCONSISTENT when it is not the same log;
// else what it says now is written down, before anything is served on it.
base::Status advance_node_state(const std::string& data, const govern::State& state,
                                const Log& log);

}  // namespace journal
