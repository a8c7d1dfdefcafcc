#include "base/utf8.h"

namespace base {
namespace {

constexpr char32_t kReplacement = 0xFFFD;

// Reads one well-formed character; returns its length, or 0 when ill-formed, or -1 when `text` ends
// inside what could still become one (Unicode 15, table 3-7). Then *bad is the length of the
// maximal subpart: of the bytes that could have begun a character, at least one.
int read_character(std::string_view text, size_t at, char32_t* out, int* bad) {
  *bad = 1;
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[at + i]); };
  const uint8_t b0 = byte(0);
  if (b0 < 0x80) {
    *out = b0;
    return 1;
  }
  int length = 0;
  uint8_t low = 0x80, high = 0xBF;
  if (b0 >= 0xC2 && b0 <= 0xDF) {
    length = 2;
  } else if (b0 >= 0xE0 && b0 <= 0xEF) {
    length = 3;
    if (b0 == 0xE0) low = 0xA0;
    if (b0 == 0xED) high = 0x9F;
  } else if (b0 >= 0xF0 && b0 <= 0xF4) {
    length = 4;
    if (b0 == 0xF0) low = 0x90;
    if (b0 == 0xF4) high = 0x8F;
  } else {
    return 0;
  }
  char32_t value = b0 & (0x7F >> length);
  for (int i = 1; i < length; ++i) {
    *bad = i;
    if (at + static_cast<size_t>(i) >= text.size()) return -1;
    const uint8_t b = byte(static_cast<size_t>(i));
    if (b < low || b > high) return 0;
    low = 0x80, high = 0xBF;
    value = (value << 6) | (b & 0x3F);
  }
  *out = value;
  return length;
}

}  // namespace

bool is_utf8(std::string_view text) {
  char32_t ignored = 0;
  int bad = 0;
  for (size_t at = 0; at < text.size();) {
    const int length = read_character(text, at, &ignored, &bad);
    if (length <= 0) return false;
    at += static_cast<size_t>(length);
  }
  return true;
}

char32_t next_code_point(std::string_view text, size_t* at) {
  char32_t value = 0;
  int bad = 0;
  const int length = read_character(text, *at, &value, &bad);
  *at += length > 0 ? static_cast<size_t>(length) : 1;
  return length > 0 ? value : kReplacement;
}

void append_utf8(std::string* out, char32_t c) {
  const auto put = [&](char32_t byte) { *out += static_cast<char>(byte); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xC0 | (c >> 6));
    put(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    put(0xE0 | (c >> 12));
    put(0x80 | ((c >> 6) & 0x3F));
    put(0x80 | (c & 0x3F));
  } else {
    put(0xF0 | (c >> 18));
    put(0x80 | ((c >> 12) & 0x3F));
    put(0x80 | ((c >> 6) & 0x3F));
    put(0x80 | (c & 0x3F));
  }
}

size_t complete_utf8_prefix(std::string_view text) {
  // Only the last three bytes can belong to a character that has not ended.
  for (size_t back = 1; back <= 3 && back <= text.size(); ++back) {
    const size_t at = text.size() - back;
    if ((static_cast<uint8_t>(text[at]) & 0xC0) == 0x80) continue;
    char32_t ignored = 0;
    int bad = 0;
    return read_character(text, at, &ignored, &bad) == -1 ? at : text.size();
  }
  return text.size();
}

std::string replace_invalid_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    char32_t value = 0;
    int bad = 0;
    const int length = read_character(text, at, &value, &bad);
    append_utf8(&out, length > 0 ? value : kReplacement);
    at += static_cast<size_t>(length > 0 ? length : bad);
  }
  return out;
}

size_t count_characters(std::string_view text) {
  size_t count = 0;
  for (const char byte : text) count += (static_cast<unsigned char>(byte) & 0xc0) != 0x80;
  return count;
}

}  // namespace base
