// What the three kinds of tokenizer are built on: the tables of one vocabulary, made once by
// Tokenizer::create, and the encoders that read them. Internal to text/.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "text/merge.h"
#include "text/pre_tokenizer.h"
#include "text/special_tokens.h"
#include "text/tokenizer.h"

namespace text {

struct PairHash {
  size_t operator()(uint64_t pair) const {
    pair ^= pair >> 31;
    return static_cast<size_t>((pair * 0x9E3779B97F4A7C15u) >> 13);
  }
};

struct MergeRule {
  int32_t rank, id;
};

struct Tokenizer::Tables {
  VocabSpec spec;
  std::vector<std::string> bytes;                             // raw bytes of each token
  std::unordered_map<std::string_view, int32_t> by_spelling;  // keys view spec.tokens
  std::unordered_map<std::string_view, int32_t>
      by_bytes;                // tokens that text may become; keys view bytes
  SpecialTokens literals;      // user-defined tokens
  SpecialTokens all_specials;  // and control tokens
  std::vector<bool> stops, strips_left, strips_right;
  std::array<int32_t, 256> byte_ids{};  // -1: the vocabulary cannot say this byte

  std::unordered_map<uint64_t, MergeRule, PairHash> merges;  // ByteBpe: left << 32 | right
  std::optional<PreTokenizer> pre_tokenizer;                 // ByteBpe
  size_t token_bytes_max = 0;                                // longest of by_bytes
  std::unordered_map<char32_t, int32_t> characters;          // Characters

  bool is_special(int32_t id) const;
  base::Status check_and_index();
};

base::Status index_byte_bpe(Tokenizer::Tables* tables);
base::Status index_sentence_piece(Tokenizer::Tables* tables);
base::Status index_characters(Tokenizer::Tables* tables);

// Append the ids of one stretch of text without specials.
void encode_byte_bpe(const Tokenizer::Tables& tables, std::string_view text,
                     std::vector<int32_t>* out);
void encode_sentence_piece(const Tokenizer::Tables& tables, std::string_view text, bool with_prefix,
                           std::vector<int32_t>* out);
void encode_characters(const Tokenizer::Tables& tables, std::string_view text,
                       std::vector<int32_t>* out);

}  // namespace text
