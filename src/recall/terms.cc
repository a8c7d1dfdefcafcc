#include "recall/terms.h"

#include "base/utf8.h"

namespace recall {
namespace {

constexpr size_t kUnitBytes = 12;

bool within(char32_t c, char32_t from, char32_t to) { return c >= from && c <= to; }

// Marks, blanks and controls end a word; what else is beyond ASCII belongs to one.
bool is_letter(char32_t c) {
  if (c < 0x80) return within(c, 'a', 'z') || within(c, 'A', 'Z') || within(c, '0', '9');
  const bool marks = c < 0xC0 || c == 0xD7 || c == 0xF7 || within(c, 0x2000, 0x2BFF) ||
                     within(c, 0x3000, 0x303F) || within(c, 0xFE10, 0xFE6F) ||
                     within(c, 0xFF00, 0xFF0F) || within(c, 0xFF1A, 0xFF20) ||
                     within(c, 0xFF3B, 0xFF40) || within(c, 0xFF5B, 0xFF65) || c == 0xFFFD ||
                     c == 0xFEFF;
  return !marks;
}

// Simple folding: ASCII, Latin-1, Greek, Cyrillic, and full-width letters to their ASCII ones.
char32_t folded(char32_t c) {
  if (within(c, 0xFF10, 0xFF19) || within(c, 0xFF21, 0xFF3A) || within(c, 0xFF41, 0xFF5A))
    c -= 0xFEE0;
  const bool upper = within(c, 'A', 'Z') || within(c, 0xC0, 0xDE) || within(c, 0x391, 0x3A9) ||
                     within(c, 0x410, 0x42F);
  return upper ? c + 0x20 : c;
}

// Calls word(text) and run(characters), each a stretch of its kind.
template <class Word, class Run>
void split(std::string_view text, const Word& word, const Run& run) {
  std::string letters;
  std::vector<std::string> characters;
  const auto flush = [&] {
    if (!letters.empty()) word(letters);
    if (!characters.empty()) run(characters);
    letters.clear();
    characters.clear();
  };
  for (size_t at = 0; at < text.size();) {
    const char32_t c = folded(base::next_code_point(text, &at));
    if (is_cjk(c)) {
      if (!letters.empty()) flush();
      characters.emplace_back();
      base::append_utf8(&characters.back(), c);
    } else if (is_letter(c)) {
      if (!characters.empty()) flush();
      base::append_utf8(&letters, c);
    } else {
      flush();
    }
  }
  flush();
}

}  // namespace

bool is_cjk(char32_t c) {
  return within(c, 0x3041, 0x30FF) || within(c, 0x3400, 0x4DBF) || within(c, 0x4E00, 0x9FFF) ||
         within(c, 0xAC00, 0xD7AF) || within(c, 0xF900, 0xFAFF) || within(c, 0x20000, 0x3FFFF);
}

std::vector<std::string> index_terms(std::string_view text) {
  std::vector<std::string> terms;
  split(
      text, [&](const std::string& word) { terms.push_back(word); },
      [&](const std::vector<std::string>& run) {
        for (size_t i = 0; i < run.size(); ++i) {
          terms.push_back(run[i]);
          if (i + 1 < run.size()) terms.push_back(run[i] + run[i + 1]);
        }
      });
  return terms;
}

std::vector<std::string> query_terms(std::string_view text) {
  std::vector<std::string> terms;
  split(
      text, [&](const std::string& word) { terms.push_back(word); },
      [&](const std::vector<std::string>& run) {
        if (run.size() == 1) terms.push_back(run[0]);
        for (size_t i = 0; i + 1 < run.size(); ++i) terms.push_back(run[i] + run[i + 1]);
      });
  return terms;
}

int64_t count_units(std::string_view text) {
  int64_t units = 0;
  split(
      text,
      [&](const std::string& word) {
        units += static_cast<int64_t>((word.size() + kUnitBytes - 1) / kUnitBytes);
      },
      [&](const std::vector<std::string>& run) { units += static_cast<int64_t>(run.size()); });
  return units;
}

}  // namespace recall
