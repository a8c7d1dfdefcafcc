#include "text/grammar.h"

#include <gtest/gtest.h>

#include "text/grammar_masks.h"

namespace text {
namespace {

// S = "(" S ")" | "x", the simplest language that no regular expression says.
std::shared_ptr<const Grammar> nested(int32_t open_calls_max) {
  GrammarBuilder b;
  const auto rule = b.rule("S");
  const auto inside = b.call(b.literal(b.first(rule), "("), rule);
  b.empty(b.literal(inside, ")"), b.last(rule));
  b.empty(b.literal(b.first(rule), "x"), b.last(rule));
  return b.build(rule, open_calls_max).value();
}

TEST(Grammar, NestsAsFarAsItMay) {
  const auto grammar = nested(3);
  EXPECT_TRUE(grammar->matches("x"));
  EXPECT_TRUE(grammar->matches("((x))"));
  EXPECT_TRUE(grammar->matches("(((x)))"));
  EXPECT_FALSE(grammar->matches("((((x))))"));
  EXPECT_FALSE(grammar->matches("((x)"));
  EXPECT_FALSE(grammar->matches("(x))"));
  EXPECT_FALSE(grammar->matches(""));
}

TEST(Grammar, RefusesWhatCannotEndAndNamesIt) {
  GrammarBuilder b;
  const auto root = b.rule("root");
  const auto endless = b.rule("endless");
  b.empty(b.call(b.literal(b.first(root), "a"), endless), b.last(root));
  b.empty(b.call(b.literal(b.first(endless), "b"), endless), b.last(endless));
  const auto grammar = b.build(root, 10);
  ASSERT_FALSE(grammar);
  EXPECT_EQ(grammar.error().reason, "UNPRODUCTIVE");
  EXPECT_EQ(grammar.error().where, "endless");
}

TEST(Grammar, LeavesOutBranchesThatCannotEnd) {
  GrammarBuilder b;
  const auto root = b.rule();
  const auto endless = b.rule();
  b.empty(b.call(b.literal(b.first(endless), "b"), endless), b.last(endless));
  b.empty(b.call(b.literal(b.first(root), "a"), endless), b.last(root));
  b.empty(b.literal(b.first(root), "c"), b.last(root));
  const auto grammar = b.build(root, 10).value();
  EXPECT_TRUE(grammar->matches("c"));
  EXPECT_FALSE(grammar->matches("ab"));
}

TEST(Grammar, LeftRecursionIsBounded) {
  GrammarBuilder b;  // S = S "a" | "b"
  const auto rule = b.rule();
  b.empty(b.literal(b.call(b.first(rule), rule), "a"), b.last(rule));
  b.empty(b.literal(b.first(rule), "b"), b.last(rule));
  const auto grammar = b.build(rule, 20).value();
  EXPECT_TRUE(grammar->matches("baaa"));
  EXPECT_FALSE(grammar->matches("a"));
}

// S = "a" S "a" | "a" S "b" | "": after n letters 2^n stacks are possible.
TEST(Grammar, AmbiguityCostsReadingsAndNotTime) {
  GrammarBuilder b;
  const auto rule = b.rule();
  for (const char* end : {"a", "b"})
    b.empty(b.literal(b.call(b.literal(b.first(rule), "a"), rule), end), b.last(rule));
  b.empty(b.first(rule), b.last(rule));
  const auto grammar = b.build(rule, 60).value();
  EXPECT_TRUE(grammar->matches("aabb"));
  EXPECT_FALSE(grammar->matches(std::string(40, 'a') + "c"));
}

TEST(Grammar, RefusesAutomataThatExplode) {
  GrammarBuilder b;  // the 25th letter from the end is an a
  const auto rule = b.rule();
  auto at = b.first(rule);
  const ByteSet letters = bytes_of("ab");
  b.bytes(at, letters, at);
  at = b.literal(at, "a");
  for (int i = 0; i < 24; ++i) at = b.bytes(at, letters);
  b.empty(at, b.last(rule));
  const auto grammar = b.build(rule, 10);
  ASSERT_FALSE(grammar);
  EXPECT_EQ(grammar.error().code, base::Code::TooLarge);
}

// Pieces of several bytes, a byte on its own, a control token, an end.
Tokenizer pieces() {
  VocabSpec spec;
  spec.kind = VocabSpec::Kind::SentencePiece;
  spec.tokens = {"<unk>", "</s>", "<tool>", "(", "((", "(x", "x", "x)", "))", ")", "<0x29>", "y"};
  spec.scores.assign(spec.tokens.size(), 0);
  spec.types.assign(spec.tokens.size(), TokenType::Normal);
  spec.types[0] = TokenType::Unknown;
  spec.types[1] = spec.types[2] = TokenType::Control;
  spec.types[10] = TokenType::Byte;
  spec.unknown = 0;
  spec.eos = 1;
  return Tokenizer::create(spec).value();
}

std::vector<int32_t> allowed(const TokenMask& mask, int32_t size) {
  std::vector<int32_t> out;
  for (int32_t id = 0; id < size; ++id)
    if (mask.allows(id)) out.push_back(id);
  EXPECT_EQ(mask.count, static_cast<int64_t>(out.size()));
  return out;
}

TEST(GrammarMasks, AllowTokensThatSpanAndBytesThatStandAlone) {
  const Tokenizer tokenizer = pieces();
  const auto tree =
      std::make_shared<TokenTree>(tokenizer, tokenizer.size(), std::vector<int32_t>{1});
  const auto masks = std::make_shared<GrammarMasks>(nested(3), tree);
  GrammarCursor cursor(masks);
  EXPECT_EQ(allowed(*cursor.mask(), 12), (std::vector<int32_t>{3, 4, 5, 6}));
  EXPECT_TRUE(cursor.advance(4));                                              // ((
  EXPECT_EQ(allowed(*cursor.mask(), 12), (std::vector<int32_t>{3, 5, 6, 7}));  // not a fourth (
  EXPECT_FALSE(cursor.advance(11));
  EXPECT_TRUE(cursor.advance(7));                                         // x)
  EXPECT_EQ(allowed(*cursor.mask(), 12), (std::vector<int32_t>{9, 10}));  // ) and its byte
  EXPECT_FALSE(cursor.complete());
  EXPECT_TRUE(cursor.advance(10));
  EXPECT_TRUE(cursor.complete());
  EXPECT_TRUE(cursor.closed());
  EXPECT_EQ(allowed(*cursor.mask(), 12), (std::vector<int32_t>{1}));  // only the end
}

TEST(GrammarMasks, ControlTokensAreTextOnlyWhenSpelled) {
  const Tokenizer tokenizer = pieces();
  GrammarBuilder b;
  const auto rule = b.rule();
  b.free(b.first(rule));
  b.bytes(b.first(rule), bytes_of("xy"), b.first(rule));
  b.empty(b.literal(b.first(rule), "<tool>"), b.last(rule));
  b.empty(b.first(rule), b.last(rule));
  const auto grammar = b.build(rule, 4).value();
  const std::vector<int32_t> stops{1};
  GrammarCursor silent(std::make_shared<GrammarMasks>(
      grammar, std::make_shared<TokenTree>(tokenizer, tokenizer.size(), stops)));
  EXPECT_EQ(allowed(*silent.mask(), 12), (std::vector<int32_t>{0, 1, 2, 6, 11}));
  EXPECT_TRUE(silent.advance(2));
  EXPECT_EQ(allowed(*silent.mask(), 12), (std::vector<int32_t>{0, 1, 2, 6, 11}));
  const std::vector<int32_t> spelled{2};
  GrammarCursor spelling(std::make_shared<GrammarMasks>(
      grammar, std::make_shared<TokenTree>(tokenizer, tokenizer.size(), stops, spelled)));
  EXPECT_TRUE(spelling.advance(2));
  EXPECT_TRUE(spelling.closed());
}

}  // namespace
}  // namespace text
