// Encoding any bytes must end, give ids of the vocabulary, and, where the vocabulary has all bytes,
// decode to the same bytes. The first byte of the input picks the cut and whether specials are
// parsed.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/utf8.h"
#include "text/byte_alphabet.h"
#include "text/pre_tokenizer.h"
#include "text/stream_decoder.h"
#include "text/tokenizer.h"

namespace {

text::Tokenizer make_tokenizer(std::string_view split) {
  text::VocabSpec spec;
  for (const uint8_t byte : text::byte_order())
    spec.tokens.push_back(text::to_byte_alphabet(std::string(1, static_cast<char>(byte))));
  for (const char* merge : {"a a", "aa aa", "\u0120 a", "a b", "ab a", "\u010A \u010A"}) {
    spec.merges.emplace_back(merge);
    std::string token = merge;
    token.erase(token.find(' '), 1);
    spec.tokens.push_back(token);
  }
  spec.types.assign(spec.tokens.size(), text::TokenType::Normal);
  for (const char* special : {"<|a|>", "<|a", "<s>"}) {
    spec.tokens.emplace_back(special);
    spec.types.push_back(text::TokenType::Control);
  }
  spec.pre_tokenizer = split;
  auto made = text::Tokenizer::create(std::move(spec));
  CHECK(made.has_value());
  return *std::move(made);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::vector<text::Tokenizer> tokenizers = [] {
    std::vector<text::Tokenizer> made;
    for (const text::NamedSplit& split : text::named_splits())
      made.push_back(make_tokenizer(split.name));
    return made;
  }();
  if (size == 0) return 0;
  const text::Tokenizer& tokenizer = tokenizers[data[0] / 2 % tokenizers.size()];
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto ids = tokenizer.encode(bytes, data[0] & 1);
  CHECK(tokenizer.decode(ids, true) == bytes);
  text::StreamDecoder stream(tokenizer);
  for (const int32_t id : ids) CHECK(base::is_utf8(stream.push(id)));
  CHECK(base::is_utf8(stream.finish()));
  return 0;
}
