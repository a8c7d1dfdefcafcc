#include "judge/text_count.h"

#include <algorithm>
#include <array>
#include <map>

#include "base/utf8.h"
#include "text/unicode.h"

namespace judge {
namespace {

bool is_word_character(char32_t c) {
  return c == '_' || (c >= '0' && c <= '9') || text::is_letter(c);
}

struct Script {
  std::string_view language;
  char32_t first, last;
};
constexpr std::array<Script, 22> kScripts = {
    {{"ar", 0x0600, 0x06FF}, {"fa", 0x0600, 0x06FF}, {"ur", 0x0600, 0x06FF}, {"he", 0x0590, 0x05FF},
     {"bg", 0x0400, 0x04FF}, {"ru", 0x0400, 0x04FF}, {"uk", 0x0400, 0x04FF}, {"el", 0x0370, 0x03FF},
     {"hi", 0x0900, 0x097F}, {"mr", 0x0900, 0x097F}, {"ne", 0x0900, 0x097F}, {"bn", 0x0980, 0x09FF},
     {"pa", 0x0A00, 0x0A7F}, {"gu", 0x0A80, 0x0AFF}, {"ta", 0x0B80, 0x0BFF}, {"te", 0x0C00, 0x0C7F},
     {"kn", 0x0C80, 0x0CFF}, {"th", 0x0E00, 0x0E7F}, {"ko", 0xAC00, 0xD7AF}, {"zh", 0x4E00, 0x9FFF},
     {"ja", 0x3040, 0x30FF}, {"my", 0x1000, 0x109F}}};

struct CommonWords {
  std::string_view language;
  std::string_view words;  // blanks between and around
};
constexpr std::array<CommonWords, 9> kCommonWords = {{
    {"en", " the of and to in is that it for was on are with as i you be at this have not "},
    {"de", " der die und das ist nicht ein eine zu mit den von ich es sich auf für dem auch wir "},
    {"fr", " le la les et des est une dans que pour pas qui sur il elle avec ce nous vous "},
    {"es", " el los las y es una que por para con no se del lo como más pero sus al en "},
    {"pt", " os as e é uma que não para com do da em um por mais como dos se ao você "},
    {"it", " il gli e è una che non per con di del della sono un nel le si anche questo la "},
    {"fi", " ja on ei että se oli hän mutta kun niin kuin myös tai ovat joka minä sen voi ole "},
    {"sw", " na ya wa kwa ni katika za la kama hii cha kuwa yake au hata sana mimi wewe "},
    {"vi", " và của là có không được cho một các trong với người này những đã khi để tôi "},
}};

// Letters of the text in all, and of those the ones that `script` holds.
std::pair<int64_t, int64_t> count_letters(std::string_view text, const Script& script) {
  int64_t all = 0;
  int64_t inside = 0;
  for (size_t at = 0; at < text.size();) {
    const char32_t c = base::next_code_point(text, &at);
    const bool in_script = c >= script.first && c <= script.last;
    if (!text::is_letter(c) && !in_script) continue;
    ++all;
    inside += in_script ? 1 : 0;
  }
  return {all, inside};
}

int64_t count_common(std::string_view lowered, std::string_view words) {
  int64_t found = 0;
  for (const std::string_view word : words_in(lowered))
    found += words.contains(' ' + std::string(word) + ' ') ? 1 : 0;
  return found;
}

// The language whose commonest words are there most often; empty when none is.
std::string_view latin_language(std::string_view text) {
  const std::string lowered = text::to_lower(text);
  int64_t best = 0;
  std::string_view best_language;
  for (const CommonWords& each : kCommonWords) {
    const int64_t found = count_common(lowered, each.words);
    if (found <= best) continue;
    best = found;
    best_language = each.language;
  }
  return best_language;
}

}  // namespace

std::vector<std::string_view> split(std::string_view text, std::string_view separator) {
  std::vector<std::string_view> out;
  for (;;) {
    const size_t at = text.find(separator);
    out.push_back(text.substr(0, at));
    if (at == text.npos) return out;
    text.remove_prefix(at + separator.size());
  }
}

std::vector<std::string_view> lines_of(std::string_view text) { return split(text, "\n"); }

std::vector<std::string_view> words_in(std::string_view text) {
  std::vector<std::string_view> out;
  size_t start = text.npos;
  for (size_t at = 0; at < text.size();) {
    const size_t before = at;
    if (is_word_character(base::next_code_point(text, &at))) {
      if (start == text.npos) start = before;
    } else if (start != text.npos) {
      out.push_back(text.substr(start, before - start));
      start = text.npos;
    }
  }
  if (start != text.npos) out.push_back(text.substr(start));
  return out;
}

int64_t count_sentences(std::string_view text) {
  int64_t count = 0;
  bool open = false;  // something to end
  for (size_t at = 0; at < text.size();) {
    const char32_t c = base::next_code_point(text, &at);
    const bool wide = c == U'。' || c == U'！' || c == U'？';
    const bool narrow = c == '.' || c == '!' || c == '?';
    if (is_word_character(c)) open = true;
    if (!open || (!wide && !narrow)) continue;
    // "3.5" and "e.g.x" go on; a stop before white space, a quotation mark or the end does not.
    const bool ends =
        wide || at == text.size() || std::string_view(" \t\r\n\"')]*").contains(text[at]);
    if (!ends) continue;
    ++count;
    open = false;
  }
  return count + (open ? 1 : 0);
}

int64_t count_text(std::string_view text, std::string_view part) {
  if (part.empty()) return 0;
  return static_cast<int64_t>(split(text, part).size()) - 1;
}

bool has_word(std::string_view text, std::string_view word) {
  if (word.empty()) return false;
  for (size_t at = text.find(word); at != text.npos; at = text.find(word, at + 1)) {
    const std::string_view after = text.substr(at + word.size());
    size_t back = at;
    while (back > 0 && (static_cast<uint8_t>(text[back - 1]) & 0xC0) == 0x80) --back;
    if (back > 0) --back;
    size_t cursor = back;
    const bool left = at == 0 || !is_word_character(base::next_code_point(text, &cursor));
    cursor = 0;
    const bool right = after.empty() || !is_word_character(base::next_code_point(after, &cursor));
    if (left && right) return true;
  }
  return false;
}

bool is_known_language(std::string_view language) {
  return std::ranges::find(kScripts, language, &Script::language) != kScripts.end() ||
         std::ranges::find(kCommonWords, language, &CommonWords::language) != kCommonWords.end();
}

bool is_language(std::string_view text, std::string_view language) {
  for (const Script& script : kScripts) {
    if (script.language != language) continue;
    const auto [all, inside] = count_letters(text, script);
    return inside > 0 && 2 * inside > all;
  }
  return latin_language(text) == language;
}

bool could_be_english(std::string_view text) {
  const auto [all, inside] = count_letters(text, {"en", 'A', 'z'});
  const std::string_view language = latin_language(text);
  return 2 * inside > all && (language.empty() || language == "en");
}

}  // namespace judge
