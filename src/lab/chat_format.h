// How Charter's own models write a conversation: <|role|>content<|end|> for each message. The
// template that goes into the model folder and the token ids that training sees are made here, side
// by side, so that they agree.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "lab/synth/generator.h"
#include "text/tokenizer.h"

namespace lab {

std::string_view chat_template();
std::span<const std::string_view> chat_specials();  // <|end|> first: it ends a turn

enum class CountedTurns : uint8_t { Assistant, All };

struct EncodedConversation {
  std::vector<int32_t> tokens;
  std::vector<int32_t> targets;  // the next token where it is counted, -1 elsewhere
  int64_t counted_bytes = 0;     // of the text that the counted targets spell
};

class ChatFormat {
 public:
  // Fails when the vocabulary lacks one of the specials.
  static base::Result<ChatFormat> create(const text::Tokenizer& tokenizer);

  EncodedConversation encode(std::span<const synth::Message> messages, CountedTurns counted) const;

 private:
  ChatFormat(const text::Tokenizer& tokenizer, int32_t end) : tokenizer_(tokenizer), end_(end) {}
  text::Tokenizer tokenizer_;
  int32_t end_;
};

}  // namespace lab
