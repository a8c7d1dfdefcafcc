#include "text/unicode.h"

#include <cstdlib>
#include <memory>
#include <utility>

#include <utf8proc.h>

#include "base/utf8.h"

namespace text {
namespace {

struct Free {
  void operator()(utf8proc_uint8_t* bytes) const { std::free(bytes); }
};

// Calls map(code point) on each character; bytes that are not UTF-8 are copied.
template <class Map>
std::string map_characters(std::string_view text, Map&& map) {
  std::string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const size_t start = at;
    const char32_t c = base::next_code_point(text, &at);
    const char32_t mapped = map(c);
    if (mapped == c) {
      out.append(text.substr(start, at - start));
    } else {
      base::append_utf8(&out, mapped);
    }
  }
  return out;
}

char32_t upper(char32_t c) {
  return static_cast<char32_t>(utf8proc_toupper(static_cast<utf8proc_int32_t>(c)));
}
char32_t lower(char32_t c) {
  return static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c)));
}

bool is_cased(char32_t c) {
  const auto category = utf8proc_category(static_cast<utf8proc_int32_t>(c));
  return category == UTF8PROC_CATEGORY_LU || category == UTF8PROC_CATEGORY_LL ||
         category == UTF8PROC_CATEGORY_LT;
}

bool contains(std::string_view set, std::string_view character) {
  return set.find(character) != std::string_view::npos;
}

// Start of the last character of text[0, end).
size_t last_character(std::string_view text, size_t end) {
  size_t start = end - 1;
  while (start > 0 && end - start < 4 && (static_cast<uint8_t>(text[start]) & 0xC0) == 0x80)
    --start;
  size_t at = start;
  base::next_code_point(text, &at);
  return at == end ? start : end - 1;
}

}  // namespace

std::string nfc(std::string_view text) {
  utf8proc_uint8_t* bytes = nullptr;
  const auto length =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                   static_cast<utf8proc_ssize_t>(text.size()), &bytes,
                   static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  if (length < 0) return std::string(text);
  const std::unique_ptr<utf8proc_uint8_t, Free> owner(bytes);
  return {reinterpret_cast<const char*>(bytes), static_cast<size_t>(length)};
}

std::string to_upper(std::string_view text) { return map_characters(text, upper); }
std::string to_lower(std::string_view text) { return map_characters(text, lower); }

std::string capitalize(std::string_view text) {
  bool first = true;
  return map_characters(
      text, [&first](char32_t c) { return std::exchange(first, false) ? upper(c) : lower(c); });
}

std::string title_case(std::string_view text) {
  bool inside = false;
  return map_characters(text, [&inside](char32_t c) {
    const char32_t mapped = inside ? lower(c) : upper(c);
    inside = is_cased(c);
    return mapped;
  });
}

bool is_white_space(char32_t c) {
  if ((c >= 9 && c <= 13) || (c >= 0x1C && c <= 0x20) || c == 0x85) return true;
  const auto category = utf8proc_category(static_cast<utf8proc_int32_t>(c));
  return category == UTF8PROC_CATEGORY_ZS || category == UTF8PROC_CATEGORY_ZL ||
         category == UTF8PROC_CATEGORY_ZP;
}

bool is_letter(char32_t c) {
  const auto category = utf8proc_category(static_cast<utf8proc_int32_t>(c));
  return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO;
}

std::string_view strip(std::string_view text, bool left, bool right,
                       const std::string_view* characters) {
  const auto goes = [characters](std::string_view character) {
    if (characters) return contains(*characters, character);
    size_t at = 0;
    return is_white_space(base::next_code_point(character, &at));
  };
  while (left && !text.empty()) {
    size_t at = 0;
    base::next_code_point(text, &at);
    if (!goes(text.substr(0, at))) break;
    text.remove_prefix(at);
  }
  while (right && !text.empty()) {
    const size_t start = last_character(text, text.size());
    if (!goes(text.substr(start))) break;
    text.remove_suffix(text.size() - start);
  }
  return text;
}

size_t count_characters(std::string_view text) {
  size_t count = 0;
  for (size_t at = 0; at < text.size(); ++count) base::next_code_point(text, &at);
  return count;
}

}  // namespace text
