#include "text/tokenizer_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <tuple>

#include "base/utf8.h"
#include "text/bpe_trainer.h"
#include "text/stream_decoder.h"
#include "text/testing_gguf.h"

namespace text {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::read_all;
using testing::shared_path;

VocabSpec trained() {
  std::string corpus;
  for (int i = 0; i < 20; ++i)
    corpus +=
        "She has 12 red apples, and he's got 7. \u5C0F\u660E\u670912\u4E2A\u82F9\u679C\u3002\n";
  auto spec =
      train_bpe(corpus, {.vocab_size = 330, .specials = {"<|endoftext|>", "<|user|>", "<|end|>"}});
  EXPECT_TRUE(spec.has_value());
  spec->eos = 2;
  return *std::move(spec);
}

void expect_equal(const VocabSpec& a, const VocabSpec& b) {
  EXPECT_EQ(a.kind, b.kind);
  EXPECT_EQ(a.tokens, b.tokens);
  EXPECT_EQ(a.types, b.types);
  EXPECT_EQ(a.merges, b.merges);
  EXPECT_EQ(a.pre_tokenizer, b.pre_tokenizer);
  EXPECT_EQ(a.split_patterns, b.split_patterns);
  EXPECT_EQ(a.strip_right_ids, b.strip_right_ids);
  EXPECT_EQ(std::tie(a.bos, a.eos, a.unknown, a.pad, a.add_bos, a.add_eos),
            std::tie(b.bos, b.eos, b.unknown, b.pad, b.add_bos, b.add_eos));
  EXPECT_EQ(a.add_space_prefix, b.add_space_prefix);
  EXPECT_EQ(a.whole_words_first, b.whole_words_first);
  EXPECT_EQ(a.normalize_nfc, b.normalize_nfc);
}

VocabSpec written_and_read(const VocabSpec& spec) {
  const auto file = write_tokenizer_json(spec);
  EXPECT_TRUE(file.has_value());
  auto back = read_tokenizer_json(*file);
  EXPECT_TRUE(back.has_value()) << back.error().text();
  const auto config = read_tokenizer_config(write_tokenizer_config(spec, "{{ bos_token }}"));
  EXPECT_TRUE(config.has_value()) << config.error().text();
  EXPECT_EQ(config->chat_template, "{{ bos_token }}");
  EXPECT_TRUE(apply(*config, &*back).has_value());
  return *std::move(back);
}

TEST(TokenizerJson, ComesBackAsItWas) {
  VocabSpec spec = trained();
  spec.add_bos = true;
  spec.whole_words_first = true;
  spec.normalize_nfc = true;
  spec.strip_right_ids = {1};
  expect_equal(written_and_read(spec), spec);
  spec.split_patterns = {R"(\d+)", R"(\s+)"};
  spec.pre_tokenizer = "gpt2";
  expect_equal(written_and_read(spec), spec);
}

TEST(TokenizerJson, CharactersComeBack) {
  VocabSpec spec;
  spec.kind = VocabSpec::Kind::Characters;
  spec.tokens = {"<unk>", "\n", " ", "\"", "\\", "a", "\u4E00"};
  spec.types.assign(7, TokenType::Normal);
  spec.types[0] = TokenType::Control;
  spec.unknown = 0;
  const VocabSpec back = written_and_read(spec);
  EXPECT_EQ(back.kind, VocabSpec::Kind::Characters);
  EXPECT_EQ(back.tokens, spec.tokens);
  const auto tokenizer = Tokenizer::create(back);
  ASSERT_TRUE(tokenizer.has_value());
  EXPECT_THAT(tokenizer->encode("a\u4E00\n?", false), ElementsAre(5, 6, 1, 0));
}

TEST(TokenizerJson, ReadsWhatOthersWrite) {
  const auto spec = read_tokenizer_json(R"({"version":"1.0","added_tokens":[
    {"id":3,"content":"<|end|>","special":true,"rstrip":true},{"id":4,"content":"  ","special":false}],
    "normalizer":{"type":"NFC"},
    "pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true},
    "model":{"type":"BPE","unk_token":null,"vocab":{"a":0,"b":1,"ab":2},"merges":[["a","b"]]}})");
  ASSERT_TRUE(spec.has_value()) << spec.error().text();
  EXPECT_EQ(spec->pre_tokenizer, "gpt2");
  EXPECT_THAT(spec->merges, ElementsAre("a b"));
  EXPECT_THAT(spec->strip_right_ids, ElementsAre(3));
  const auto tokenizer = Tokenizer::create(*spec);
  ASSERT_TRUE(tokenizer.has_value());
  EXPECT_THAT(tokenizer->encode("ab  <|end|> b", true), ElementsAre(2, 4, 3, 1));
}

TEST(TokenizerJson, ReadsByteFallbackVocabularies) {
  const auto spec =
      read_tokenizer_json(R"({"added_tokens":[{"id":0,"content":"<unk>","special":true}],
    "normalizer":{"type":"Sequence","normalizers":[{"type":"Prepend","prepend":"\u2581"},
      {"type":"Replace","pattern":{"String":" "},"content":"\u2581"}]},"pre_tokenizer":null,
    "model":{"type":"BPE","unk_token":"<unk>","byte_fallback":true,
      "vocab":{"<unk>":0,"<0xE4>":1,"a":2,"b":3,"\u2581":4,"ab":5,"\u2581a":6},"merges":["\u2581 a","a b"]}})");
  ASSERT_TRUE(spec.has_value()) << spec.error().text();
  const auto tokenizer = Tokenizer::create(*spec);
  ASSERT_TRUE(tokenizer.has_value());
  EXPECT_THAT(tokenizer->encode("ab aab\xE4", false), ElementsAre(6, 3, 6, 5, 1));
}

TEST(TokenizerJson, RefusesWhatItDoesNotKnow) {
  const auto refusal = [](std::string_view file) {
    const auto spec = read_tokenizer_json(file);
    return spec ? std::string("accepted") : spec.error().message;
  };
  EXPECT_THAT(refusal("{"), HasSubstr("does not parse"));
  EXPECT_THAT(refusal("{}"), HasSubstr("no model"));
  EXPECT_THAT(refusal(R"({"model":{"type":"Unigram"}})"), HasSubstr("Unigram"));
  EXPECT_THAT(refusal(R"({"model":{"type":"BPE","vocab":{"a":-1},"merges":[]}})"),
              HasSubstr("no valid id"));
  EXPECT_THAT(refusal(R"({"model":{"type":"BPE","vocab":{"a":4000000},"merges":[]}})"),
              HasSubstr("only 1 tokens"));
  EXPECT_THAT(refusal(R"({"model":{"type":"BPE","vocab":{"a":0,"b":0},"merges":[]}})"),
              HasSubstr("two tokens"));
  EXPECT_THAT(
      refusal(
          R"({"model":{"type":"BPE","vocab":{"a":0},"merges":[1]},"pre_tokenizer":{"type":"ByteLevel"}})"),
      HasSubstr("merge 0"));
  EXPECT_THAT(
      refusal(
          R"({"model":{"type":"BPE","vocab":{"a":0},"merges":["a a"]},"pre_tokenizer":{"type":"Bert"}})"),
      HasSubstr("Bert"));
  EXPECT_THAT(
      refusal(
          R"({"model":{"type":"BPE","vocab":{"a":0},"merges":[]},"normalizer":{"type":"Lowercase"}})"),
      HasSubstr("Lowercase"));
  EXPECT_THAT(
      refusal(
          R"({"added_tokens":[{"id":"x"}],"model":{"type":"BPE","vocab":{"a":0},"merges":[]}})"),
      HasSubstr("added token"));
}

TEST(TokenizerConfig, NamesBecomeIds) {
  VocabSpec spec = trained();
  const auto config = read_tokenizer_config(
      R"({"bos_token":{"content":"<|user|>"},"eos_token":"<|end|>","pad_token":null,
    "add_bos_token":true,"chat_template":[{"name":"tool","template":"t"},{"name":"default","template":"d"}]})");
  ASSERT_TRUE(config.has_value());
  EXPECT_EQ(config->chat_template, "d");
  ASSERT_TRUE(apply(*config, &spec).has_value());
  EXPECT_EQ(spec.bos, 1);
  EXPECT_EQ(spec.eos, 2);
  EXPECT_TRUE(spec.add_bos);
  TokenizerConfig wrong;
  wrong.bos_token = "<s>";
  EXPECT_THAT(apply(wrong, &spec).error().message, HasSubstr("<s>"));
  EXPECT_THAT(read_tokenizer_config(R"({"bos_token":7})").error().message, HasSubstr("bos_token"));
}

TEST(TokenizerConfig, CharacterVocabularyOfTheTinyModel) {
  const std::string path = shared_path("weights/hf_llama_tiny/tokenizer_config.json");
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "needs ../shared/weights";
  const auto config = read_tokenizer_config(read_all(path));
  ASSERT_TRUE(config.has_value()) << config.error().text();
  const auto spec = character_vocab(*config);
  ASSERT_TRUE(spec.has_value());
  EXPECT_EQ(spec->tokens.size(), 16u);
  const auto tokenizer = Tokenizer::create(*spec);
  ASSERT_TRUE(tokenizer.has_value());
  EXPECT_THAT(tokenizer->encode("10,9:<sep>", true), ElementsAre(5, 4, 14, 13, 15, 0));
}

TEST(Llama2c, VocabularyGivesTheGoldenText) {
  const std::string folder = shared_path("weights/stories260K/");
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "needs ../shared/weights";
  const std::string bytes = read_all(folder + "tok512.bin");
  const auto spec = read_llama2c_vocab(bytes, 512);
  ASSERT_TRUE(spec.has_value()) << spec.error().text();
  const auto tokenizer = Tokenizer::create(*spec);
  ASSERT_TRUE(tokenizer.has_value()) << tokenizer.error().text();
  const std::vector<int32_t> start = {403, 407, 261, 378, 432, 383, 286, 261,
                                      376, 298, 315, 421, 395, 317, 426};
  EXPECT_EQ(tokenizer->decode(start), "Once upon a time, there was a little girl named Lily.");
  EXPECT_EQ(tokenizer->encode(tokenizer->decode(start), false), start);
  EXPECT_THAT(read_llama2c_vocab(std::string_view(bytes).substr(0, 3000), 512).error().message,
              HasSubstr("ends at token"));
  EXPECT_THAT(read_llama2c_vocab(std::string(20, '\xFF'), 512).error().message,
              HasSubstr("damaged"));
}

TEST(Llama2c, ItsVocabularyIsTheOneOfTheGgufFile) {
  const std::string folder = shared_path("weights/tokenizers/");
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "needs ../shared/weights";
  const auto llama2c =
      Tokenizer::create(*read_llama2c_vocab(read_all(folder + "llama2c/tokenizer.bin"), 32000));
  ASSERT_TRUE(llama2c.has_value()) << llama2c.error().text();
  const auto gguf = Tokenizer::create(
      testing::GgufReader(read_all(folder + "gguf_vocab/ggml-vocab-llama-spm.gguf")).vocab());
  ASSERT_TRUE(gguf.has_value());
  for (const std::string_view text :
       {"Hello, y'all! How are you?", "  two  blanks\n", "\u5C0F\u660E \U0001F999 na\u00EFve"})
    EXPECT_EQ(llama2c->encode(text, false), gguf->encode(text, false)) << text;
}

TEST(StreamDecoder, GivesWholeCharactersOnly) {
  const auto tokenizer = Tokenizer::create(trained());
  ASSERT_TRUE(tokenizer.has_value());
  const std::string text = "apples \U0001F34E \u82F9\u679C na\u00EFve";
  StreamDecoder stream(*tokenizer);
  std::string out;
  bool held = false;
  for (const int32_t id : tokenizer->encode(text + "<|end|>", true)) {
    const std::string part = stream.push(id);
    EXPECT_TRUE(base::is_utf8(part));
    held |= stream.pending();
    out += part;
  }
  EXPECT_TRUE(held) << "the emoji is several tokens";
  EXPECT_EQ(out + stream.finish(), text);
  const auto half = tokenizer->encode("\xF0\x9F", false);
  for (const int32_t id : half) EXPECT_EQ(stream.push(id), "");
  EXPECT_EQ(stream.finish(), "\uFFFD");
  EXPECT_EQ(stream.finish(), "");
}

}  // namespace
}  // namespace text
