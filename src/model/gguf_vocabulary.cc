#include "model/gguf_vocabulary.h"

#include <limits>

namespace model {
namespace {

using base::Code;

int32_t token_id(const formats::Gguf& gguf, std::string_view key) {
  const auto id = gguf.integer(key);
  // 2^32-1 is how some files say "none".
  if (!id || *id < 0 || *id > std::numeric_limits<int32_t>::max()) return -1;
  return static_cast<int32_t>(*id);
}

base::Status read_types(const formats::Gguf& gguf, const std::string& file, text::VocabSpec* spec) {
  const auto* types = gguf.integers("tokenizer.ggml.token_type");
  if (!types) return {};
  for (const int64_t type : *types) {
    if (type < 1 || type > 6) {
      return base::fail(
          Code::Malformed,
          file + ": tokenizer.ggml.token_type holds the unknown type " + std::to_string(type), file,
          "MODEL_FILE_MALFORMED");
    }
    spec->types.push_back(static_cast<text::TokenType>(type));
  }
  return {};
}

// Ends of a turn that are not the end of the text: models name them differently, and GGUF carries
// them as eot and eom.
void add_stops(const formats::Gguf& gguf, text::VocabSpec* spec) {
  for (const char* key : {"tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"}) {
    if (const int32_t id = token_id(gguf, key); id >= 0) spec->stop_ids.push_back(id);
  }
}

}  // namespace

base::Result<text::VocabSpec> vocab_spec_from_gguf(const formats::Gguf& gguf,
                                                   const std::string& file) {
  const auto kind = gguf.text("tokenizer.ggml.model");
  const auto* tokens = gguf.texts("tokenizer.ggml.tokens");
  if (!kind || !tokens) {
    return base::fail(Code::NotFound,
                      file + ": no vocabulary (tokenizer.ggml.model and tokenizer.ggml.tokens)",
                      file, "NO_TOKENIZER");
  }
  text::VocabSpec spec;
  if (*kind == "llama") {
    spec.kind = text::VocabSpec::Kind::SentencePiece;
  } else if (*kind == "gpt2") {
    spec.kind = text::VocabSpec::Kind::ByteBpe;
    spec.pre_tokenizer = std::string(gguf.text("tokenizer.ggml.pre").value_or("gpt2"));
  } else {
    return base::fail(
        Code::Unimplemented,
        file + ": the tokenizer '" + std::string(*kind) + "' is not supported, only llama and gpt2",
        file, "UNSUPPORTED_MODEL");
  }
  spec.tokens.assign(tokens->begin(), tokens->end());
  if (const auto* scores = gguf.reals("tokenizer.ggml.scores")) {
    for (const double score : *scores) spec.scores.push_back(static_cast<float>(score));
  }
  if (const auto* merges = gguf.texts("tokenizer.ggml.merges"))
    spec.merges.assign(merges->begin(), merges->end());
  TRY_VOID(read_types(gguf, file, &spec));
  spec.bos = token_id(gguf, "tokenizer.ggml.bos_token_id");
  spec.eos = token_id(gguf, "tokenizer.ggml.eos_token_id");
  spec.unknown = token_id(gguf, "tokenizer.ggml.unknown_token_id");
  spec.pad = token_id(gguf, "tokenizer.ggml.padding_token_id");
  const bool sentence_piece = spec.kind == text::VocabSpec::Kind::SentencePiece;
  spec.add_bos = gguf.boolean("tokenizer.ggml.add_bos_token").value_or(sentence_piece);
  spec.add_eos = gguf.boolean("tokenizer.ggml.add_eos_token").value_or(false);
  spec.add_space_prefix = gguf.boolean("tokenizer.ggml.add_space_prefix").value_or(sentence_piece);
  add_stops(gguf, &spec);
  return spec;
}

base::Status append_vocabulary(const text::VocabSpec& spec,
                               std::vector<std::pair<std::string, formats::GgufEntry>>* metadata) {
  if (spec.kind == text::VocabSpec::Kind::Characters || !spec.split_patterns.empty()) {
    return base::fail(Code::Unimplemented,
                      "GGUF has no kind of tokenizer that says what this one does; keep the model "
                      "as a safetensors folder",
                      "tokenizer", "UNSUPPORTED_MODEL");
  }
  const bool sentence_piece = spec.kind == text::VocabSpec::Kind::SentencePiece;
  const auto add = [&](const char* key, formats::GgufEntry value) {
    metadata->emplace_back(std::string("tokenizer.ggml.") + key, std::move(value));
  };
  add("model", std::string(sentence_piece ? "llama" : "gpt2"));
  if (!sentence_piece) add("pre", spec.pre_tokenizer);
  add("tokens", spec.tokens);
  if (!spec.scores.empty()) add("scores", spec.scores);
  std::vector<int32_t> types(spec.tokens.size(), static_cast<int32_t>(text::TokenType::Normal));
  for (size_t i = 0; i < spec.types.size() && i < types.size(); ++i)
    types[i] = static_cast<int32_t>(spec.types[i]);
  add("token_type", types);
  if (!spec.merges.empty()) add("merges", spec.merges);
  const auto add_id = [&](const char* key, int32_t id) {
    if (id >= 0) add(key, static_cast<uint32_t>(id));
  };
  add_id("bos_token_id", spec.bos);
  add_id("eos_token_id", spec.eos);
  add_id("unknown_token_id", spec.unknown);
  add_id("padding_token_id", spec.pad);
  if (!spec.stop_ids.empty()) add_id("eot_token_id", spec.stop_ids.front());
  add("add_bos_token", spec.add_bos);
  add("add_eos_token", spec.add_eos);
  add("add_space_prefix", spec.add_space_prefix);
  return {};
}

}  // namespace model
