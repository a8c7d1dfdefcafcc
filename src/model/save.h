// Writes a model folder in Hugging Face's layout: what the trainer saves and what `charter convert`
// makes. Each file is replaced atomically; model.safetensors comes last, so that a folder with
// weights is a whole one.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "base/result.h"
#include "formats/tensor_view.h"
#include "model/config.h"
#include "text/tokenizer.h"

namespace model {

struct SaveOptions {
  formats::DType dtype = formats::DType::BF16;  // F32, F16 or BF16 in the file
  std::string chat_template = {};               // for tokenizer_config.json; empty: none
  json::Value generation_config =
      {};  // an object merged over {bos_token_id, eos_token_id}; null: only those
};

// Writes config.json, model.safetensors, tokenizer.json, tokenizer_config.json,
// generation_config.json. `tensors` are those of parameter_specs(config), in any order; missing,
// extra or misshapen ones are InvalidArgument. Interleaved q and k rows are stored in halves order,
// as the folder's readers expect. A null tokenizer leaves the tokenizer's files out.
base::Status write_model_folder(const Config& config, std::span<const formats::TensorView> tensors,
                                const text::VocabSpec* tokenizer, const std::string& directory,
                                const SaveOptions& options = {});

// The same model as one GGUF file (llama architecture, vocabulary included).
base::Status write_model_gguf(const Config& config, std::span<const formats::TensorView> tensors,
                              const text::VocabSpec* tokenizer, const std::string& path,
                              const SaveOptions& options = {});

}  // namespace model
