// Grammars that have been compiled, by what they were compiled from; the latest used stay. So equal
// requests share one grammar, and with it the masks that were found for it. Thread-safe.
#pragma once

#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "text/grammar.h"

namespace text {

class GrammarCache {
 public:
  std::shared_ptr<const Grammar> find(std::string_view key);  // null: not known
  void keep(std::string key, std::shared_ptr<const Grammar> grammar);

 private:
  using Kept = std::pair<std::string, std::shared_ptr<const Grammar>>;
  static size_t bytes_of(const Kept& kept);

  std::mutex mutex_;
  std::list<Kept> order_;  // the latest used first
  size_t bytes_ = 0;
  std::unordered_map<std::string_view, std::list<Kept>::iterator> by_key_;  // keys view order_
};

}  // namespace text
