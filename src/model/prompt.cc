#include "model/prompt.h"

namespace model {
namespace {

std::string token_text(const text::Tokenizer& tokenizer, int32_t id) {
  return id < 0 ? std::string() : tokenizer.spec().tokens[static_cast<size_t>(id)];
}

}  // namespace

base::Result<std::vector<int32_t>> chat_prompt(const Model& model, const json::Value& messages) {
  const text::Tokenizer& tokenizer = model.tokenizer();
  text::ChatTemplate::Options options;
  options.bos_token = token_text(tokenizer, tokenizer.bos());
  options.eos_token = token_text(tokenizer, tokenizer.eos());
  std::string text;
  if (model.chat_template()) {
    TRY(text, model.chat_template()->render(messages, options));
  } else {
    TRY(const text::ChatTemplate plain, text::ChatTemplate::parse(text::default_chat_template()));
    TRY(text, plain.render(messages, options));
  }
  return tokenizer.encode_prompt(text);
}

}  // namespace model
