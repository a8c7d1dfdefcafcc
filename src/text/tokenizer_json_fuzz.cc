// Any bytes as tokenizer.json and tokenizer_config.json: an error, or a spec that either makes a
// tokenizer or is refused.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "text/tokenizer.h"
#include "text/tokenizer_json.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto config = text::read_tokenizer_config(bytes);
  if (config && !config->char_ords.empty()) static_cast<void>(text::character_vocab(*config));
  auto spec = text::read_tokenizer_json(bytes);
  if (!spec) return 0;
  if (config) static_cast<void>(text::apply(*config, &*spec));
  const auto tokenizer = text::Tokenizer::create(*spec);
  if (!tokenizer) return 0;
  for (const int32_t id : tokenizer->encode("Hello  world 123 <s> \xE4\xB8\x80\xFF", true))
    CHECK(id >= 0 && id < tokenizer->size());
  if (spec->kind != text::VocabSpec::Kind::SentencePiece)
    CHECK(text::write_tokenizer_json(*spec).has_value());
  return 0;
}
