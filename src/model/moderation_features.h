// What the moderation model sees of a text: words, neighbouring words, pairs of words that stand
// near each other, and pieces of words, each hashed to a number below `buckets` ("the hashing
// trick", Weinberger et al. 2009). A Chinese character counts as a word. The trainer and the server
// read texts through this one function.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace model {

// A block is 16 words with all that begins in them; a text without words has no block.
inline constexpr size_t kModerationBlockWords = 16;
using FeatureBlock = std::vector<uint32_t>;

// Case, width and invisible characters make no difference. `buckets` is a power of two.
std::vector<FeatureBlock> moderation_features(std::string_view text, uint32_t buckets);

}  // namespace model
