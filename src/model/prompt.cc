#include "model/prompt.h"

#include "base/utf8.h"

namespace model {
namespace {

// U+FDD0, a noncharacter: Unicode keeps it for uses like this one, so no message loses anything
// when it is taken out.
constexpr std::string_view kCut = "\xEF\xB7\x90";

std::string token_text(const text::Tokenizer& tokenizer, int32_t id) {
  return id < 0 ? std::string() : tokenizer.spec().tokens[static_cast<size_t>(id)];
}

void replace_all(std::string* text, std::string_view from, std::string_view to) {
  for (size_t at = text->find(from); at != text->npos; at = text->find(from, at + to.size()))
    text->replace(at, from.size(), to);
}

std::string as_letters(const Model& model, std::string text) {
  replace_all(&text, kCut, "");
  for (const std::string& spelling : model.control_spellings()) {
    if (text.find(spelling) == text.npos) continue;
    size_t first = 0;
    base::next_code_point(spelling, &first);
    replace_all(&text, spelling,
                spelling.substr(0, first) + std::string(kCut) + spelling.substr(first));
  }
  return text;
}

json::Value as_letters(const Model& model, const json::Value& value) {
  if (value.is_string()) return as_letters(model, value.as_string());
  if (value.is_array()) {
    json::Array items;
    for (const json::Value& item : value.as_array()) items.push_back(as_letters(model, item));
    return items;
  }
  if (value.is_object()) {
    json::Object members;
    for (const auto& [key, item] : value.as_object())
      members.emplace_back(key, as_letters(model, item));
    return members;
  }
  return value;
}

}  // namespace

base::Result<std::string> render_chat(const Model& model, const json::Value& messages,
                                      const json::Value& tools) {
  const text::Tokenizer& tokenizer = model.tokenizer();
  text::ChatTemplate::Options options;
  options.bos_token = token_text(tokenizer, tokenizer.bos());
  options.eos_token = token_text(tokenizer, tokenizer.eos());
  options.tools = as_letters(model, tools);
  const json::Value letters = as_letters(model, messages);
  if (model.chat_template()) return model.chat_template()->render(letters, options);
  TRY(const text::ChatTemplate plain, text::ChatTemplate::parse(text::default_chat_template()));
  return plain.render(letters, options);
}

std::vector<int32_t> encode_chat(const Model& model, std::string_view rendered) {
  size_t cut = rendered.find(kCut);
  std::vector<int32_t> tokens = model.tokenizer().encode_prompt(rendered.substr(0, cut));
  while (cut != rendered.npos) {
    rendered.remove_prefix(cut + kCut.size());
    cut = rendered.find(kCut);
    const auto more = model.tokenizer().encode(rendered.substr(0, cut), true);
    tokens.insert(tokens.end(), more.begin(), more.end());
  }
  return tokens;
}

base::Result<std::vector<int32_t>> chat_prompt(const Model& model, const json::Value& messages) {
  TRY(const std::string rendered, render_chat(model, messages));
  return encode_chat(model, rendered);
}

}  // namespace model
