// A loaded model: configuration, packed weights, tokenizer, chat template. Immutable and shared;
// whatever a request needs of its own (KV pages, scratch) lives in model/forward.h and engine/.
// Loading copies what it needs: the files may go afterwards.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/thread_pool.h"
#include "files/files.h"
#include "formats/tensor_view.h"
#include "kernels/kernels.h"
#include "model/config.h"
#include "text/chat_template.h"
#include "text/tokenizer.h"

namespace model {

// The files of a model by their name within it, mapped. A caller that verifies digests hashes these
// very bytes and then hands them to Model::load, so that what is served is what was hashed.
struct ModelFiles {
  std::string path;
  std::map<std::string, std::shared_ptr<const files::MappedFile>> files;
};

// A Hugging Face folder (every regular file in it, one level deep), a .gguf file, or a llama2.c
// .bin with tok*.bin beside it.
base::Result<ModelFiles> open_model(const std::string& path);

struct LoadOptions {
  // Arithmetic of the matrix products and of the KV cache; empty: F32 for weights stored as F32,
  // BF16 otherwise.
  std::optional<kernels::Precision> precision = {};
  bool tokenizer_required =
      true;  // false: a folder without a tokenizer loads too; tokenizer() must not be called then
};

struct Layer {
  std::vector<float> attention_norm;     // [dim]
  kernels::PackedWeights qkv;            // [q_dim + 2*kv_dim, dim]
  kernels::PackedWeights attention_out;  // [dim, q_dim]
  std::vector<float> mlp_norm;           // [dim]
  kernels::PackedWeights gate_up;        // [2*hidden_dim, dim]
  kernels::PackedWeights down;           // [dim, hidden_dim]
};

// What generation_config.json and the tokenizer say about a request that says nothing.
struct GenerationDefaults {
  std::optional<double> temperature, top_p;
  std::optional<int64_t> top_k;
};

class Model {
 public:
  static base::Result<std::shared_ptr<const Model>> load(const ModelFiles& files,
                                                         const LoadOptions& options = {});

  const Config& config() const { return config_; }
  bool has_tokenizer() const { return tokenizer_ != nullptr; }
  const text::Tokenizer& tokenizer() const;
  const text::ChatTemplate* chat_template() const {
    return chat_template_.get();
  }  // null: the model has none
  // The control tokens as text spells them, the longest first.
  const std::vector<std::string>& control_spellings() const { return control_spellings_; }
  const GenerationDefaults& defaults() const { return defaults_; }
  kernels::Precision precision() const { return precision_; }
  bool is_stop(int32_t token) const;
  uint64_t weight_bytes() const { return weight_bytes_; }  // held in memory, packed

  const std::vector<Layer>& layers() const { return layers_; }
  const std::vector<float>& final_norm() const { return final_norm_; }
  const kernels::PackedWeights& head() const { return head_; }  // [vocab, dim]
  void embed(int32_t token, float* out /*dim*/) const;

 private:
  friend class Loader;
  Model() = default;

  Config config_;
  kernels::Precision precision_ = kernels::Precision::F32;
  std::unique_ptr<const text::Tokenizer> tokenizer_;
  std::unique_ptr<const text::ChatTemplate> chat_template_;
  std::vector<std::string> control_spellings_;
  GenerationDefaults defaults_;
  formats::DType embedding_type_ = formats::DType::F32;
  std::vector<uint8_t> embedding_;  // [vocab, dim] as stored
  std::vector<Layer> layers_;
  std::vector<float> final_norm_;
  kernels::PackedWeights head_;
  uint64_t weight_bytes_ = 0;
};

}  // namespace model
