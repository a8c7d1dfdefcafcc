// The merging at the heart of BPE and SentencePiece: neighbouring symbols are joined, best pair
// first, leftmost first among equals, until no pair may be joined. A linked list and a heap: n log
// n in the length of the word, whatever it holds.
#pragma once

#include <cstdint>
#include <queue>
#include <vector>

namespace text {

struct Symbol {
  int32_t id;              // -1: no token says this
  uint32_t begin;          // in the word's bytes
  uint32_t length;         // 0: joined into the symbol on its left
  int32_t previous, next;  // indices, -1 at the ends
};

struct Joined {
  int32_t id;       // -1: the pair may not be joined
  double priority;  // smaller is sooner
};

class Merger {
 public:
  std::vector<Symbol>& symbols() { return symbols_; }

  void clear() { symbols_.clear(); }
  void append(int32_t id, uint32_t begin, uint32_t length) {
    const auto index = static_cast<int32_t>(symbols_.size());
    if (index > 0) symbols_.back().next = index;
    symbols_.push_back({id, begin, length, index - 1, -1});
  }

  // join(const Symbol&, const Symbol&) -> Joined
  template <class Join>
  void merge(Join&& join) {
    const auto offer = [&](int32_t left, int32_t right) {
      if (left < 0 || right < 0) return;
      const Joined joined = join(symbols_[left], symbols_[right]);
      if (joined.id < 0) return;
      candidates_.push({joined.priority, left, right, joined.id,
                        symbols_[left].length + symbols_[right].length});
    };
    for (int32_t i = 1; i < static_cast<int32_t>(symbols_.size()); ++i) offer(i - 1, i);
    while (!candidates_.empty()) {
      const Candidate best = candidates_.top();
      candidates_.pop();
      Symbol& left = symbols_[best.left];
      Symbol& right = symbols_[best.right];
      // Stale when either side has been joined since: both alive and as long together means both
      // are as they were.
      if (left.length == 0 || right.length == 0 || left.length + right.length != best.length)
        continue;
      left.id = best.id;
      left.length = best.length;
      right.length = 0;
      left.next = right.next;
      if (right.next >= 0) symbols_[right.next].previous = best.left;
      offer(left.previous, best.left);
      offer(best.left, left.next);
    }
  }

 private:
  struct Candidate {
    double priority;
    int32_t left, right, id;
    uint32_t length;
    bool operator<(const Candidate& other) const {  // the heap's top is its greatest
      return priority != other.priority ? priority > other.priority : left > other.left;
    }
  };
  std::vector<Symbol> symbols_;
  std::priority_queue<Candidate> candidates_;
};

}  // namespace text
