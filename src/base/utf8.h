// UTF-8: validation, decoding, and where a cut may fall.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace base {

bool is_utf8(std::string_view text);  // Unicode: no surrogates, no overlong forms, at most U+10FFFF

// The code point at `at`, which moves past it. Invalid bytes give U+FFFD and move by one.
char32_t next_code_point(std::string_view text, size_t* at);
void append_utf8(std::string* out, char32_t code_point);

size_t count_characters(std::string_view text);  // code points

// Length of the longest prefix that does not end inside a character. Bytes that can never become
// valid count as whole.
size_t complete_utf8_prefix(std::string_view text);
std::string replace_invalid_utf8(std::string_view text);  // each maximal bad part becomes U+FFFD

}  // namespace base
