// Counting in texts: words, sentences, paragraphs, spans between marks, and which language a text
// is in. What the verifiable instructions are made of.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace judge {

std::vector<std::string_view> split(std::string_view text, std::string_view separator);
std::vector<std::string_view> lines_of(std::string_view text);

// Runs of letters, digits and underscores, as the regular expression \w+ finds them.
std::vector<std::string_view> words_in(std::string_view text);
int64_t count_sentences(std::string_view text);  // ends: . ! ? and their Chinese forms
int64_t count_text(std::string_view text, std::string_view part);  // without overlap
bool has_word(std::string_view text, std::string_view word);       // with no word beside it

// Whether most of the letters are of the language's script, and for languages in Latin letters
// whether its commonest words outnumber those of the others. `language` is an ISO 639-1 code; false
// for one that is not known.
bool is_language(std::string_view text, std::string_view language);
// Latin letters without the commonest words of another language: a few words are no sign of either.
bool could_be_english(std::string_view text);
bool is_known_language(std::string_view language);

}  // namespace judge
