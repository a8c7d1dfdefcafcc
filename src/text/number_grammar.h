// Numbers of JSON within bounds, drawn digit by digit. What is written has at most 15 significant
// digits when it has a fraction (a double tells them apart), at most 18 when it is an integer.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "json/json.h"
#include "text/grammar.h"

namespace text {

struct Bound {
  json::Value value = {};  // a number
  bool open = false;       // the bound itself is outside
};

struct NumberForm {
  bool integer = false;
  std::optional<Bound> least = {}, most = {};
  json::Value multiple_of = {};  // null: of anything
  bool plain() const { return !least && !most && multiple_of.is_null(); }
};

// Errors: InvalidArgument when the bounds or the multiple cannot be kept to; a range that is empty
// draws nothing.
base::Status draw_number(GrammarBuilder* builder, GrammarBuilder::State from,
                         const NumberForm& form, GrammarBuilder::State to);

}  // namespace text
