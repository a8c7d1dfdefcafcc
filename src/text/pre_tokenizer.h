// Cuts text into the pieces that byte-level BPE merges within. A cut is data: one or more regular
// expressions, applied one after the other, each splitting the pieces of the one before into its
// matches and what lies between.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/regex.h"

namespace text {

struct NamedSplit {
  std::string_view name;
  std::vector<std::string_view> patterns;
};

// The cuts that are known by name: gpt2, llama3, qwen2, deepseek-coder, starcoder, gpt-4o, charter.
std::span<const NamedSplit> named_splits();
// Null when unknown. Also takes the other names that GGUF files use (gpt-2, llama-bpe, smollm,
// ...).
const NamedSplit* find_split(std::string_view name);

class PreTokenizer {
 public:
  static base::Result<PreTokenizer> create(std::string_view name);
  static base::Result<PreTokenizer> create(std::span<const std::string> patterns);

  // Calls piece(std::string_view) on each piece, left to right; together they are `text`. Any
  // bytes: a run that is not UTF-8 is a piece of its own.
  template <class Piece>
  void split(std::string_view text, Piece&& piece) const {
    for (size_t at = 0; at < text.size();) {
      const size_t valid = valid_run(text, at);
      if (valid > at) split_valid(0, text.substr(at, valid - at), piece);
      const size_t bad = bad_run(text, valid);
      if (bad > valid) piece(text.substr(valid, bad - valid));
      at = bad;
    }
  }

 private:
  template <class Piece>
  void split_valid(size_t level, std::string_view text, Piece& piece) const {
    if (level == expressions_.size()) return piece(text);
    expressions_[level].split(text, [&](size_t begin, size_t end) {
      split_valid(level + 1, text.substr(begin, end - begin), piece);
    });
  }
  static size_t valid_run(std::string_view text,
                          size_t from);  // end of the UTF-8 that starts at `from`
  static size_t bad_run(std::string_view text, size_t from);

  std::vector<Regex> expressions_;
};

}  // namespace text
