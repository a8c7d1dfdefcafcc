// Sets of characters drawn into a grammar as the bytes that spell them: UTF-8, raw or inside a JSON
// string.
#pragma once

#include <utility>
#include <vector>

#include "text/grammar.h"

namespace text {

enum class Spelling : uint8_t { Raw, JsonString };

// Ranges of code points, first and last; in order and apart after normalize().
using CodePoints = std::vector<std::pair<char32_t, char32_t>>;
void normalize(CodePoints* set);
CodePoints complement(CodePoints set);

// Draws one character of the set. In a JSON string each character has the one spelling that writers
// use: itself, or \" \\ \n \t \r \b \f, or \u00XX for other control characters.
void draw_code_points(GrammarBuilder* builder, GrammarBuilder::State from, const CodePoints& set,
                      Spelling spelling, GrammarBuilder::State to);

}  // namespace text
