// A language of byte strings that a model's output can be held to: rules whose bodies are automata
// over bytes and over calls of other rules. Built once from a schema, an expression or a tool's
// envelope (GrammarBuilder), immutable and shared after that; text/grammar_masks.h runs it.
#pragma once

#include <bitset>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace text {

using ByteSet = std::bitset<256>;
ByteSet byte_range(uint8_t first, uint8_t last);

class Grammar {
 public:
  struct Call {
    int32_t entry;  // the callee's first state
    int32_t back;   // where the caller goes on
  };
  struct State {
    int32_t first_target = 0;  // into targets(): one per byte class, -1: none
    int32_t first_call = 0, call_count = 0;
    int32_t need = 0;  // calls that have to be open at once, at least, to leave the rule from here
    bool final = false;  // the rule may end here
    bool bare = false;   // final, and nothing leads on
    bool free = false;   // tokens without bytes (control tokens) may come here and change nothing
  };

  int32_t start() const { return start_; }
  std::span<const State> states() const { return states_; }
  std::span<const Call> calls(const State& state) const {
    return std::span(calls_).subspan(static_cast<size_t>(state.first_call),
                                     static_cast<size_t>(state.call_count));
  }
  int32_t classes() const { return class_count_; }  // bytes that no state tells apart are one class
  uint8_t class_of(uint8_t byte) const { return class_of_[byte]; }
  int32_t target(const State& state, uint8_t byte_class) const {
    return targets_[static_cast<size_t>(state.first_target) + byte_class];
  }
  int32_t open_calls_max() const { return open_calls_max_; }
  // Whether the whole of `text` is in the language. For tests and for checks after the fact.
  bool matches(std::string_view text) const;

 private:
  friend class GrammarBuilder;
  std::vector<State> states_;
  std::vector<int32_t> targets_;
  std::vector<Call> calls_;
  uint8_t class_of_[256] = {};
  int32_t class_count_ = 0;
  int32_t start_ = 0;
  int32_t open_calls_max_ = 0;
};

// Draws the automata. States belong to the rule from whose first state they are reached; a rule is
// left from its last state. Ids are those of this builder.
class GrammarBuilder {
 public:
  using Rule = int32_t;
  using State = int32_t;

  Rule rule();
  State first(Rule rule) const;
  State last(Rule rule) const;

  State state();
  void empty(State from, State to);  // without reading anything
  void bytes(State from, const ByteSet& set, State to);
  void call(State from, Rule callee, State to);
  void free(State state);  // see Grammar::State::free

  // Those return the state behind what they drew.
  State literal(State from, std::string_view text);
  State call(State from, Rule callee);

  size_t states() const { return states_.size(); }
  // TooLarge when the automata grow beyond bounds; InvalidArgument with reason UNPRODUCTIVE when no
  // finite string is in the language. open_calls_max bounds the nesting of what is written.
  base::Result<std::shared_ptr<const Grammar>> build(Rule root, int32_t open_calls_max) const;

 private:
  struct Node {
    std::vector<State> empties = {};
    std::vector<std::pair<ByteSet, State>> edges = {};
    std::vector<std::pair<Rule, State>> calls = {};
    bool free = false;
  };
  friend class Determiniser;
  std::vector<Node> states_;
  std::vector<std::pair<State, State>> rules_;  // first, last
};

}  // namespace text
