#include "text/tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <sstream>

#include "base/random.h"
#include "text/byte_alphabet.h"
#include "text/testing_gguf.h"

namespace text {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::read_all;
using testing::shared_path;

constexpr std::string_view kMarker = "\n__ggml_vocab_test__\n";

Tokenizer must_create(VocabSpec spec) {
  auto made = Tokenizer::create(std::move(spec));
  EXPECT_TRUE(made.has_value()) << made.error().text();
  return *std::move(made);
}

Tokenizer load_gguf(const std::string& name) {
  return must_create(
      testing::GgufReader(
          read_all(shared_path("weights/tokenizers/gguf_vocab/ggml-vocab-" + name + ".gguf")))
          .vocab());
}

bool have_vectors() {
  return std::filesystem::exists(shared_path("weights/tokenizers/gguf_vocab"));
}

std::vector<std::string> inputs_of(const std::string& name) {
  const std::string all =
      read_all(shared_path("weights/tokenizers/gguf_vocab/ggml-vocab-" + name + ".gguf.inp"));
  std::vector<std::string> out;
  for (size_t at = 0, end = 0; (end = all.find(kMarker, at)) != std::string::npos;
       at = end + kMarker.size())
    out.push_back(all.substr(at, end - at));
  return out;
}

std::vector<std::vector<int32_t>> outputs_of(const std::string& name) {
  std::istringstream lines(
      read_all(shared_path("weights/tokenizers/gguf_vocab/ggml-vocab-" + name + ".gguf.out")));
  std::vector<std::vector<int32_t>> out;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream ids(line);
    out.emplace_back();
    for (int32_t id = 0; ids >> id;) out.back().push_back(id);
  }
  return out;
}

class RecordedVectors : public ::testing::TestWithParam<std::string> {};

TEST_P(RecordedVectors, AreReproducedAndDecodeBack) {
  if (!have_vectors()) GTEST_SKIP() << "needs ../shared/weights";
  const Tokenizer tokenizer = load_gguf(GetParam());
  const auto inputs = inputs_of(GetParam());
  const auto outputs = outputs_of(GetParam());
  ASSERT_GT(inputs.size(), 40u);
  ASSERT_EQ(inputs.size(), outputs.size());
  for (size_t i = 0; i < inputs.size(); ++i) {
    EXPECT_EQ(tokenizer.encode(inputs[i], false), outputs[i]) << "input " << i << ": " << inputs[i];
    EXPECT_EQ(tokenizer.decode(outputs[i]), inputs[i]) << "input " << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Gguf, RecordedVectors,
                         ::testing::Values("gpt-2", "deepseek-coder", "llama-spm", "phi-3"),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::erase(name, '-');
                           return name;
                         });

TEST(Tokenizer, GptNeoxDecodesBackWhatItEncodes) {
  if (!have_vectors()) GTEST_SKIP() << "needs ../shared/weights";
  const Tokenizer tokenizer = load_gguf("gpt-neox");
  for (const std::string& input : inputs_of("gpt-2"))
    EXPECT_EQ(tokenizer.decode(tokenizer.encode(input, false)), input);
  // Runs of blanks are tokens of their own in this vocabulary.
  EXPECT_THAT(tokenizer.encode("        x", false),
              ElementsAre(tokenizer.find("        "), tokenizer.find("x")));
}

VocabSpec tiny_byte_bpe() {
  VocabSpec spec;
  for (const uint8_t byte : byte_order())
    spec.tokens.push_back(to_byte_alphabet(std::string(1, static_cast<char>(byte))));
  spec.merges = {"a b", "ab c", "b c", "\u0120 a"};
  for (const char* token : {"ab", "abc", "bc", "\u0120a"}) spec.tokens.emplace_back(token);
  spec.types.assign(spec.tokens.size(), TokenType::Normal);
  for (const char* token : {"<|end|>", "<|start|>"}) {
    spec.bos = spec.eos;
    spec.eos = static_cast<int32_t>(spec.tokens.size());
    spec.tokens.emplace_back(token);
    spec.types.push_back(TokenType::Control);
  }
  std::swap(spec.bos, spec.eos);
  return spec;
}

TEST(ByteBpe, AnyBytesComeBack) {
  const Tokenizer tokenizer = must_create(tiny_byte_bpe());
  base::Rng rng(7);
  for (int round = 0; round < 300; ++round) {
    std::string bytes(rng.below(200), '\0');
    for (char& c : bytes)
      c = static_cast<char>(rng.below(4) == 0 ? 0x80 + rng.below(128) : "abc \n'"[rng.below(6)]);
    ASSERT_EQ(tokenizer.decode(tokenizer.encode(bytes, false)), bytes);
    ASSERT_EQ(tokenizer.decode(tokenizer.encode(bytes, true)), bytes);
  }
}

TEST(ByteBpe, MergesByRankNotByLength) {
  const Tokenizer tokenizer = must_create(tiny_byte_bpe());
  EXPECT_THAT(tokenizer.encode("abc", false), ElementsAre(tokenizer.find("abc")));
  EXPECT_THAT(tokenizer.encode("bcab", false),
              ElementsAre(tokenizer.find("bc"), tokenizer.find("ab")));
}

TEST(Specials, BecomeTokensOnlyWhenAskedFor) {
  const Tokenizer tokenizer = must_create(tiny_byte_bpe());
  EXPECT_THAT(tokenizer.encode("a<|end|>", true),
              ElementsAre(tokenizer.find("a"), tokenizer.eos()));
  const auto plain = tokenizer.encode("a<|end|>", false);
  EXPECT_THAT(plain, ::testing::Not(::testing::Contains(tokenizer.eos())));
  EXPECT_EQ(tokenizer.decode(plain), "a<|end|>");
  EXPECT_EQ(tokenizer.decode(std::vector<int32_t>{tokenizer.find("a"), tokenizer.eos()}), "a");
  EXPECT_EQ(tokenizer.decode(std::vector<int32_t>{tokenizer.find("a"), tokenizer.eos()}, true),
            "a<|end|>");
  EXPECT_TRUE(tokenizer.is_stop(tokenizer.eos()));
}

TEST(Specials, ThatEndATurnStopEvenWhenTheFileDoesNotSaySo) {
  VocabSpec spec = tiny_byte_bpe();
  spec.eos = -1;
  const Tokenizer tokenizer = must_create(std::move(spec));
  EXPECT_TRUE(tokenizer.is_stop(tokenizer.find("<|end|>")));
  EXPECT_FALSE(tokenizer.is_stop(tokenizer.find("<|start|>")));
  EXPECT_FALSE(tokenizer.is_stop(-1));
}

TEST(Specials, ThatSwallowBlanksDoSo) {
  VocabSpec spec = tiny_byte_bpe();
  spec.strip_left_ids = {spec.eos};
  spec.strip_right_ids = {spec.bos};
  const Tokenizer tokenizer = must_create(std::move(spec));
  EXPECT_THAT(tokenizer.encode("<|start|> \n a  <|end|> b", true),
              ElementsAre(tokenizer.bos(), tokenizer.find("a"), tokenizer.eos(),
                          tokenizer.find("\u0120"), tokenizer.find("b")));
}

TEST(Prompt, HasOneBos) {
  VocabSpec spec = tiny_byte_bpe();
  spec.add_bos = true;
  const Tokenizer tokenizer = must_create(std::move(spec));
  const auto expected = ElementsAre(tokenizer.bos(), tokenizer.find("a"));
  EXPECT_THAT(tokenizer.encode_prompt("a"), expected);
  EXPECT_THAT(tokenizer.encode_prompt("<|start|>a"), expected);
}

// A word of this length takes hours where merging is quadratic.
TEST(Hostile, LongWordsTakeNoLongerThanLongTexts) {
  if (!have_vectors()) GTEST_SKIP() << "needs ../shared/weights";
  for (const std::string name : {"gpt-2", "deepseek-coder", "llama-spm"}) {
    const Tokenizer tokenizer = load_gguf(name);
    for (const std::string_view unit : {"a", " ", "0", "\xE4\xB8\x80", "\xFF", "\n", "ab", "<|"}) {
      std::string text;
      while (text.size() < 400'000) text += unit;
      const auto ids = tokenizer.encode(text, true);
      if (unit != "\xFF" || name != "deepseek-coder") {
        EXPECT_EQ(tokenizer.decode(ids), text) << name << " " << unit;
      }
    }
  }
}

TEST(SentencePiece, FallsBackToBytes) {
  VocabSpec spec;
  spec.kind = VocabSpec::Kind::SentencePiece;
  spec.add_space_prefix = true;
  spec.tokens = {"<unk>", "<0xE4>", "<0xB8>", "\u2581", "a", "\u2581a"};
  spec.types = {TokenType::Unknown, TokenType::Byte,   TokenType::Byte,
                TokenType::Normal,  TokenType::Normal, TokenType::Normal};
  spec.scores = {0, 0, 0, -3, -2, -1};
  spec.unknown = 0;
  const Tokenizer tokenizer = must_create(std::move(spec));
  EXPECT_THAT(tokenizer.encode("a\xE4\xB8\x80", false), ElementsAre(5, 1, 2, 0));
  EXPECT_THAT(tokenizer.encode("\xE4", false), ElementsAre(3, 1));
  EXPECT_THAT(tokenizer.encode("<0xE4>", false), ElementsAre(3, 0, 0, 0, 0, 0, 0))
      << "text must not spell byte tokens";
  EXPECT_EQ(tokenizer.decode(std::vector<int32_t>{5, 3, 4}), "a a");
}

TEST(Characters, AreTokens) {
  VocabSpec spec;
  spec.kind = VocabSpec::Kind::Characters;
  spec.tokens = {"a", "\u4E00", "\n"};
  const Tokenizer tokenizer = must_create(spec);
  EXPECT_THAT(tokenizer.encode("\u4E00a\nb\xFF", false), ElementsAre(1, 0, 2));
  spec.tokens.push_back("ab");
  EXPECT_THAT(Tokenizer::create(spec).error().message, HasSubstr("not one character"));
}

TEST(BadSpecs, AreRefusedByName) {
  const auto refusal = [](auto&& change) {
    VocabSpec spec = tiny_byte_bpe();
    change(spec);
    const auto made = Tokenizer::create(std::move(spec));
    return made ? "accepted" : made.error().message;
  };
  EXPECT_THAT(refusal([](VocabSpec& s) { s.tokens.clear(), s.types.clear(); }), HasSubstr("empty"));
  EXPECT_THAT(refusal([](VocabSpec& s) { s.tokens[3] = s.tokens[4]; }), HasSubstr("twice"));
  EXPECT_THAT(refusal([](VocabSpec& s) { s.bos = 100000; }), HasSubstr("bos"));
  EXPECT_THAT(refusal([](VocabSpec& s) { s.stop_ids = {-5}; }), HasSubstr("-5"));
  EXPECT_THAT(refusal([](VocabSpec& s) { s.types.pop_back(); }), HasSubstr("type"));
  EXPECT_THAT(refusal([](VocabSpec& s) { s.merges.push_back("nothing here"); }),
              HasSubstr("merge 4"));
  EXPECT_THAT(refusal([](VocabSpec& s) { s.merges.push_back("ab"); }), HasSubstr("one blank"));
  EXPECT_THAT(refusal([](VocabSpec& s) { s.pre_tokenizer = "unheard-of"; }),
              HasSubstr("gpt2, llama3"));
  EXPECT_THAT(refusal([](VocabSpec& s) { s.split_patterns = {"("}; }),
              HasSubstr("does not compile"));
  EXPECT_THAT(refusal([](VocabSpec& s) { s.kind = VocabSpec::Kind::SentencePiece; }),
              HasSubstr("score"));
}

TEST(Gpt2, FilesOfTheFirstReleaseGiveTheSameVocabulary) {
  if (!have_vectors()) GTEST_SKIP() << "needs ../shared/weights";
  const VocabSpec spec = load_gguf("gpt-2").spec();
  std::istringstream lines(read_all(shared_path("weights/tokenizers/gpt2/vocab.bpe")));
  std::vector<std::string> merges;
  std::string line;
  std::getline(lines, line);
  while (std::getline(lines, line)) merges.push_back(line);
  EXPECT_EQ(spec.merges, merges);
}

}  // namespace
}  // namespace text
