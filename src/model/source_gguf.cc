#include <cmath>

#include "formats/gguf.h"
#include "model/gguf_names.h"
#include "model/gguf_vocabulary.h"
#include "model/source.h"

namespace model {
namespace {

using base::Code;

base::Result<Config> read_config(const formats::Gguf& gguf, const std::string& file) {
  const auto missing = [&](const std::string& key) {
    return base::fail(Code::Malformed,
                      file + ": the metadata '" + key + "' is missing or of the wrong kind", file,
                      "MODEL_FILE_MALFORMED");
  };
  const auto architecture = gguf.text("general.architecture");
  if (!architecture) return missing("general.architecture");
  if (*architecture != "llama") {
    return base::fail(Code::Unimplemented,
                      file + ": the architecture '" + std::string(*architecture) +
                          "' is not supported; Charter runs llama (RMSNorm, rotary positions, "
                          "grouped-query attention, SwiGLU), and what '" +
                          std::string(*architecture) + "' needs beyond that is missing",
                      file, "UNSUPPORTED_MODEL");
  }
  Config config;
  config.rotary = kernels::Rotary::Interleaved;
  struct Size {
    const char* key;
    int64_t* out;
  };
  for (const Size& size :
       {Size{"llama.embedding_length", &config.dim}, Size{"llama.block_count", &config.layers},
        Size{"llama.attention.head_count", &config.heads},
        Size{"llama.feed_forward_length", &config.hidden_dim},
        Size{"llama.context_length", &config.context_length}}) {
    const auto value = gguf.integer(size.key);
    if (!value) return missing(size.key);
    *size.out = *value;
  }
  config.kv_heads = gguf.integer("llama.attention.head_count_kv").value_or(config.heads);
  config.head_dim = gguf.integer("llama.attention.key_length")
                        .value_or(config.heads > 0 ? config.dim / config.heads : 0);
  config.norm_eps =
      static_cast<float>(gguf.real("llama.attention.layer_norm_rms_epsilon").value_or(1e-5));
  config.rope_theta = gguf.real("llama.rope.freq_base").value_or(10000);
  const formats::TensorView* embedding = gguf.find_tensor("token_embd.weight");
  if (!embedding || embedding->shape.size() != 2) {
    return base::fail(Code::Malformed, file + ": the tensor 'token_embd.weight' is missing", file,
                      "MODEL_FILE_MALFORMED");
  }
  config.vocab_size = embedding->shape[0];
  config.tied_embeddings = gguf.find_tensor("output.weight") == nullptr;
  TRY_VOID(check_config(config, file));
  return config;
}

// What this transformer does not do yet must not be ignored silently.
base::Status check_features(const formats::Gguf& gguf, const Config& config,
                            const std::string& file) {
  const auto refuse = [&](const std::string& what) {
    return base::fail(Code::Unimplemented, file + ": " + what + " is not supported", file,
                      "UNSUPPORTED_MODEL");
  };
  if (gguf.integer("llama.expert_count").value_or(0) > 0)
    return refuse("a mixture of experts (llama.expert_count)");
  if (gguf.find_tensor("rope_freqs.weight"))
    return refuse("a table of rotary frequency factors (rope_freqs.weight)");
  if (gguf.integer("llama.rope.dimension_count").value_or(config.head_dim) != config.head_dim)
    return refuse("rotating a part of each head only");
  if (gguf.integer("llama.attention.value_length").value_or(config.head_dim) != config.head_dim)
    return refuse("a value width other than the key width");
  return {};
}

base::Status read_scaling(const formats::Gguf& gguf, const std::string& file, Config* config) {
  const std::string_view type = gguf.text("llama.rope.scaling.type").value_or("none");
  if (type == "none") return {};
  if (type != "linear") {
    return base::fail(
        Code::Unimplemented,
        file + ": the rotary scaling '" + std::string(type) + "' is not supported, only linear",
        file, "UNSUPPORTED_MODEL");
  }
  config->rope_scaling.kind = RopeScaling::Kind::Linear;
  config->rope_scaling.factor = gguf.real("llama.rope.scaling.factor").value_or(1);
  if (!(config->rope_scaling.factor > 0 && std::isfinite(config->rope_scaling.factor))) {
    return base::fail(Code::Malformed,
                      file + ": llama.rope.scaling.factor is not a positive number", file,
                      "MODEL_FILE_MALFORMED");
  }
  return {};
}

}  // namespace

base::Result<Source> read_gguf_model(const ModelFiles& files, const std::string& name) {
  Source out;
  out.path = files.path;
  out.format = "gguf";
  TRY(const formats::Gguf gguf, formats::Gguf::parse(files.files.at(name)->bytes(), name));
  TRY(out.config, read_config(gguf, name));
  TRY_VOID(check_features(gguf, out.config, name));
  TRY_VOID(read_scaling(gguf, name, &out.config));
  for (const formats::TensorView& view : gguf.tensors()) {
    const std::string hf_name = hf_name_of_gguf(view.name);
    if (hf_name.empty()) {
      return base::fail(
          Code::Unimplemented,
          name + ": the tensor '" + view.name + "' belongs to a feature that is not supported",
          name, "UNSUPPORTED_MODEL");
    }
    out.tensors.emplace(hf_name, SourceTensor{view, name});
  }
  auto vocabulary = vocab_spec_from_gguf(gguf, name);
  if (vocabulary) {
    out.vocabulary = *std::move(vocabulary);
  } else if (vocabulary.error().code != Code::NotFound) {
    return std::unexpected(std::move(vocabulary).error());
  }
  out.chat_template = std::string(gguf.text("tokenizer.chat_template").value_or(""));
  return out;
}

}  // namespace model
