// Hugging Face's tokenizer.json and tokenizer_config.json: byte-level BPE and character
// vocabularies, read and written.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "text/tokenizer.h"

namespace text {

// Understands model BPE with ByteLevel, BPE with byte fallback (Llama 2), and BPE without merges
// (our Characters). What it does not understand it refuses by name (Code::Unimplemented): a
// tokenizer that is nearly right is wrong.
base::Result<VocabSpec> read_tokenizer_json(std::string_view bytes);

struct TokenizerConfig {
  std::optional<std::string> bos_token, eos_token, unk_token, pad_token, chat_template;
  std::optional<bool> add_bos_token, add_eos_token;
  std::vector<int32_t>
      char_ords;  // a character vocabulary given by code points (verl's CharTokenizer)
};
base::Result<TokenizerConfig> read_tokenizer_config(std::string_view bytes);

// Lays the config over the vocabulary: names become ids. Fails when a named token is not in the
// vocabulary.
base::Status apply(const TokenizerConfig& config, VocabSpec* spec);
// The vocabulary of a config that has char_ords: <sep> <eos> <pad> <unk>, then the characters.
base::Result<VocabSpec> character_vocab(const TokenizerConfig& config);

// Text of the two files. ByteBpe and Characters; reading them back gives the same spec but for
// stop_ids, whose place is generation_config.json.
base::Result<std::string> write_tokenizer_json(const VocabSpec& spec);
std::string write_tokenizer_config(const VocabSpec& spec, std::string_view chat_template);

// llama2.c's tokenizer.bin (the vocabulary size stands in the model file): a SentencePiece
// vocabulary with add_bos.
base::Result<VocabSpec> read_llama2c_vocab(std::string_view bytes, int32_t vocab_size);

}  // namespace text
