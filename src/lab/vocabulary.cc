#include "lab/vocabulary.h"

#include <charconv>
#include <set>

#include "base/utf8.h"
#include "files/files.h"
#include "lab/chat_format.h"
#include "text/bpe_trainer.h"
#include "text/tokenizer_json.h"

namespace lab {
namespace {

constexpr std::string_view kBpe = "bpe:";
constexpr int64_t kSmallestBpe = 260;  // the bytes and the specials
constexpr int64_t kLargestBpe = 1 << 20;

}  // namespace

base::Result<text::VocabSpec> character_vocabulary(std::string_view text) {
  if (!base::is_utf8(text)) {
    return base::fail(base::Code::Malformed,
                      "The text is not UTF-8, so it has no characters to count; convert it, or use "
                      "--tokenizer bpe:4096.",
                      "--data");
  }
  std::set<std::string_view> characters;  // UTF-8 sorts as code points do
  for (size_t at = 0; at < text.size();) {
    const size_t begin = at;
    static_cast<void>(base::next_code_point(text, &at));
    characters.insert(text.substr(begin, at - begin));
  }
  text::VocabSpec spec;
  spec.kind = text::VocabSpec::Kind::Characters;
  spec.tokens.assign(characters.begin(), characters.end());
  return spec;
}

base::Result<text::VocabSpec> bpe_vocabulary(std::string_view corpus, int64_t size) {
  text::BpeTraining options;
  options.vocab_size = static_cast<int32_t>(size);
  options.specials.assign(chat_specials().begin(), chat_specials().end());
  options.pre_tokenizer = "charter";
  TRY(text::VocabSpec spec, text::train_bpe(corpus, options));
  spec.bos = -1;  // a conversation opens with its first role
  return spec;
}

base::Result<text::VocabSpec> read_vocabulary(const std::string& folder) {
  TRY(const std::string text, files::read_file(files::join(folder, "tokenizer.json")));
  TRY(text::VocabSpec spec, text::read_tokenizer_json(text));
  const std::string config_path = files::join(folder, "tokenizer_config.json");
  if (files::exists(config_path)) {
    TRY(const std::string config_text, files::read_file(config_path));
    TRY(const text::TokenizerConfig config, text::read_tokenizer_config(config_text));
    TRY_VOID(text::apply(config, &spec));
  }
  return spec;
}

base::Status write_vocabulary(const text::VocabSpec& spec, const std::string& folder) {
  TRY_VOID(files::make_directories(folder));
  TRY(const std::string text, text::write_tokenizer_json(spec));
  TRY_VOID(files::write_atomic(files::join(folder, "tokenizer.json"), text));
  const bool chats = spec.kind == text::VocabSpec::Kind::ByteBpe;
  return files::write_atomic(
      files::join(folder, "tokenizer_config.json"),
      text::write_tokenizer_config(spec, chats ? chat_template() : std::string_view()));
}

base::Result<text::VocabSpec> make_vocabulary(const std::string& choice, std::string_view corpus) {
  if (choice == "char") return character_vocabulary(corpus);
  if (!choice.starts_with(kBpe)) return read_vocabulary(choice);
  int64_t size = 0;
  const char* end = choice.data() + choice.size();
  const auto [at, error] = std::from_chars(choice.data() + kBpe.size(), end, size);
  if (error != std::errc() || at != end || size < kSmallestBpe || size > kLargestBpe) {
    return base::fail(
        base::Code::InvalidArgument,
        "A BPE vocabulary has 260 to 1048576 tokens, given as bpe:4096; got '" + choice + "'.",
        "--tokenizer");
  }
  return bpe_vocabulary(corpus, size);
}

}  // namespace lab
