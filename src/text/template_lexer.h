// Cuts a chat template into text and the tokens inside its tags, with white space already taken
// away as the tags ask.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace text::jinja {

struct Token {
  enum class Kind : uint8_t {
    Text,
    OutputBegin,
    OutputEnd,
    BlockBegin,
    BlockEnd,
    Name,
    Integer,
    Float,
    String,
    Operator,
    End
  };
  Kind kind = Kind::End;
  int line = 0;
  std::string text = {};  // String: with its escapes resolved
};

base::Result<std::vector<Token>> lex(std::string_view source);

}  // namespace text::jinja
