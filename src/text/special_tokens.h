// Finds tokens that are matched as literal text before anything else: at each place the longest
// one, left to right.
#pragma once

#include <bitset>
#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace text {

class SpecialTokens {
 public:
  void add(std::string_view token, int32_t id);  // an empty token is ignored

  struct Match {
    int32_t id;
    size_t length;  // 0: none
  };
  Match match_at(std::string_view text, size_t at) const;
  bool empty() const { return nodes_.size() == 1; }

 private:
  struct EdgeHash {
    size_t operator()(uint64_t edge) const {
      return static_cast<size_t>((edge * 0x9E3779B97F4A7C15u) >> 16);
    }
  };
  static uint64_t edge(uint32_t node, char byte) {
    return uint64_t{node} << 8 | static_cast<uint8_t>(byte);
  }

  std::vector<int32_t> nodes_{-1};  // token that ends here, or -1; node 0 is the root
  std::unordered_map<uint64_t, uint32_t, EdgeHash> edges_;
  std::bitset<256> first_bytes_;
};

// Calls text_part(begin, end) and special(id, begin, end) on the parts of `text`, left to right.
template <class TextPart, class Special>
void partition(const SpecialTokens& tokens, std::string_view text, TextPart&& text_part,
               Special&& special) {
  size_t done = 0;
  if (!tokens.empty()) {
    for (size_t at = 0; at < text.size();) {
      const auto match = tokens.match_at(text, at);
      if (match.length == 0) {
        ++at;
        continue;
      }
      if (at > done) text_part(done, at);
      special(match.id, at, at + match.length);
      at = done = at + match.length;
    }
  }
  if (done < text.size()) text_part(done, text.size());
}

}  // namespace text
