// Text to token ids and back. A VocabSpec is what a file says (GGUF metadata, tokenizer.json, a
// trainer's result); a Tokenizer is the checked, indexed, immutable form of it. Every thread may
// use one Tokenizer at the same time.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace text {

// The numbers are those of GGUF's tokenizer.ggml.token_type.
enum class TokenType : uint8_t {
  Normal = 1,
  Unknown = 2,
  Control = 3,      // <s>, <|im_end|>: made from text only when the caller asks to parse specials
  UserDefined = 4,  // literal text that is always one token
  Unused = 5,
  Byte = 6,  // <0x0A>
};

struct VocabSpec {
  enum class Kind : uint8_t { ByteBpe, SentencePiece, Characters };
  Kind kind = Kind::ByteBpe;
  std::vector<std::string>
      tokens;  // index = id; ByteBpe: in GPT-2's byte alphabet; SentencePiece: blanks as U+2581
  std::vector<float> scores;           // SentencePiece: one per token
  std::vector<TokenType> types;        // empty: all Normal
  std::vector<std::string> merges;     // ByteBpe: "left right", best first
  std::string pre_tokenizer = "gpt2";  // a name of pre_tokenizer.h
  std::vector<std::string>
      split_patterns;  // regular expressions that stand in for `pre_tokenizer` when not empty
  int32_t bos = -1, eos = -1, unknown = -1, pad = -1;
  bool add_bos = false, add_eos = false;
  bool add_space_prefix = false;  // SentencePiece models mostly say true
  bool whole_words_first =
      false;  // a piece that is itself a token is not merged (Hugging Face: ignore_merges)
  bool normalize_nfc = false;
  std::vector<int32_t> stop_ids;  // ends of a turn beside eos: <|im_end|>, <|end|>, ...
  std::vector<int32_t> strip_left_ids,
      strip_right_ids;  // specials that swallow the white space beside them
};

class Tokenizer {
 public:
  // Refuses a spec that is inconsistent: ids out of range, two equal tokens, merges of pieces that
  // are not tokens.
  static base::Result<Tokenizer> create(VocabSpec spec);

  // Never adds BOS or EOS. Control tokens are recognised in the text only with parse_special. Any
  // bytes are accepted; bytes that the vocabulary cannot say become the unknown token, or nothing
  // when it has none.
  std::vector<int32_t> encode(std::string_view text, bool parse_special) const;
  // encode(text, true) with BOS in front and EOS behind as add_bos and add_eos say; a BOS that the
  // text itself starts with (chat templates write it) is not doubled.
  std::vector<int32_t> encode_prompt(std::string_view text) const;

  // The bytes of the tokens, in order; control tokens are left out unless asked for. The blank that
  // add_space_prefix put in front is taken away again. Ids out of range are skipped.
  std::string decode(std::span<const int32_t> ids, bool with_control = false) const;
  std::string_view token_bytes(
      int32_t id) const;  // raw bytes, blanks as blanks; empty when out of range

  int32_t size() const;
  int32_t bos() const;  // -1: none, likewise below
  int32_t eos() const;
  int32_t unknown() const;
  int32_t pad() const;
  bool add_bos() const;
  bool is_control(int32_t id) const;
  bool is_stop(int32_t id) const;  // eos, one of stop_ids, or a special known to end turns
  int32_t find(std::string_view token) const;  // by the spelling in VocabSpec::tokens; -1: none
  const VocabSpec& spec() const;

  struct Tables;

 private:
  explicit Tokenizer(std::shared_ptr<const Tables> tables) : tables_(std::move(tables)) {}
  std::shared_ptr<const Tables> tables_;
};

}  // namespace text
