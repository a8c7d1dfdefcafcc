// GPT-2's byte alphabet: each of the 256 bytes as one printable character, so that a vocabulary of
// bytes can be written as text. Bytes that are printable Latin-1 stand for themselves, the others
// for U+0100 and on, in order.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace text {

const std::array<char32_t, 256>& byte_characters();
// All bytes in the order in which GPT-2's vocabulary lists them: the printable ones first.
const std::array<uint8_t, 256>& byte_order();

std::string to_byte_alphabet(std::string_view bytes);
// The bytes that the characters stand for; a character outside the alphabet stands for its own
// UTF-8.
std::string from_byte_alphabet(std::string_view characters);

}  // namespace text
