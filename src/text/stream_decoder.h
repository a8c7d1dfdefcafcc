// Token by token to text: gives out the bytes that are whole characters and holds the rest back, so
// that no reader ever sees half a character. One per stream; not shared between threads.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "text/tokenizer.h"

namespace text {

class StreamDecoder {
 public:
  // strip_first_blank: the stream is a text from its start, and a blank that add_space_prefix made
  // is dropped. spelled: control tokens that are shown as they are spelled.
  explicit StreamDecoder(Tokenizer tokenizer, bool strip_first_blank = false,
                         std::vector<int32_t> spelled = {});

  // The text that this token completes: valid UTF-8, may be empty. Other control tokens give
  // nothing.
  std::string push(int32_t id);
  // What was held back, at the end: an unfinished character becomes U+FFFD.
  std::string finish();
  bool pending() const { return !held_.empty(); }

 private:
  Tokenizer tokenizer_;
  std::vector<int32_t> spelled_;
  std::string held_;
  bool strip_blank_;
};

}  // namespace text
