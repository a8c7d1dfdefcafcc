// The Unicode properties that text needs, hiding utf8proc. All functions take any bytes: what is
// not UTF-8 passes through unchanged.
#pragma once

#include <string>
#include <string_view>

namespace text {

std::string nfc(std::string_view text);
std::string to_upper(std::string_view text);
std::string to_lower(std::string_view text);
std::string capitalize(std::string_view text);  // first character upper, the others lower
std::string title_case(std::string_view text);  // each word so

bool is_white_space(char32_t code_point);  // as Python's str.isspace
bool is_letter(char32_t code_point);       // as Python's str.isalpha
// `text` without white space, or without any of `characters` when given, at its ends.
std::string_view strip(std::string_view text, bool left, bool right,
                       const std::string_view* characters = nullptr);

size_t count_characters(std::string_view text);

}  // namespace text
