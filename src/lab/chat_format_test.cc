#include "lab/chat_format.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "lab/vocabulary.h"
#include "text/chat_template.h"

namespace lab {
namespace {

using synth::Message;

const std::vector<Message> kTalk = {
    {"user", "Hello, 你好?"}, {"assistant", "Hi!"}, {"user", "2+2"}, {"assistant", "4 个"}};

text::Tokenizer tokenizer() {
  return *text::Tokenizer::create(
      *bpe_vocabulary("hello hello hello you you are are 你好 你好 2+2", 280));
}

TEST(ChatFormat, TheTemplateAndTheTrainingIdsAgree) {
  const text::Tokenizer t = tokenizer();
  const EncodedConversation encoded = ChatFormat::create(t)->encode(kTalk, CountedTurns::Assistant);
  json::Array messages;
  for (const Message& m : kTalk)
    messages.push_back(json::Object{{"role", m.role}, {"content", m.content}});
  text::ChatTemplate::Options options;
  options.add_generation_prompt = false;
  const auto rendered = text::ChatTemplate::parse(chat_template())->render(messages, options);
  ASSERT_TRUE(rendered) << rendered.error().text();
  std::vector<int32_t> ids = t.encode_prompt(*rendered);
  ids.pop_back();  // the last token predicts nothing
  EXPECT_EQ(encoded.tokens, ids);
}

TEST(ChatFormat, OnlyTheAssistantsTurnsAreCounted) {
  const text::Tokenizer t = tokenizer();
  const EncodedConversation encoded = ChatFormat::create(t)->encode(kTalk, CountedTurns::Assistant);
  std::vector<int32_t> counted;
  for (const int32_t id : encoded.targets) {
    if (id >= 0) counted.push_back(id);
  }
  EXPECT_EQ(t.decode(counted, true), "Hi!<|end|>4 个<|end|>");
  EXPECT_EQ(encoded.counted_bytes, 8);
  const EncodedConversation all = ChatFormat::create(t)->encode(kTalk, CountedTurns::All);
  EXPECT_EQ(std::ranges::count(all.targets, -1), 3)
      << "the roles of the three turns after the first";
}

TEST(ChatFormat, ATokenizerWithoutTheSpecialsIsRefused) {
  const auto format = ChatFormat::create(*text::Tokenizer::create(*character_vocabulary("abc")));
  ASSERT_FALSE(format);
  EXPECT_EQ(format.error().reason, "NO_CHAT_TOKENS");
}

}  // namespace
}  // namespace lab
