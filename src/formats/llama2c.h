// The llama2.c version 0 checkpoint: seven int32 and then fp32 weights in a fixed order. Tensors
// get the names that Hugging Face folders use; their q and k rows are in interleaved rotary order.
// Its vocabulary file is read by text/tokenizer_json.h.
#pragma once

#include "formats/tensor_view.h"

namespace formats {

struct Llama2c {
  int64_t dim = 0, hidden_dim = 0, layers = 0, heads = 0, kv_heads = 0, vocab_size = 0,
          context_length = 0;
  bool tied_embeddings = true;
  std::vector<TensorView> tensors;

  static base::Result<Llama2c> parse(base::ByteSpan bytes, const std::string& file);
};

}  // namespace formats
