// Regular expressions over UTF-8, hiding PCRE2. Compiled once, matched from any thread. Matching is
// bounded: an expression that a file brought can be slow, never endless.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string_view>

#include "base/result.h"

namespace text {

class Regex {
 public:
  static base::Result<Regex> compile(std::string_view pattern);

  // Calls piece(begin, end) for each match and each gap between matches, left to right; together
  // they are all of `text`, none is empty. `text` must be valid UTF-8. Where the bounds of matching
  // are reached the rest is one piece.
  template <class Piece>
  void split(std::string_view text, Piece&& piece) const {
    size_t done = 0;
    size_t begin = 0;
    size_t end = 0;
    while (done < text.size() && find(text, done, &begin, &end)) {
      if (begin > done) piece(done, begin);
      piece(begin, end);
      done = end;
    }
    if (done < text.size()) piece(done, text.size());
  }

 private:
  struct Compiled;
  explicit Regex(std::shared_ptr<const Compiled> compiled) : compiled_(std::move(compiled)) {}
  // The first match that is not empty, at or after `from`.
  bool find(std::string_view text, size_t from, size_t* begin, size_t* end) const;

  std::shared_ptr<const Compiled> compiled_;
};

}  // namespace text
