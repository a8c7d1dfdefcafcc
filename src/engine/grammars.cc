#include "engine/grammars.h"

#include <algorithm>

namespace engine {
namespace {

constexpr size_t kKeptBytesMax = 64u << 20;
constexpr size_t kKeptMax = 128;
constexpr size_t kTreesMax = 4;  // a model has one way of spelling its calls, so mostly two

}  // namespace

Grammars::Grammars(const model::Model& model, int64_t vocab_size)
    : model_(model), vocab_size_(vocab_size) {}

std::shared_ptr<text::GrammarMasks> Grammars::masks(
    const std::shared_ptr<const text::Grammar>& grammar, const std::vector<int32_t>& spelled) {
  const std::lock_guard lock(mutex_);
  const Tree on = tree(spelled);
  const auto found = std::ranges::find_if(
      known_, [&](const Known& known) { return known.grammar == grammar && known.tree == on; });
  if (found != known_.end()) {
    known_.splice(known_.begin(), known_, found);
  } else {
    known_.push_front({grammar, on, std::make_shared<text::GrammarMasks>(grammar, on)});
    forget_some();
  }
  return known_.front().masks;
}

Grammars::Tree Grammars::tree(const std::vector<int32_t>& spelled) {
  for (const auto& [tokens, made] : trees_)
    if (tokens == spelled) return made;
  std::vector<int32_t> stops;
  for (int32_t id = 0; id < vocab_size_; ++id)
    if (model_.is_stop(id)) stops.push_back(id);
  trees_.emplace_front(spelled,
                       std::make_shared<text::TokenTree>(
                           model_.tokenizer(), static_cast<int32_t>(vocab_size_), stops, spelled));
  if (trees_.size() > kTreesMax) trees_.pop_back();
  return trees_.front().second;
}

void Grammars::forget_some() {
  size_t bytes = 0;
  size_t kept = 0;
  for (auto at = known_.begin(); at != known_.end();) {
    bytes += at->masks->memory_bytes();
    const bool keep = ++kept == 1 || (bytes <= kKeptBytesMax && kept <= kKeptMax);
    at = keep ? std::next(at) : known_.erase(at);
  }
}

}  // namespace engine
