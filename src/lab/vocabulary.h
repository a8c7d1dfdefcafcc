// The vocabulary of a run: made from its data, or read from a folder.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "text/tokenizer.h"

namespace lab {

// Each character of the text is a token, in the order of code points.
base::Result<text::VocabSpec> character_vocabulary(std::string_view text);

// Byte-level BPE with the specials of chat_format.h.
base::Result<text::VocabSpec> bpe_vocabulary(std::string_view corpus, int64_t size);

base::Result<text::VocabSpec> read_vocabulary(const std::string& folder);
base::Status write_vocabulary(const text::VocabSpec& spec, const std::string& folder);

// `choice`: "char", "bpe:SIZE", or a folder.
base::Result<text::VocabSpec> make_vocabulary(const std::string& choice, std::string_view corpus);

}  // namespace lab
