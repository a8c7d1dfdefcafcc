// What must hold after every step (GOVERNANCE 3.13), told by what the simulation knows and the
// house does not: the true time of every entry, who signed what, what was served before. It counts
// votes and waits by itself, not by the functions that it judges.
#pragma once

#include <string>
#include <vector>

#include "govern/state.h"

namespace simulator {

class Oracle {
 public:
  // Waits count by true time where witnesses measure them, else by the log's own times.
  explicit Oracle(base::Time genesis) : true_times_{genesis} {}
  // The first invariant that this accepted entry broke, by its number; empty: none.
  std::string after(const govern::State& before, const govern::LoggedStatement& entry,
                    const govern::State& now, base::Time truth);
  void forget_after(uint64_t entries) { true_times_.resize(entries); }

 private:
  std::vector<base::Time> true_times_;  // by index in the log
};

// What a state says, without the digests by which it says so: equal for two histories that differ
// in signatures alone.
std::string meaning_of(const govern::State& state);

}  // namespace simulator
