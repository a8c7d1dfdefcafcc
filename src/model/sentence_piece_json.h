// A SentencePiece vocabulary as a tokenizer.json that Hugging Face's tokenizers reads: BPE with
// byte fallback, its merges made from the scores.
#pragma once

#include <string>

#include "text/tokenizer.h"

namespace model {

std::string write_sentence_piece_json(const text::VocabSpec& spec);

}  // namespace model
