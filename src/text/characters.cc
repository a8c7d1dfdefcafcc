// Character vocabularies: each character that the vocabulary lists is one token.
#include <string>

#include "base/utf8.h"
#include "text/vocabulary.h"

namespace text {

base::Status index_characters(Tokenizer::Tables* tables) {
  const VocabSpec& spec = tables->spec;
  for (size_t id = 0; id < spec.tokens.size(); ++id) {
    if (spec.types[id] != TokenType::Normal) continue;
    const std::string& token = spec.tokens[id];
    size_t at = 0;
    if (token.empty() || !base::is_utf8(token) ||
        (static_cast<void>(base::next_code_point(token, &at)), at != token.size()))
      return base::fail(
          base::Code::Malformed,
          "token " + std::to_string(id) + " of the character vocabulary is not one character",
          token.substr(0, 80));
    at = 0;
    tables->characters.emplace(base::next_code_point(token, &at), static_cast<int32_t>(id));
  }
  return {};
}

void encode_characters(const Tokenizer::Tables& tables, std::string_view text,
                       std::vector<int32_t>* out) {
  for (size_t at = 0; at < text.size();) {
    const auto found = tables.characters.find(base::next_code_point(text, &at));
    if (found != tables.characters.end()) {
      out->push_back(found->second);
    } else if (tables.spec.unknown >= 0) {
      out->push_back(tables.spec.unknown);
    }
  }
}

}  // namespace text
