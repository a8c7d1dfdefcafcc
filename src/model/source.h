// A model as its files describe it, before anything is packed: configuration, tensors under their
// Hugging Face names, vocabulary, defaults. Model::load packs it; `charter convert` writes it in
// another format.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "formats/tensor_view.h"
#include "model/config.h"
#include "model/model.h"
#include "model/weights.h"
#include "text/tokenizer.h"

namespace model {

struct SourceTensor {
  formats::TensorView view;  // points into the mapped files
  std::string file;          // for errors
};

struct Source {
  std::string path;
  std::string format;  // "safetensors", "gguf", "llama2c"
  Config config;
  std::map<std::string, SourceTensor> tensors;
  std::optional<text::VocabSpec> vocabulary;
  std::string chat_template;      // empty: none
  json::Value generation_config;  // as in the folder; null: none

  // The tensor, checked against its shape; an element type that Charter does not compute with is
  // refused by name.
  base::Result<const SourceTensor*> tensor(const ParameterSpec& spec) const;
  // All of parameter_specs(config), in that order.
  base::Result<std::vector<formats::TensorView>> all() const;
};

base::Result<Source> read_source(const ModelFiles& files);

// One per format; read_source chooses by the names of the files.
base::Result<Source> read_hf_folder(const ModelFiles& files);
base::Result<Source> read_gguf_model(const ModelFiles& files, const std::string& name);
base::Result<Source> read_llama2c_model(const ModelFiles& files, const std::string& name);

}  // namespace model
