// Which tokens a grammar allows: the vocabulary as a tree of bytes, walked along the grammar's
// automaton, once per state that occurs. The states are found as they are needed and kept, so that
// a step of a constrained stream is a look into a table.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "text/grammar.h"
#include "text/tokenizer.h"

namespace text {

// The tokens of one vocabulary by their bytes. Control tokens are left out, but for those in
// `spelled`, which count as the text of their spelling. Immutable; made once per model.
class TokenTree {
 public:
  TokenTree(const Tokenizer& tokenizer, int32_t vocab_size, std::span<const int32_t> spelled = {});

  struct Node {  // in depth-first order; the root is left out
    uint8_t byte;
    uint8_t depth;                     // of the token's bytes read before this one
    int32_t after;                     // the next node that is not below this one
    int32_t first_token, token_count;  // of tokens()
  };
  std::span<const Node> nodes() const { return nodes_; }
  std::span<const int32_t> tokens() const { return tokens_; }
  std::string_view bytes(int32_t token) const;  // empty: the token has no place in the tree
  int32_t vocab_size() const { return vocab_size_; }
  // Tokens without bytes that do not end a turn.
  std::span<const int32_t> silent() const { return silent_; }
  std::span<const int32_t> stops() const { return stops_; }

 private:
  Tokenizer tokenizer_;
  int32_t vocab_size_;
  std::vector<Node> nodes_;
  std::vector<int32_t> tokens_, silent_, stops_;
  std::vector<bool> in_tree_;
};

// One bit per token, 64 to a word.
struct TokenMask {
  std::vector<uint64_t> words;
  int64_t count = 0;   // of tokens that go on; stop tokens are not counted
  bool stops = false;  // the grammar is content here, so the tokens that end a turn are set as well
  bool allows(int32_t token) const {
    return words[static_cast<size_t>(token) / 64] >> (static_cast<size_t>(token) % 64) & 1;
  }
};

// One grammar on one vocabulary, for any number of streams and threads.
class GrammarMasks : public std::enable_shared_from_this<GrammarMasks> {
 public:
  GrammarMasks(std::shared_ptr<const Grammar> grammar, std::shared_ptr<const TokenTree> tree);
  ~GrammarMasks();
  const Grammar& grammar() const { return *grammar_; }

 private:
  friend class GrammarCursor;
  class Automaton;
  std::shared_ptr<const Grammar> grammar_;
  std::shared_ptr<const TokenTree> tree_;
  struct Shared;
  std::unique_ptr<Shared> shared_;
};

// Where one stream stands. Not shared between threads.
class GrammarCursor {
 public:
  explicit GrammarCursor(std::shared_ptr<GrammarMasks> masks);
  ~GrammarCursor();
  GrammarCursor(GrammarCursor&&) noexcept;
  GrammarCursor& operator=(GrammarCursor&&) noexcept;

  // What may come next; lives as long as the caller holds it.
  std::shared_ptr<const TokenMask> mask();
  // Takes a token that the mask allowed (not a stop token); false when it does not fit.
  bool advance(int32_t token);
  bool complete();  // what has been written is in the language
  bool closed();    // and nothing can follow it

 private:
  std::shared_ptr<GrammarMasks> masks_;
  std::shared_ptr<GrammarMasks::Automaton> automaton_;
  int32_t state_ = 0;
};

}  // namespace text
