// The semantic schemas of word problems: which numbers a situation has, how they are drawn, and the
// program that answers its question. The wordings of a schema stand in the grammar files, one per
// language.
#pragma once

#include <array>
#include <span>
#include <string_view>

#include "base/random.h"
#include "reason/program.h"

namespace lab::synth {

using Numbers =
    std::array<reason::Rational, 26>;  // by letter: a..h of the schema, x and y of an idle sentence

struct Schema {
  std::string_view id;       // "change.less"
  std::string_view program;  // "a-b:count; t1*c:money": letters, steps t1.., constants as #60; the
                             // last step answers
  void (*draw)(base::Rng& rng, Numbers& numbers);
  bool held_out = false;  // no training sample comes from it
};

std::span<const Schema> schemas();
const Schema* find_schema(std::string_view id);  // null when there is none

// The schema's program over n0, n1, ... when the text names the numbers in the order of these
// letters.
reason::Program bind_program(const Schema& schema, std::string_view order);

}  // namespace lab::synth
