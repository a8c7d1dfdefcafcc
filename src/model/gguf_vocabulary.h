// The vocabulary of a GGUF file (tokenizer.ggml.*) as a VocabSpec, and back.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "formats/gguf.h"
#include "text/tokenizer.h"

namespace model {

// Code::NotFound with reason NO_TOKENIZER when the file has none; Code::Unimplemented for a kind
// that text/ does not know.
base::Result<text::VocabSpec> vocab_spec_from_gguf(const formats::Gguf& gguf,
                                                   const std::string& file);

// Code::Unimplemented for a character vocabulary: GGUF has no such kind.
base::Status append_vocabulary(const text::VocabSpec& spec,
                               std::vector<std::pair<std::string, formats::GgufEntry>>* metadata);

}  // namespace model
