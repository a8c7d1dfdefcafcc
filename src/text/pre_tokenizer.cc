#include "text/pre_tokenizer.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/utf8.h"

namespace text {
namespace {

constexpr std::string_view kGpt2 =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
constexpr std::string_view kLlama3 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kQwen2 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kGpt4o =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?)"
    R"(|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?)"
    R"(|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
// Ours. Chinese and Japanese have no blanks between words, so a run of them stands apart from Latin
// letters and takes no blank or sign along; each digit is its own token, so that numbers of one
// length have one shape; line ends stay alone.
// [^\s\p{P}\p{S}\p{N}\p{C}\p{Z}...] is letters and marks without those scripts, said without nested
// classes.
constexpr std::string_view kCharter =
    R"([\p{Han}\p{Hiragana}\p{Katakana}]+|'(?i:[sdmt]|ll|ve|re)(?![\p{L}\p{M}]))"
    R"(| ?[^\s\p{P}\p{S}\p{N}\p{C}\p{Z}\p{Han}\p{Hiragana}\p{Katakana}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+|\r?\n|[^\S\r\n]+(?!\S)|\s)";

constexpr std::array<std::pair<std::string_view, std::string_view>, 16> kAliases{{
    {"gpt-2", "gpt2"},
    {"default", "gpt2"},
    {"", "gpt2"},
    {"neox", "gpt2"},
    {"gpt-neox", "gpt2"},
    {"phi-2", "gpt2"},
    {"mpt", "gpt2"},
    {"olmo", "gpt2"},
    {"jina-es", "gpt2"},
    {"llama-bpe", "llama3"},
    {"llama-v3", "llama3"},
    {"smollm", "starcoder"},
    {"refact", "starcoder"},
    {"command-r", "starcoder"},
    {"deepseek-r1-qwen", "qwen2"},
    {"smaug-bpe", "llama3"},
}};

}  // namespace

std::span<const NamedSplit> named_splits() {
  static const std::vector<NamedSplit> splits = {
      {"gpt2", {kGpt2}},
      {"llama3", {kLlama3}},
      {"qwen2", {kQwen2}},
      {"deepseek-coder",
       {R"([\r\n])", R"(\s?\p{L}+)", R"(\s?\p{P}+)", R"([一-龥ࠀ-一가-퟿]+)", R"(\p{N})"}},
      {"starcoder", {R"(\p{N})", kGpt2}},
      {"gpt-4o", {kGpt4o}},
      {"charter", {kCharter}},
  };
  return splits;
}

const NamedSplit* find_split(std::string_view name) {
  for (const auto& [alias, target] : kAliases) {
    if (alias == name) {
      name = target;
      break;
    }
  }
  const auto splits = named_splits();
  const auto found = std::ranges::find(splits, name, &NamedSplit::name);
  return found == splits.end() ? nullptr : &*found;
}

base::Result<PreTokenizer> PreTokenizer::create(std::string_view name) {
  const NamedSplit* split = find_split(name);
  if (!split)
    return base::fail(base::Code::Unimplemented,
                      "the vocabulary cuts its text in a way that Charter does not know; use a "
                      "model with one of: gpt2, "
                      "llama3, qwen2, deepseek-coder, starcoder, gpt-4o, charter",
                      std::string(name));
  const std::vector<std::string> patterns(split->patterns.begin(), split->patterns.end());
  return create(patterns);
}

base::Result<PreTokenizer> PreTokenizer::create(std::span<const std::string> patterns) {
  PreTokenizer made;
  for (const std::string& pattern : patterns) {
    TRY(Regex expression, Regex::compile(pattern));
    made.expressions_.push_back(std::move(expression));
  }
  return made;
}

size_t PreTokenizer::valid_run(std::string_view text, size_t from) {
  if (from == 0 && base::is_utf8(text)) return text.size();
  size_t at = from;
  while (at < text.size()) {
    const size_t start = at;
    // The decoder says U+FFFD both for a bad byte (one byte long) and for the character itself
    // (three bytes).
    if (base::next_code_point(text, &at) == U'\uFFFD' && at - start == 1) return start;
  }
  return at;
}

size_t PreTokenizer::bad_run(std::string_view text, size_t from) {
  size_t at = from;
  while (at < text.size()) {
    size_t next = at;
    if (base::next_code_point(text, &next) != U'\uFFFD' || next - at != 1) return at;
    at = next;
  }
  return at;
}

}  // namespace text
