#include "text/special_tokens.h"

namespace text {

void SpecialTokens::add(std::string_view token, int32_t id) {
  if (token.empty()) return;
  first_bytes_.set(static_cast<uint8_t>(token[0]));
  uint32_t node = 0;
  for (const char byte : token) {
    const auto [found, fresh] =
        edges_.try_emplace(edge(node, byte), static_cast<uint32_t>(nodes_.size()));
    if (fresh) nodes_.push_back(-1);
    node = found->second;
  }
  if (nodes_[node] < 0) nodes_[node] = id;
}

SpecialTokens::Match SpecialTokens::match_at(std::string_view text, size_t at) const {
  Match best{-1, 0};
  if (!first_bytes_.test(static_cast<uint8_t>(text[at]))) return best;
  uint32_t node = 0;
  for (size_t end = at; end < text.size();) {
    const auto found = edges_.find(edge(node, text[end]));
    if (found == edges_.end()) break;
    node = found->second;
    ++end;
    if (nodes_[node] >= 0) best = {nodes_[node], end - at};
  }
  return best;
}

}  // namespace text
