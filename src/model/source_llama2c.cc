#include "formats/llama2c.h"
#include "model/source.h"
#include "text/tokenizer_json.h"

namespace model {
namespace {

// Several vocabularies may lie beside the checkpoint: the one that has as many entries as the model
// is its own.
base::Status read_vocabulary(const ModelFiles& files, const std::string& checkpoint, Source* out) {
  base::Status why = {};
  for (const auto& [name, file] : files.files) {
    if (name == checkpoint) continue;
    auto spec = text::read_llama2c_vocab(base::as_text(file->bytes()),
                                         static_cast<int32_t>(out->config.vocab_size));
    if (spec) {
      out->vocabulary = *std::move(spec);
      return {};
    }
    why = base::wrap(std::move(spec).error(), name + ": not the vocabulary of '" + checkpoint + "'",
                     name);
  }
  return why;
}

}  // namespace

base::Result<Source> read_llama2c_model(const ModelFiles& files, const std::string& name) {
  TRY(formats::Llama2c checkpoint, formats::Llama2c::parse(files.files.at(name)->bytes(), name));
  Source out;
  out.path = files.path;
  out.format = "llama2c";
  Config& config = out.config;
  config.vocab_size = checkpoint.vocab_size;
  config.dim = checkpoint.dim;
  config.layers = checkpoint.layers;
  config.heads = checkpoint.heads;
  config.kv_heads = checkpoint.kv_heads;
  config.head_dim = checkpoint.dim / checkpoint.heads;
  config.hidden_dim = checkpoint.hidden_dim;
  config.context_length = checkpoint.context_length;
  config.tied_embeddings = checkpoint.tied_embeddings;
  config.rotary = kernels::Rotary::Interleaved;
  TRY_VOID(check_config(config, name));
  for (formats::TensorView& view : checkpoint.tensors) {
    std::string tensor_name = view.name;
    out.tensors.emplace(std::move(tensor_name), SourceTensor{std::move(view), name});
  }
  TRY_VOID(read_vocabulary(files, name, &out));
  return out;
}

}  // namespace model
