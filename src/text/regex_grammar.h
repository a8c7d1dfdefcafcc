// Regular expressions as grammars: the part of ECMA 262's that is regular. Groups, classes,
// alternatives, quantifiers, ^ and $ at the ends; no look-around, no back-references, no \b.
#pragma once

#include <string_view>

#include "base/result.h"
#include "text/code_point_grammar.h"
#include "text/grammar.h"

namespace text {

// Draws what the pattern matches from `from` to `to`. As in JSON Schema a pattern is looked for
// anywhere unless it is anchored. Errors: InvalidArgument, with what is wrong and where in the
// pattern; TooLarge.
base::Status draw_pattern(GrammarBuilder* builder, GrammarBuilder::State from,
                          std::string_view pattern, Spelling spelling, GrammarBuilder::State to);

}  // namespace text
