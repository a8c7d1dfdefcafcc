// The llama2.c version 0 checkpoint (seven int32 and then fp32 weights in a fixed order) and its vocabulary file. Tensors
// get the names that Hugging Face folders use; their q and k rows are in interleaved rotary order.
#pragma once

#include "formats/tensor_view.h"

namespace formats {

struct Llama2c {
  int64_t dim = 0, hidden_dim = 0, layers = 0, heads = 0, kv_heads = 0, vocab_size = 0, context_length = 0;
  bool tied_embeddings = true;
  std::vector<TensorView> tensors;

  static base::Result<Llama2c> parse(base::ByteSpan bytes, const std::string& file);
};

struct Llama2cVocabulary {
  std::vector<std::string> tokens;  // pieces with blanks already in place of the SentencePiece mark
  std::vector<float> scores;

  // As many entries as the model's vocabulary has; less or more in the file is an error.
  static base::Result<Llama2cVocabulary> parse(base::ByteSpan bytes, const std::string& file, int64_t vocab_size);
};

}  // namespace formats
