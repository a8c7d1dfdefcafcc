// tokenizer_config.json, and the vocabularies that are not tokenizer.json: characters by code
// point, llama2.c's file.
#include <algorithm>
#include <cstring>

#include "base/utf8.h"
#include "json/json.h"
#include "text/tokenizer_json.h"

namespace text {
namespace {

using base::Code;
using base::fail;
using json::Value;

constexpr size_t kCharactersMax = 1 << 20;
constexpr int32_t kLlama2cTokensMax = 1 << 20;
constexpr size_t kLlama2cTokenBytesMax = 1024;

std::unexpected<base::Error> malformed(std::string message) {
  return fail(Code::Malformed, "tokenizer_config.json: " + std::move(message),
              "tokenizer_config.json");
}

// A token is written as a string, or as {"content": "...", ...}.
base::Result<std::optional<std::string>> token_name(const Value& file, std::string_view key) {
  const Value* token = file.find(key);
  if (!token || token->is_null()) return std::nullopt;
  if (token->is_object()) token = &(*token)["content"];
  if (!token->is_string()) return malformed(std::string(key) + " is not a token");
  return token->as_string();
}

base::Result<std::optional<bool>> optional_bool(const Value& file, std::string_view key) {
  const Value* found = file.find(key);
  if (!found || found->is_null()) return std::nullopt;
  if (!found->is_bool()) return malformed(std::string(key) + " is not true or false");
  return found->as_bool();
}

// One template, or a list of named ones: the one called "default".
base::Result<std::optional<std::string>> chat_template(const Value& file) {
  const Value& found = file["chat_template"];
  if (found.is_null()) return std::nullopt;
  if (found.is_string()) return found.as_string();
  if (!found.is_array()) return malformed("chat_template is neither text nor a list");
  for (const Value& named : found.as_array()) {
    if (named["name"] == Value("default") && named["template"].is_string())
      return named["template"].as_string();
  }
  return std::nullopt;
}

std::string with_marked_blanks(std::string_view token) {
  std::string out;
  for (const char c : token) {
    if (c == ' ') {
      out += "\u2581";
    } else {
      out.push_back(c);
    }
  }
  return out;
}

}  // namespace

base::Result<TokenizerConfig> read_tokenizer_config(std::string_view bytes) {
  auto file = json::parse(bytes);
  if (!file)
    return base::wrap(std::move(file).error(), "tokenizer_config.json does not parse",
                      "tokenizer_config.json");
  if (!file->is_object()) return malformed("the file is not an object");
  TokenizerConfig config;
  TRY(config.bos_token, token_name(*file, "bos_token"));
  TRY(config.eos_token, token_name(*file, "eos_token"));
  TRY(config.unk_token, token_name(*file, "unk_token"));
  TRY(config.pad_token, token_name(*file, "pad_token"));
  TRY(config.chat_template, chat_template(*file));
  TRY(config.add_bos_token, optional_bool(*file, "add_bos_token"));
  TRY(config.add_eos_token, optional_bool(*file, "add_eos_token"));
  if (const Value* ords = file->find("char_ords")) {
    if (!ords->is_array() || ords->as_array().size() > kCharactersMax)
      return malformed("char_ords is not a list of characters");
    for (const Value& ord : ords->as_array()) {
      if (!ord.is_int() || ord.as_int() < 0 || ord.as_int() > 0x10FFFF)
        return malformed("char_ords holds no code point");
      config.char_ords.push_back(static_cast<int32_t>(ord.as_int()));
    }
  }
  return config;
}

base::Status apply(const TokenizerConfig& config, VocabSpec* spec) {
  const auto resolve = [&](const char* key, const std::optional<std::string>& name,
                           int32_t* id) -> base::Status {
    if (!name || name->empty()) return {};
    const auto found = std::ranges::find(spec->tokens, *name);
    if (found == spec->tokens.end())
      return malformed(std::string(key) + " names \"" + name->substr(0, 80) +
                       "\", which is not in the vocabulary");
    *id = static_cast<int32_t>(found - spec->tokens.begin());
    return {};
  };
  TRY_VOID(resolve("bos_token", config.bos_token, &spec->bos));
  TRY_VOID(resolve("eos_token", config.eos_token, &spec->eos));
  TRY_VOID(resolve("unk_token", config.unk_token, &spec->unknown));
  TRY_VOID(resolve("pad_token", config.pad_token, &spec->pad));
  if (config.add_bos_token) spec->add_bos = *config.add_bos_token;
  if (config.add_eos_token) spec->add_eos = *config.add_eos_token;
  return {};
}

base::Result<VocabSpec> character_vocab(const TokenizerConfig& config) {
  if (config.char_ords.empty())
    return malformed("there is no tokenizer.json, and no char_ords either");
  VocabSpec spec;
  spec.kind = VocabSpec::Kind::Characters;
  spec.tokens = {"<sep>", "<eos>", "<pad>", "<unk>"};
  spec.types = {TokenType::Control, TokenType::Control, TokenType::Control, TokenType::Control};
  spec.eos = 1;
  spec.pad = 2;
  spec.unknown = 3;
  for (const int32_t ord : config.char_ords) {
    std::string character;
    base::append_utf8(&character, static_cast<char32_t>(ord));
    spec.tokens.push_back(std::move(character));
    spec.types.push_back(TokenType::Normal);
  }
  return spec;
}

base::Result<VocabSpec> read_llama2c_vocab(std::string_view bytes, int32_t vocab_size) {
  if (vocab_size < 3 || vocab_size > kLlama2cTokensMax)
    return fail(Code::InvalidArgument,
                "a llama2.c vocabulary has 3 to 1048576 tokens, not " + std::to_string(vocab_size));
  VocabSpec spec;
  spec.kind = VocabSpec::Kind::SentencePiece;
  size_t at = 4;  // the length of the longest token, which nothing needs
  for (int32_t id = 0; id < vocab_size; ++id) {
    if (bytes.size() < at + 8)
      return fail(Code::Malformed, "the vocabulary file ends at token " + std::to_string(id) +
                                       " of " + std::to_string(vocab_size) +
                                       "; it is cut short, or belongs to another model");
    float score = 0;
    uint32_t length = 0;
    std::memcpy(&score, bytes.data() + at, sizeof score);
    std::memcpy(&length, bytes.data() + at + 4, sizeof length);
    at += 8;
    if (length > kLlama2cTokenBytesMax || bytes.size() - at < length)
      return fail(Code::Malformed, "token " + std::to_string(id) +
                                       " of the vocabulary file claims " + std::to_string(length) +
                                       " bytes; the file is damaged");
    std::string token(bytes.substr(at, length));
    at += length;
    const bool byte = token.size() == 6 && token.starts_with("<0x") && token.ends_with('>');
    spec.types.push_back(id == 0  ? TokenType::Unknown
                         : id < 3 ? TokenType::Control
                         : byte   ? TokenType::Byte
                                  : TokenType::Normal);
    // Newer files write "\n<s>\n": the line ends belong to llama2.c's way of printing.
    if (id < 3) token = id == 0 ? "<unk>" : id == 1 ? "<s>" : "</s>";
    spec.tokens.push_back(with_marked_blanks(token));
    spec.scores.push_back(score);
  }
  spec.unknown = 0;
  spec.bos = 1;
  spec.eos = 2;
  spec.add_bos = true;
  spec.add_space_prefix = true;
  return spec;
}

}  // namespace text
