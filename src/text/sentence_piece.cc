// SentencePiece's BPE (Llama 2, Phi-3, llama2.c): no cutting into words; characters are merged by
// the score of the token they make, blanks are part of tokens, and what no token says is spelled
// byte by byte (<0x0A>).
#include <cmath>
#include <string>

#include "text/vocabulary.h"

namespace text {
namespace {

constexpr std::string_view kBlank = "\xE2\x96\x81";  // U+2581

std::string with_blanks(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t at = 0;;) {
    const size_t found = text.find(kBlank, at);
    out.append(text.substr(at, found - at));
    if (found == std::string_view::npos) return out;
    out.push_back(' ');
    at = found + kBlank.size();
  }
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

int byte_of(std::string_view token) {  // "<0x0A>" -> 10; -1: not such a token
  if (token.size() != 6 || token.substr(0, 3) != "<0x" || token[5] != '>') return -1;
  const int high = hex_digit(token[3]);
  const int low = hex_digit(token[4]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

// Length that the first byte of a character promises; what follows need not keep the promise.
uint32_t promised_length(char first) {
  const auto byte = static_cast<uint8_t>(first);
  return byte < 0xC0 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
}

}  // namespace

base::Status index_sentence_piece(Tokenizer::Tables* tables) {
  const VocabSpec& spec = tables->spec;
  if (spec.scores.size() != spec.tokens.size())
    return base::fail(base::Code::Malformed, "the vocabulary needs one score for each of its " +
                                                 std::to_string(spec.tokens.size()) +
                                                 " tokens, and has " +
                                                 std::to_string(spec.scores.size()));
  for (size_t id = 0; id < spec.tokens.size(); ++id) {
    if (std::isnan(spec.scores[id]))
      return base::fail(base::Code::Malformed,
                        "the score of token " + std::to_string(id) + " is not a number");
    if (spec.types[id] == TokenType::Byte) {
      const int byte = byte_of(spec.tokens[id]);
      if (byte < 0)
        return base::fail(base::Code::Malformed,
                          "byte token " + std::to_string(id) + " is not spelled like <0x0A>",
                          spec.tokens[id].substr(0, 80));
      tables->byte_ids[byte] = static_cast<int32_t>(id);
      tables->bytes[id] = std::string(1, static_cast<char>(byte));
    } else if (spec.types[id] == TokenType::Normal) {
      tables->bytes[id] = with_blanks(spec.tokens[id]);
    }
  }
  return {};
}

void encode_sentence_piece(const Tokenizer::Tables& tables, std::string_view text, bool with_prefix,
                           std::vector<int32_t>* out) {
  const std::string word = (with_prefix ? " " : "") + with_blanks(text);
  const auto find = [&](uint32_t begin, uint32_t length) {
    if (length > tables.token_bytes_max) return -1;
    const auto found = tables.by_bytes.find(std::string_view(word).substr(begin, length));
    return found == tables.by_bytes.end() ? -1 : found->second;
  };
  Merger merger;
  for (uint32_t at = 0; at < word.size();) {
    const uint32_t length =
        std::min(promised_length(word[at]), static_cast<uint32_t>(word.size() - at));
    merger.append(find(at, length), at, length);
    at += length;
  }
  merger.merge([&](const Symbol& left, const Symbol& right) -> Joined {
    const int32_t id = find(left.begin, left.length + right.length);
    return id < 0 ? Joined{-1, 0} : Joined{id, -static_cast<double>(tables.spec.scores[id])};
  });
  const auto emit_byte = [&](char byte) {
    const int32_t id = tables.byte_ids[static_cast<uint8_t>(byte)];
    if (id >= 0) return out->push_back(id);
    if (tables.spec.unknown >= 0) out->push_back(tables.spec.unknown);
  };
  const auto& symbols = merger.symbols();
  for (int32_t i = symbols.empty() ? -1 : 0; i >= 0; i = symbols[i].next) {
    if (symbols[i].id >= 0) {
      out->push_back(symbols[i].id);
      continue;
    }
    for (const char byte : std::string_view(word).substr(symbols[i].begin, symbols[i].length))
      emit_byte(byte);
  }
}

}  // namespace text
