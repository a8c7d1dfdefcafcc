// A language of byte strings that a model's output can be held to: rules whose bodies are automata
// over bytes and over calls of other rules. Built once from a schema, an expression or a tool's
// envelope (GrammarBuilder), immutable and shared after that; text/grammar_masks.h runs it.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace text {

using ByteSet = std::bitset<256>;
ByteSet byte_range(uint8_t first, uint8_t last);
ByteSet bytes_of(std::string_view bytes);

class Grammar {
 public:
  struct Call {
    int32_t entry;  // the callee's first state
    int32_t back;   // where the caller goes on
  };
  struct Edge {
    uint8_t byte_class;
    int32_t target;
  };
  struct State {
    int32_t first_edge = 0, edge_count = 0;  // by class, at most one each
    int32_t first_call = 0, call_count = 0;
    int32_t need = 0;    // calls that must be open at once, at least, to leave the rule from here
    bool final = false;  // the rule may end here
    bool free = false;   // tokens without bytes (control tokens) may come here and change nothing
    bool bare() const { return final && edge_count == 0 && call_count == 0; }
  };

  int32_t start() const { return start_; }
  const State& state(int32_t id) const { return states_[static_cast<size_t>(id)]; }
  size_t size() const { return states_.size(); }
  std::span<const Call> calls(const State& state) const;
  std::span<const Edge> edges(const State& state) const;
  int32_t target(const State& state, uint8_t byte_class) const;  // -1: none
  int32_t classes() const { return class_count_; }  // bytes that no state tells apart are one class
  uint8_t class_of(uint8_t byte) const { return class_of_[byte]; }
  int32_t open_calls_max() const { return open_calls_max_; }
  size_t memory_bytes() const;
  // Whether the whole of `text` is in the language. For tests and for checks after the fact.
  bool matches(std::string_view text) const;

 private:
  friend class Determiniser;
  std::vector<State> states_;
  std::vector<Edge> edges_;
  std::vector<Call> calls_;
  std::array<uint8_t, 256> class_of_{};
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

  Rule rule(std::string label = {});  // the label names it in errors
  State first(Rule rule) const { return rules_[static_cast<size_t>(rule)].first; }
  State last(Rule rule) const { return rules_[static_cast<size_t>(rule)].last; }

  State state();
  void empty(State from, State to);  // without reading anything
  void bytes(State from, const ByteSet& set, State to);
  void call(State from, Rule callee, State to);
  void free(State state);  // see Grammar::State::free

  // Those return the state behind what they drew.
  State bytes(State from, const ByteSet& set);
  State literal(State from, std::string_view text);
  State call(State from, Rule callee);

  size_t states() const { return states_.size(); }
  // TooLarge when the automata grow beyond bounds; InvalidArgument with reason UNPRODUCTIVE when no
  // finite string is in the language (where: the label of a rule that cannot end). open_calls_max
  // bounds the nesting of what is written.
  base::Result<std::shared_ptr<const Grammar>> build(Rule root, int32_t open_calls_max) const;

 private:
  friend class Determiniser;
  struct Node {
    std::vector<State> empties = {};
    std::vector<std::pair<ByteSet, State>> edges = {};
    std::vector<std::pair<State, Rule>> calls = {};  // where it goes on, callee
    bool free = false;
  };
  struct RuleEnds {
    State first, last;
    std::string label;
  };
  std::vector<Node> states_;
  std::vector<RuleEnds> rules_;
};

}  // namespace text
