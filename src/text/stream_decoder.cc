#include "text/stream_decoder.h"

#include <algorithm>
#include <utility>

#include "base/utf8.h"

namespace text {

StreamDecoder::StreamDecoder(Tokenizer tokenizer, bool strip_first_blank,
                             std::vector<int32_t> spelled)
    : tokenizer_(std::move(tokenizer)),
      spelled_(std::move(spelled)),
      strip_blank_(strip_first_blank && tokenizer_.spec().kind == VocabSpec::Kind::SentencePiece &&
                   tokenizer_.spec().add_space_prefix) {}

std::string StreamDecoder::push(int32_t id) {
  if (tokenizer_.is_control(id) && std::ranges::find(spelled_, id) == spelled_.end()) return {};
  std::string_view bytes = tokenizer_.token_bytes(id);
  if (std::exchange(strip_blank_, false) && bytes.starts_with(' ')) bytes.remove_prefix(1);
  held_ += bytes;
  const size_t whole = base::complete_utf8_prefix(held_);
  std::string out = base::replace_invalid_utf8(std::string_view(held_).substr(0, whole));
  held_.erase(0, whole);
  return out;
}

std::string StreamDecoder::finish() { return std::exchange(held_, {}).empty() ? "" : "\uFFFD"; }

}  // namespace text
