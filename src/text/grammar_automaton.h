// A grammar run as a deterministic automaton that is made as it is walked: a state is the set of
// call stacks in which the text read so far can have left the grammar. Not thread-safe.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "text/grammar.h"

namespace text {

class GrammarAutomaton {
 public:
  static constexpr int32_t kDead = -1;
  explicit GrammarAutomaton(const Grammar& grammar);  // which outlives it

  int32_t start();
  int32_t next(int32_t state, uint8_t byte) {
    const int32_t known = next_[slot(state, grammar_.class_of(byte))];
    return known != kUnknown ? known : find_next(state, grammar_.class_of(byte));
  }
  bool accepts(int32_t state) const { return sets_[static_cast<size_t>(state)].accepts; }
  bool goes_on(int32_t state) const { return sets_[static_cast<size_t>(state)].count > 0; }
  bool free(int32_t state) const { return sets_[static_cast<size_t>(state)].free; }

  size_t memory_bytes() const;
  // The same place in another automaton of the same grammar.
  int32_t adopt(const GrammarAutomaton& other, int32_t state);

 private:
  static constexpr int32_t kUnknown = -2;
  struct Frame {
    int32_t state;   // where it stands; below the top: where it goes on after the call
    int32_t parent;  // -1: the root
    int32_t depth;   // calls that are open
  };
  struct Set {
    size_t first;   // into members_
    int32_t count;  // of stacks that can read a byte
    bool accepts, free;
  };
  struct KeyHash {
    size_t operator()(const std::vector<int32_t>& key) const;
  };

  size_t slot(int32_t state, uint8_t byte_class) const {
    return static_cast<size_t>(state) * static_cast<size_t>(grammar_.classes()) + byte_class;
  }
  int32_t find_next(int32_t state, uint8_t byte_class);
  int32_t frame(int32_t state, int32_t parent);
  bool fits(int32_t state, int32_t depth) const;
  void open(int32_t top);
  void look_into(int32_t top);
  int32_t close_set();

  const Grammar& grammar_;
  std::vector<Frame> frames_;
  std::unordered_map<uint64_t, int32_t> frame_ids_;
  std::vector<Set> sets_;
  std::vector<int32_t> members_;
  std::unordered_map<std::vector<int32_t>, int32_t, KeyHash> set_ids_;
  std::vector<int32_t> next_;

  // Of the set that is being made.
  std::vector<int32_t> pending_, tops_;
  std::vector<uint32_t> seen_;  // by frame
  uint32_t round_ = 0;
  int32_t looked_ = 0;
  bool accepts_ = false, free_ = false;
};

}  // namespace text
