#include "model/moderation_features.h"

#include <algorithm>
#include <string>

#include "base/check.h"
#include "base/utf8.h"
#include "text/unicode.h"

namespace model {
namespace {

constexpr size_t kPairDistanceMax = 5;  // "make … bomb" with at most three words between
constexpr size_t kPieceBytesMin = 4, kPieceBytesMax = 5;
constexpr size_t kWordBytesMax = 40;  // pieces of a longer word are those of its beginning

// What a feature is of, so that a word and a piece of the same letters differ.
enum Salt : uint64_t { kWord = 1, kTwo = 2, kThree = 3, kPair = 4, kPiece = 5 };

// The finaliser of splitmix64 (Vigna): every bit of the input reaches every bit of the output.
uint64_t mix(uint64_t value) {
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9u;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebu;
  return value ^ (value >> 31);
}
uint64_t join(uint64_t left, uint64_t right) { return mix(left * 0x9e3779b97f4a7c15u + right); }
uint64_t hash_bytes(std::string_view bytes) {
  uint64_t hash = 0xcbf29ce484222325u;  // FNV-1a
  for (const char c : bytes) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3u;
  return mix(hash);
}

bool is_ideograph(char32_t c) {
  return (c >= 0x3040 && c <= 0x30FF) || (c >= 0x3400 && c <= 0x4DBF) ||
         (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0xF900 && c <= 0xFAFF) ||
         (c >= 0x20000 && c <= 0x323AF);
}
bool is_invisible(char32_t c) {
  return c == 0xAD || (c >= 0x200B && c <= 0x200F) || c == 0x2060 || c == 0xFEFF ||
         (c >= 0xFE00 && c <= 0xFE0F) || c == '\'' || c == 0x2019;
}
char32_t narrow(char32_t c) { return c >= 0xFF01 && c <= 0xFF5E ? c - 0xFEE0 : c; }
char32_t lower_ascii(char32_t c) { return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c; }

class Reader {
 public:
  explicit Reader(uint32_t buckets) : mask_(buckets - 1) {}

  void read(std::string_view text) {
    for (size_t at = 0; at < text.size();) {
      const auto byte = static_cast<uint8_t>(text[at]);
      const char32_t c =
          lower_ascii(narrow(byte < 0x80 ? text[at++] : base::next_code_point(text, &at)));
      if (is_invisible(c)) continue;
      if (is_ideograph(c)) {
        end_word();
        base::append_utf8(&word_, c);
        add_word();
      } else if (c < 0x80 ? (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') : text::is_letter(c)) {
        base::append_utf8(&word_, c);
      } else {
        end_word();
      }
    }
    end_word();
  }
  std::vector<FeatureBlock> take() { return std::move(blocks_); }

 private:
  void add(uint64_t hash, Salt salt) {
    blocks_.back().push_back(static_cast<uint32_t>(join(hash, salt)) & mask_);
  }
  void end_word() {
    if (word_.empty()) return;
    const std::string marked = '^' + word_.substr(0, kWordBytesMax) + '$';
    add_word();
    for (size_t size = kPieceBytesMin; size <= kPieceBytesMax; ++size) {
      for (size_t at = 0; at + size <= marked.size(); ++at)
        add(hash_bytes(std::string_view(marked).substr(at, size)), kPiece);
    }
  }
  void add_word() {
    if (count_++ % kModerationBlockWords == 0) blocks_.emplace_back();
    const uint64_t hash = hash_bytes(word_);
    word_.clear();
    add(hash, kWord);
    const size_t near = std::min(count_ - 1, kPairDistanceMax);
    for (size_t distance = 1; distance <= near; ++distance)
      add(join(recent(distance), hash), distance == 1 ? kTwo : kPair);
    if (near >= 2) add(join(join(recent(2), recent(1)), hash), kThree);
    recent_[count_ % kRecent] = hash;
  }
  // The word `distance` before the one that is being added.
  uint64_t recent(size_t distance) const { return recent_[(count_ - distance) % kRecent]; }

  static constexpr size_t kRecent = kPairDistanceMax + 1;
  const uint32_t mask_;
  std::string word_;
  size_t count_ = 0;
  uint64_t recent_[kRecent] = {};
  std::vector<FeatureBlock> blocks_;
};

}  // namespace

std::vector<FeatureBlock> moderation_features(std::string_view text, uint32_t buckets) {
  CHECK(buckets > 0 && (buckets & (buckets - 1)) == 0);
  Reader reader(buckets);
  const bool ascii =
      std::ranges::all_of(text, [](char c) { return static_cast<uint8_t>(c) < 0x80; });
  if (ascii)
    reader.read(text);
  else
    reader.read(text::to_lower(text::nfc(text)));
  return reader.take();
}

}  // namespace model
