// Writes tokenizer.json and tokenizer_config.json so that Hugging Face's tokenizers reads them and
// gives the same ids.
#include <algorithm>

#include "json/json.h"
#include "text/pre_tokenizer.h"
#include "text/tokenizer_json.h"

namespace text {
namespace {

using json::Array;
using json::Object;
using json::Value;

Array strings(const std::vector<std::string>& list) {
  Array out;
  for (const std::string& text : list) out.emplace_back(text);
  return out;
}

TokenType type_of(const VocabSpec& spec, size_t id) {
  return spec.types.empty() ? TokenType::Normal : spec.types[id];
}

bool listed(const std::vector<int32_t>& ids, size_t id) {
  return std::ranges::count(ids, static_cast<int32_t>(id)) > 0;
}

Value byte_level(bool use_regex, bool add_prefix_space) {
  return Object{{"type", "ByteLevel"},
                {"add_prefix_space", add_prefix_space},
                {"trim_offsets", true},
                {"use_regex", use_regex}};
}

Value split(std::string_view pattern) {
  return Object{{"type", "Split"},
                {"pattern", Object{{"Regex", pattern}}},
                {"behavior", "Isolated"},
                {"invert", false}};
}

base::Result<Value> pre_tokenizer(const VocabSpec& spec) {
  if (spec.kind == VocabSpec::Kind::Characters) return Value();
  std::vector<std::string> patterns = spec.split_patterns;
  if (patterns.empty()) {
    const NamedSplit* named = find_split(spec.pre_tokenizer);
    if (!named)
      return base::fail(base::Code::Unimplemented, "the pre-tokenizer has no known pattern",
                        spec.pre_tokenizer);
    patterns.assign(named->patterns.begin(), named->patterns.end());
  }
  Array steps;
  for (const std::string& pattern : patterns) steps.push_back(split(pattern));
  steps.push_back(byte_level(false, spec.add_space_prefix));
  return Value(Object{{"type", "Sequence"}, {"pretokenizers", std::move(steps)}});
}

Array added_tokens(const VocabSpec& spec) {
  Array added;
  for (size_t id = 0; id < spec.tokens.size(); ++id) {
    const TokenType type = type_of(spec, id);
    if (type != TokenType::Control && type != TokenType::UserDefined && type != TokenType::Unknown)
      continue;
    added.push_back(Object{{"id", static_cast<int64_t>(id)},
                           {"content", spec.tokens[id]},
                           {"single_word", false},
                           {"lstrip", listed(spec.strip_left_ids, id)},
                           {"rstrip", listed(spec.strip_right_ids, id)},
                           {"normalized", false},
                           {"special", type != TokenType::UserDefined}});
  }
  return added;
}

}  // namespace

base::Result<std::string> write_tokenizer_json(const VocabSpec& spec) {
  if (spec.kind == VocabSpec::Kind::SentencePiece)
    return base::fail(base::Code::Unimplemented,
                      "a SentencePiece vocabulary cannot be written as tokenizer.json; keep its "
                      "GGUF file");
  const bool characters = spec.kind == VocabSpec::Kind::Characters;
  TRY(Value cut, pre_tokenizer(spec));
  Object vocab;
  for (size_t id = 0; id < spec.tokens.size(); ++id) {
    if (type_of(spec, id) != TokenType::Unused)
      vocab.emplace_back(spec.tokens[id], static_cast<int64_t>(id));
  }
  const Value unknown = spec.unknown >= 0 ? Value(spec.tokens[spec.unknown]) : Value();
  Object model{{"type", "BPE"},
               {"dropout", Value()},
               {"unk_token", unknown},
               {"continuing_subword_prefix", Value()},
               {"end_of_word_suffix", Value()},
               {"fuse_unk", false},
               {"byte_fallback", false},
               {"ignore_merges", spec.whole_words_first},
               {"vocab", std::move(vocab)},
               {"merges", strings(spec.merges)}};
  const Value file =
      Object{{"version", "1.0"},
             {"truncation", Value()},
             {"padding", Value()},
             {"added_tokens", added_tokens(spec)},
             {"normalizer", spec.normalize_nfc ? Value(Object{{"type", "NFC"}}) : Value()},
             {"pre_tokenizer", std::move(cut)},
             {"post_processor", Value()},
             {"decoder", characters ? Value(Object{{"type", "Fuse"}}) : byte_level(true, true)},
             {"model", std::move(model)}};
  return json::dump_pretty(file) + "\n";
}

std::string write_tokenizer_config(const VocabSpec& spec, std::string_view chat_template) {
  Object config{{"tokenizer_class", "PreTrainedTokenizerFast"},
                {"add_bos_token", spec.add_bos},
                {"add_eos_token", spec.add_eos},
                {"clean_up_tokenization_spaces", false}};
  const auto name = [&](const char* key, int32_t id) {
    if (id >= 0) config.emplace_back(key, spec.tokens[id]);
  };
  name("bos_token", spec.bos);
  name("eos_token", spec.eos);
  name("unk_token", spec.unknown);
  name("pad_token", spec.pad);
  if (!chat_template.empty()) config.emplace_back("chat_template", chat_template);
  return json::dump_pretty(Value(std::move(config))) + "\n";
}

}  // namespace text
