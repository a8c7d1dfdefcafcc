#include "text/grammar_automaton.h"

#include <algorithm>
#include <utility>

namespace text {
namespace {

// A grammar that is ambiguous beyond these loses readings, the later ones first: what is written
// stays in the language, and a step stays cheap.
constexpr size_t kStacksMax = 128;
constexpr int32_t kLookedMax = 2048;

}  // namespace

GrammarAutomaton::GrammarAutomaton(const Grammar& grammar) : grammar_(grammar) {}

size_t GrammarAutomaton::KeyHash::operator()(const std::vector<int32_t>& key) const {
  uint64_t hash = key.size();
  for (const int32_t part : key) hash = (hash ^ static_cast<uint32_t>(part)) * 0x9E3779B97F4A7C15u;
  return static_cast<size_t>(hash ^ hash >> 31);
}

int32_t GrammarAutomaton::start() {
  open(frame(grammar_.start(), -1));
  return close_set();
}

int32_t GrammarAutomaton::frame(int32_t state, int32_t parent) {
  const uint64_t key = uint64_t{static_cast<uint32_t>(state)} << 32 | static_cast<uint32_t>(parent);
  const auto [at, fresh] = frame_ids_.emplace(key, static_cast<int32_t>(frames_.size()));
  if (fresh) {
    const int32_t depth = parent < 0 ? 0 : frames_[static_cast<size_t>(parent)].depth + 1;
    frames_.push_back({state, parent, depth});
  }
  return at->second;
}

// Whether the rule can still be left within the bound on open calls: a path that could not is never
// entered, so that none ends in a dead end.
bool GrammarAutomaton::fits(int32_t state, int32_t depth) const {
  return depth + grammar_.state(state).need <= grammar_.open_calls_max();
}

// Adds a stack to the set that is being made, and those that it becomes by calls and returns. First
// come, first kept: the order is that of the grammar, whatever was asked of the automaton before.
void GrammarAutomaton::open(int32_t top) {
  pending_.push_back(top);
  while (!pending_.empty()) {
    const int32_t next = pending_.back();
    pending_.pop_back();
    if (seen_.size() < frames_.size()) seen_.resize(frames_.size() * 2);
    uint32_t& seen = seen_[static_cast<size_t>(next)];
    if (seen == round_ + 1 || looked_ >= kLookedMax) continue;
    seen = round_ + 1;
    ++looked_;
    look_into(next);
  }
}

void GrammarAutomaton::look_into(int32_t top) {
  const Frame here = frames_[static_cast<size_t>(top)];
  const Grammar::State& state = grammar_.state(here.state);
  free_ |= state.free;
  if (state.edge_count > 0 && tops_.size() < kStacksMax) tops_.push_back(top);
  if (state.final) {
    if (here.parent < 0) {
      accepts_ = true;
    } else {
      pending_.push_back(here.parent);
    }
  }
  const auto calls = grammar_.calls(state);
  for (size_t i = calls.size(); i-- > 0;) {
    const auto& [entry, back] = calls[i];
    if (grammar_.state(back).bare()) {
      if (fits(entry, here.depth)) pending_.push_back(frame(entry, here.parent));
    } else if (fits(back, here.depth) && fits(entry, here.depth + 1)) {
      pending_.push_back(frame(entry, frame(back, here.parent)));
    }
  }
}

int32_t GrammarAutomaton::close_set() {
  ++round_;
  looked_ = 0;
  std::vector<int32_t> key = std::exchange(tops_, {});
  const bool accepts = std::exchange(accepts_, false);
  const bool free = std::exchange(free_, false);
  if (key.empty() && !accepts) return kDead;
  key.push_back(accepts ? 1 : 0);
  key.push_back(free ? 1 : 0);
  const auto [at, fresh] = set_ids_.emplace(std::move(key), static_cast<int32_t>(sets_.size()));
  if (fresh) {
    const auto count = static_cast<int32_t>(at->first.size()) - 2;
    sets_.push_back({members_.size(), count, accepts, free});
    members_.insert(members_.end(), at->first.begin(), at->first.end() - 2);
    next_.resize(next_.size() + static_cast<size_t>(grammar_.classes()), kUnknown);
  }
  return at->second;
}

int32_t GrammarAutomaton::find_next(int32_t state, uint8_t byte_class) {
  const Set from = sets_[static_cast<size_t>(state)];
  for (int32_t i = 0; i < from.count; ++i) {
    const Frame top = frames_[static_cast<size_t>(members_[from.first + static_cast<size_t>(i)])];
    const int32_t target = grammar_.target(grammar_.state(top.state), byte_class);
    if (target >= 0 && fits(target, top.depth)) open(frame(target, top.parent));
  }
  const int32_t found = close_set();
  next_[slot(state, byte_class)] = found;
  return found;
}

size_t GrammarAutomaton::memory_bytes() const {
  constexpr size_t kHashNodeBytes = 48;
  return frames_.size() * (sizeof(Frame) + sizeof(uint32_t) + kHashNodeBytes) +
         sets_.size() * (sizeof(Set) + kHashNodeBytes + 32) + members_.size() * 8 +
         next_.size() * sizeof(int32_t);
}

int32_t GrammarAutomaton::adopt(const GrammarAutomaton& other, int32_t state) {
  const Set& from = other.sets_[static_cast<size_t>(state)];
  for (int32_t i = 0; i < from.count; ++i) {
    std::vector<int32_t> path;  // top first
    for (int32_t at = other.members_[from.first + static_cast<size_t>(i)]; at >= 0;
         at = other.frames_[static_cast<size_t>(at)].parent)
      path.push_back(other.frames_[static_cast<size_t>(at)].state);
    int32_t top = -1;
    for (size_t j = path.size(); j-- > 0;) top = frame(path[j], top);
    tops_.push_back(top);
  }
  accepts_ = from.accepts;
  free_ = from.free;
  return close_set();
}

}  // namespace text
