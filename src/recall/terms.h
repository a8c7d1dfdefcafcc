// What a text is found by: its words, lower-cased, and of Chinese, Japanese and Korean, which put
// no blanks between words, each character and each pair of neighbours.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace recall {

bool is_cjk(char32_t code_point);  // written without blanks between words

// In the order of the text, repeats and all.
std::vector<std::string> index_terms(std::string_view text);
// Of a run of such characters only the pairs, or the one character that it is: pairs say more.
std::vector<std::string> query_terms(std::string_view text);

// The unit in which chunks are measured where no model's tokenizer applies: a word counts one for
// each 12 bytes begun, such a character counts one. Blanks and marks count nothing.
int64_t count_units(std::string_view text);

}  // namespace recall
