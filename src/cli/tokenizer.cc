// `charter tokenizer`: learn a vocabulary, and look at what it does to a text.
#include <cstdio>

#include "cli/command.h"
#include "files/files.h"
#include "json/json.h"
#include "lab/conversation_dataset.h"
#include "lab/run_plan.h"
#include "lab/vocabulary.h"

namespace cli {
namespace {

constexpr std::string_view kHelp =
    R"(usage: charter tokenizer train --data FILE|synth:NAME[,NAME...] --out DIR
                               [--vocab SIZE | --characters]
       charter tokenizer encode DIR [TEXT...]
       charter tokenizer decode DIR ID...

train writes DIR/tokenizer.json and tokenizer_config.json: byte-level BPE with the tokens of
conversations (<|end|>, <|system|>, <|user|>, <|assistant|>), or a token for each character.
encode reads standard input when no TEXT is given.

  --vocab SIZE    tokens of the vocabulary, 4096 unless told
  --bytes N       of generated text to learn from, 4000000 unless told
  --seed N        of the generated text, 1 unless told
)";

base::Result<std::string> corpus_of(const std::string& data, int64_t bytes, int64_t seed) {
  lab::RunPlan plan;
  plan.data = data;
  if (lab::is_generated(plan)) {
    return lab::conversation_corpus(lab::generator_list(plan), bytes, static_cast<uint64_t>(seed));
  }
  constexpr uint64_t kCorpusBytesMax = uint64_t{1} << 30;
  return files::read_file(data, kCorpusBytesMax);
}

base::Status train(std::span<const std::string> arguments) {
  Options options("tokenizer");
  const std::string& data = options.text("--data", "");
  const std::string& out = options.text("--out", "");
  const int64_t& vocab = options.integer("--vocab", 4096, 260, 1 << 20);
  const int64_t& bytes = options.integer("--bytes", 4'000'000, 1000, int64_t{1} << 30);
  const int64_t& seed = options.integer("--seed", 1, 0, INT64_MAX);
  const bool& characters = options.flag("--characters");
  TRY_VOID(options.parse(arguments));
  if (data.empty() || out.empty()) {
    return base::fail(base::Code::InvalidArgument,
                      "Give --data and --out; see charter help tokenizer.",
                      data.empty() ? "--data" : "--out");
  }
  TRY(const std::string corpus, corpus_of(data, bytes, seed));
  TRY(const text::VocabSpec spec,
      lab::make_vocabulary(characters ? "char" : "bpe:" + std::to_string(vocab), corpus));
  TRY_VOID(lab::write_vocabulary(spec, out));
  TRY(const text::Tokenizer tokenizer, text::Tokenizer::create(spec));
  const auto tokens = static_cast<double>(tokenizer.encode(corpus, false).size());
  const double bytes_per_token = static_cast<double>(corpus.size()) / tokens;
  if (options.json()) {
    const json::Value value = json::Object{
        {"out", out}, {"tokens", int64_t{tokenizer.size()}}, {"bytes_per_token", bytes_per_token}};
    std::printf("%s\n", json::dump(value).c_str());
  } else {
    std::printf("%s: %d tokens, %.2f bytes a token on its own text\n", out.c_str(),
                tokenizer.size(), bytes_per_token);
  }
  return {};
}

base::Result<text::Tokenizer> open_tokenizer(const std::string& folder) {
  TRY(text::VocabSpec spec, lab::read_vocabulary(folder));
  return text::Tokenizer::create(std::move(spec));
}

std::string read_standard_input() {
  std::string text;
  char buffer[65536];
  while (const size_t count = std::fread(buffer, 1, sizeof buffer, stdin))
    text.append(buffer, count);
  return text;
}

base::Status encode(std::span<const std::string> arguments) {
  Options options("tokenizer");
  const std::string& folder = options.positional("DIR");
  const std::vector<std::string>& words = options.rest("TEXT");
  TRY_VOID(options.parse(arguments));
  TRY(const text::Tokenizer tokenizer, open_tokenizer(folder));
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  if (words.empty()) text = read_standard_input();
  std::string line;
  for (const int32_t id : tokenizer.encode(text, true)) {
    line += (line.empty() ? "" : options.json() ? "," : " ") + std::to_string(id);
  }
  std::printf(options.json() ? "[%s]\n" : "%s\n", line.c_str());
  return {};
}

base::Status decode(std::span<const std::string> arguments) {
  Options options("tokenizer");
  const std::string& folder = options.positional("DIR");
  const std::vector<std::string>& words = options.rest("ID");
  TRY_VOID(options.parse(arguments));
  TRY(const text::Tokenizer tokenizer, open_tokenizer(folder));
  std::vector<int32_t> ids;
  for (const std::string& word : words) {
    const auto id = json::parse(word);
    if (!id || !id->is_int() || id->as_int() < 0 || id->as_int() >= tokenizer.size()) {
      return base::fail(base::Code::InvalidArgument,
                        "'" + word + "' is not the id of a token; they go from 0 to " +
                            std::to_string(tokenizer.size() - 1) + ".",
                        "ID");
    }
    ids.push_back(static_cast<int32_t>(id->as_int()));
  }
  const std::string text = tokenizer.decode(ids, true);
  std::printf("%s\n", options.json() ? json::dump(text).c_str() : text.c_str());
  return {};
}

base::Status run_tokenizer(std::span<const std::string> arguments) {
  const std::string verb = arguments.empty() ? "" : arguments.front();
  const auto rest = arguments.subspan(arguments.empty() ? 0 : 1);
  if (verb == "train") return train(rest);
  if (verb == "encode") return encode(rest);
  if (verb == "decode") return decode(rest);
  return base::fail(base::Code::InvalidArgument,
                    "charter tokenizer takes train, encode or decode; see charter help tokenizer.",
                    verb);
}

}  // namespace

extern const Command kTokenizerCommand;
const Command kTokenizerCommand{"tokenizer", "learn a vocabulary; encode and decode with it", kHelp,
                                run_tokenizer};

}  // namespace cli
