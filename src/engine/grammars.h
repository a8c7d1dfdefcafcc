// The grammars that requests of one model are held to: each grammar's masks are made once and kept
// while there is memory for them. Thread-safe.
#pragma once

#include <list>
#include <memory>
#include <mutex>
#include <vector>

#include "model/model.h"
#include "text/grammar_masks.h"

namespace engine {

class Grammars {
 public:
  Grammars(const model::Model& model, int64_t vocab_size);  // the model outlives it

  // spelled: control tokens that count as text.
  std::shared_ptr<text::GrammarMasks> masks(const std::shared_ptr<const text::Grammar>& grammar,
                                            const std::vector<int32_t>& spelled);

 private:
  using Tree = std::shared_ptr<const text::TokenTree>;
  Tree tree(const std::vector<int32_t>& spelled);
  void forget_some();

  struct Known {
    std::shared_ptr<const text::Grammar> grammar;
    Tree tree;
    std::shared_ptr<text::GrammarMasks> masks;
  };
  const model::Model& model_;
  const int64_t vocab_size_;
  std::mutex mutex_;
  std::list<Known> known_;  // the latest used first
  std::list<std::pair<std::vector<int32_t>, Tree>> trees_;
};

}  // namespace engine
