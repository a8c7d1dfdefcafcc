// The values of JSON as rules, drawn once into a builder and called from wherever one is wanted:
// compact, at most one blank behind a colon or a comma.
#pragma once

#include <optional>

#include "text/grammar.h"

namespace text {

class JsonRules {
 public:
  explicit JsonRules(GrammarBuilder* builder) : b_(*builder) {}

  GrammarBuilder::Rule string();
  GrammarBuilder::Rule character();  // of a string: one code point, in any spelling
  GrammarBuilder::Rule number();
  GrammarBuilder::Rule integer();
  GrammarBuilder::Rule value();
  GrammarBuilder::Rule object();
  GrammarBuilder::Rule array();

  // Those draw from `from` and return the state behind.
  GrammarBuilder::State blank(GrammarBuilder::State from);  // at most one
  GrammarBuilder::State comma(GrammarBuilder::State from);  // and a blank
  // An object of any keys with values of `value`.
  GrammarBuilder::State map(GrammarBuilder::State from, GrammarBuilder::Rule value);
  // `count` items at least and, when there is a most, at most so many.
  GrammarBuilder::State list(GrammarBuilder::State from, GrammarBuilder::Rule item, size_t least,
                             std::optional<size_t> most);

 private:
  using Rule = GrammarBuilder::Rule;
  using State = GrammarBuilder::State;
  void draw_escape(State from, State to);

  GrammarBuilder& b_;
  std::optional<Rule> string_, character_, number_, integer_, value_, object_, array_;
};

}  // namespace text
