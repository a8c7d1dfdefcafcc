#include "lab/chat_format.h"

#include <array>

namespace lab {
namespace {

constexpr std::array<std::string_view, 4> kSpecials = {"<|end|>", "<|system|>", "<|user|>",
                                                       "<|assistant|>"};

}  // namespace

std::string_view chat_template() {
  return "{% for message in messages %}{{ '<|' + message['role'] + '|>' + message['content'] + "
         "'<|end|>' }}"
         "{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}";
}

std::span<const std::string_view> chat_specials() { return kSpecials; }

base::Result<ChatFormat> ChatFormat::create(const text::Tokenizer& tokenizer) {
  for (const std::string_view special : kSpecials) {
    if (tokenizer.find(special) >= 0) continue;
    return base::fail(base::Code::InvalidArgument,
                      "The tokenizer has no token " + std::string(special) +
                          ", which conversations need; make one with charter tokenizer train.",
                      "--tokenizer", "NO_CHAT_TOKENS");
  }
  return ChatFormat(tokenizer, tokenizer.find("<|end|>"));
}

EncodedConversation ChatFormat::encode(std::span<const synth::Message> messages,
                                       CountedTurns counted) const {
  EncodedConversation out;
  std::vector<bool> is_counted;  // per token: is it a target?
  for (const synth::Message& message : messages) {
    const bool counts =
        message.counted && (counted == CountedTurns::All || message.role == "assistant");
    out.tokens.push_back(tokenizer_.find("<|" + message.role + "|>"));
    is_counted.push_back(false);
    const std::vector<int32_t> content = tokenizer_.encode(message.content, false);
    out.tokens.insert(out.tokens.end(), content.begin(), content.end());
    out.tokens.push_back(end_);
    is_counted.resize(out.tokens.size(), counts);
    if (counts) out.counted_bytes += std::ssize(message.content);
  }
  out.targets.assign(out.tokens.size(), -1);
  for (size_t i = 0; i + 1 < out.tokens.size(); ++i) {
    if (is_counted[i + 1]) out.targets[i] = out.tokens[i + 1];
  }
  // The last token predicts nothing, so it need not be computed.
  if (!out.tokens.empty()) out.tokens.pop_back(), out.targets.pop_back();
  return out;
}

}  // namespace lab
