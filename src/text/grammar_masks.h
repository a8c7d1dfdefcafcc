// Which tokens a grammar allows: the vocabulary as a tree of bytes, walked along the grammar's
// automaton, once for each state that occurs. States and masks are found when they are needed and
// kept, so that a step of a constrained stream is a look into a table.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "text/grammar.h"
#include "text/tokenizer.h"

namespace text {

// The tokens of one vocabulary by their bytes. Tokens in `stops` end a turn and have no bytes;
// control tokens have none either, but for those in `spelled`, which count as the text of their
// spelling. Immutable; made once per model.
class TokenTree {
 public:
  TokenTree(Tokenizer tokenizer, int32_t vocab_size, std::vector<int32_t> stops,
            std::span<const int32_t> spelled = {});

  struct Node {  // in depth-first order; the root is left out
    uint8_t byte;
    uint16_t depth;                    // bytes in front of this one
    int32_t after;                     // the next node that is not below this one
    int32_t first_token, token_count;  // of tokens()
  };
  std::span<const Node> nodes() const { return nodes_; }
  std::span<const int32_t> tokens() const { return tokens_; }
  size_t depth_max() const { return depth_max_; }
  std::string_view bytes(int32_t token) const;  // empty: the token is not in the tree
  int32_t vocab_size() const { return vocab_size_; }
  std::span<const int32_t> stops() const { return stops_; }
  std::span<const int32_t> silent() const { return silent_; }  // no bytes, and no end of a turn

 private:
  void grow(std::span<const int32_t> sorted);

  Tokenizer tokenizer_;
  int32_t vocab_size_;
  std::vector<Node> nodes_;
  std::vector<int32_t> tokens_, stops_, silent_;
  std::vector<bool> in_tree_;
  size_t depth_max_ = 0;
};

// One bit per token, 64 to a word.
struct TokenMask {
  std::vector<uint64_t> words;
  int64_t count = 0;  // of the bits that are set
  bool allows(int32_t token) const {
    return words[static_cast<size_t>(token) / 64] >> (static_cast<size_t>(token) % 64) & 1;
  }
};

// One grammar on one vocabulary, for any number of streams and threads.
class GrammarMasks {
 public:
  GrammarMasks(std::shared_ptr<const Grammar> grammar, std::shared_ptr<const TokenTree> tree);
  ~GrammarMasks();
  GrammarMasks(const GrammarMasks&) = delete;
  GrammarMasks& operator=(const GrammarMasks&) = delete;
  size_t memory_bytes() const;  // of what has been found so far

 private:
  friend class GrammarCursor;
  struct Found;
  std::shared_ptr<Found> fresh() const;

  const std::shared_ptr<const Grammar> grammar_;
  const std::shared_ptr<const TokenTree> tree_;
  struct Guarded;
  const std::unique_ptr<Guarded> guarded_;
};

// Where one stream stands. Not shared between threads.
class GrammarCursor {
 public:
  explicit GrammarCursor(std::shared_ptr<GrammarMasks> masks);

  // What may come next; tokens that end a turn are in it where the text so far is complete.
  std::shared_ptr<const TokenMask> mask();
  // Takes a token that the mask allowed and that ends no turn; false when it does not fit.
  bool advance(int32_t token);
  bool complete();  // what has been written is in the language
  bool closed();    // and nothing can follow it

 private:
  GrammarMasks::Found& found();  // under the lock; brings this cursor to what is in use now

  std::shared_ptr<GrammarMasks> masks_;
  std::shared_ptr<GrammarMasks::Found> found_;
  int32_t state_ = 0;
};

}  // namespace text
