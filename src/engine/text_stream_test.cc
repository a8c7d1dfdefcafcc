#include "engine/text_stream.h"

#include <gtest/gtest.h>

namespace engine {
namespace {

// Letters, two-letter pieces, and single bytes for what has no piece.
text::Tokenizer pieces() {
  text::VocabSpec spec;
  spec.kind = text::VocabSpec::Kind::SentencePiece;
  spec.tokens = {"<unk>", "a", "b", "c", "ab", "bc", "\u4f60"};
  spec.types.assign(spec.tokens.size(), text::TokenType::Normal);
  spec.types[0] = text::TokenType::Unknown;
  spec.unknown = 0;
  for (const char* byte : {"<0xE4>", "<0xBD>", "<0xA0>", "<0xFF>"}) {
    spec.tokens.emplace_back(byte);
    spec.types.push_back(text::TokenType::Byte);
  }
  spec.scores.assign(spec.tokens.size(), 0);
  auto tokenizer = text::Tokenizer::create(spec);
  EXPECT_TRUE(tokenizer) << tokenizer.error().text();
  return *std::move(tokenizer);
}

constexpr int32_t kA = 1, kC = 3, kAb = 4, kBc = 5, kE4 = 7, kBd = 8, kA0 = 9, kFf = 10;

struct Shown {
  std::string text;
  std::vector<int32_t> tokens;  // whose probabilities came with it
};

Shown take(TextStream& stream) {
  Shown out;
  std::vector<TokenLogprob> logprobs;
  stream.take(&out.text, &logprobs);
  for (const TokenLogprob& token : logprobs) out.tokens.push_back(token.id);
  return out;
}

bool push(TextStream& stream, int32_t id) { return stream.push({.id = id}); }

TEST(TextStream, HoldsHalfACharacterBack) {
  const text::Tokenizer tokenizer = pieces();
  TextStream stream(tokenizer, {}, true);
  push(stream, kE4);
  EXPECT_EQ(take(stream).text, "");
  push(stream, kBd);
  EXPECT_EQ(take(stream).tokens, std::vector<int32_t>{});
  push(stream, kA0);
  const Shown whole = take(stream);
  EXPECT_EQ(whole.text, "\u4f60");
  EXPECT_EQ(whole.tokens, (std::vector<int32_t>{kE4, kBd, kA0}));
  push(stream, kE4);
  stream.finish();
  const Shown end = take(stream);
  EXPECT_EQ(end.text, "\ufffd");
  EXPECT_EQ(end.tokens, std::vector<int32_t>{kE4});
}

TEST(TextStream, BytesThatAreNoTextBecomeReplacementCharacters) {
  TextStream stream(pieces(), {}, false);
  push(stream, kFf);
  push(stream, kA);
  EXPECT_EQ(take(stream).text, "\ufffda");
}

TEST(TextStream, AStopStringAcrossTokensIsCutOut) {
  TextStream stream(pieces(), {"bca"}, true);
  EXPECT_FALSE(push(stream, kAb));
  Shown shown = take(stream);
  EXPECT_EQ(shown.text, "a");                       // the b may begin the stop string
  EXPECT_EQ(shown.tokens, std::vector<int32_t>{});  // its token is not wholly shown
  EXPECT_FALSE(push(stream, kC));
  EXPECT_EQ(take(stream).text, "");
  EXPECT_TRUE(push(stream, kA));
  shown = take(stream);
  EXPECT_EQ(shown.text, "");
  EXPECT_EQ(shown.tokens,
            std::vector<int32_t>{kAb});  // part of it was shown; c and a lie in the stop string
}

TEST(TextStream, WhatDoesNotBecomeAStopStringIsShown) {
  TextStream stream(pieces(), {"bcb", "cc"}, false);
  EXPECT_FALSE(push(stream, kBc));
  EXPECT_EQ(take(stream).text, "");
  EXPECT_FALSE(push(stream, kA));
  EXPECT_EQ(take(stream).text, "bca");
  EXPECT_FALSE(push(stream, kC));
  EXPECT_EQ(take(stream).text, "");
  stream.finish();
  EXPECT_EQ(take(stream).text, "c");
}

TEST(TextStream, TheEarliestOfSeveralStopStringsCounts) {
  TextStream stream(pieces(), {"cab", "b"}, false);
  EXPECT_TRUE(push(stream, kAb) || push(stream, kC));
  EXPECT_EQ(take(stream).text, "a");
}

TEST(TextStream, AStopStringOfSeveralBytesACharacter) {
  TextStream stream(pieces(), {"\u4f60a"}, false);
  push(stream, kE4);
  push(stream, kBd);
  push(stream, kA0);
  EXPECT_EQ(take(stream).text, "");
  EXPECT_TRUE(push(stream, kA));
  EXPECT_EQ(take(stream).text, "");
}

}  // namespace
}  // namespace engine
