#include "model/model.h"

#include <algorithm>
#include <functional>

#include "base/check.h"
#include "model/source.h"
#include "model/weights.h"

namespace model {

// Packs a Source into a Model: each matrix is converted, checked and packed on its own, so that no
// second copy of the whole exists at any time.
class Loader {
 public:
  Loader(const Source& source, const LoadOptions& options) : source_(source), model_(new Model()) {
    model_->config_ = source.config;
    model_->precision_ = options.precision.value_or(stored_precision());
  }

  base::Result<std::shared_ptr<const Model>> run(bool tokenizer_required) {
    TRY_VOID(load_tokenizer(tokenizer_required));
    TRY_VOID(load_embedding());
    const Config& config = source_.config;
    for (int64_t layer = 0; layer < config.layers; ++layer) TRY_VOID(load_layer(layer));
    TRY(model_->final_norm_, vector("model.norm.weight"));
    TRY(model_->head_,
        matrix({{config.tied_embeddings ? "model.embed_tokens.weight" : "lm_head.weight",
                 {config.vocab_size, config.dim}}}));
    load_defaults();
    return std::shared_ptr<const Model>(std::move(model_));
  }

 private:
  kernels::Precision stored_precision() const {
    const auto first = source_.tensors.find(layer_parameter(0, "self_attn.q_proj"));
    const bool f32 =
        first != source_.tensors.end() && first->second.view.dtype == formats::DType::F32;
    return f32 ? kernels::Precision::F32 : kernels::Precision::BF16;
  }

  // Appends the tensor's numbers, refusing what is not finite.
  base::Status append(const ParameterSpec& spec, std::vector<float>* out) {
    TRY(const SourceTensor* tensor, source_.tensor(spec));
    const int64_t count = tensor->view.elements();
    const size_t begin = out->size();
    out->resize(begin + static_cast<size_t>(count));
    formats::to_floats(tensor->view.dtype, tensor->view.data.data(), count, out->data() + begin);
    return check_finite(tensor->view, std::span(*out).subspan(begin), tensor->file);
  }

  base::Result<std::vector<float>> vector(const std::string& name) {
    std::vector<float> out;
    TRY_VOID(append({name, {source_.config.dim}}, &out));
    model_->weight_bytes_ += out.size() * sizeof(float);
    return out;
  }

  // Matrices of the same width, one below the other, as one product.
  base::Result<kernels::PackedWeights> matrix(const std::vector<ParameterSpec>& parts) {
    std::vector<float> rows;
    int64_t count = 0;
    for (const ParameterSpec& part : parts) {
      TRY_VOID(append(part, &rows));
      count += part.shape[0];
    }
    kernels::PackedWeights packed = kernels::PackedWeights::pack(
        kernels::mat(rows.data(), count, parts[0].shape[1]), model_->precision_);
    model_->weight_bytes_ += static_cast<uint64_t>(packed.bytes());
    return packed;
  }

  base::Status load_embedding() {
    const Config& config = source_.config;
    TRY(const SourceTensor* tensor,
        source_.tensor({"model.embed_tokens.weight", {config.vocab_size, config.dim}}));
    std::vector<float> numbers;
    TRY_VOID(append({"model.embed_tokens.weight", {config.vocab_size, config.dim}}, &numbers));
    model_->embedding_type_ = tensor->view.dtype;
    model_->embedding_.assign(tensor->view.data.begin(), tensor->view.data.end());
    model_->weight_bytes_ += model_->embedding_.size();
    return {};
  }

  base::Status load_layer(int64_t index) {
    const Config& c = source_.config;
    Layer layer;
    const auto spec = [&](std::string_view name, int64_t out, int64_t in) {
      return ParameterSpec{layer_parameter(index, name), {out, in}};
    };
    TRY(layer.attention_norm, vector(layer_parameter(index, "input_layernorm")));
    TRY(layer.qkv, matrix({spec("self_attn.q_proj", c.q_dim(), c.dim),
                           spec("self_attn.k_proj", c.kv_dim(), c.dim),
                           spec("self_attn.v_proj", c.kv_dim(), c.dim)}));
    TRY(layer.attention_out, matrix({spec("self_attn.o_proj", c.dim, c.q_dim())}));
    TRY(layer.mlp_norm, vector(layer_parameter(index, "post_attention_layernorm")));
    TRY(layer.gate_up, matrix({spec("mlp.gate_proj", c.hidden_dim, c.dim),
                               spec("mlp.up_proj", c.hidden_dim, c.dim)}));
    TRY(layer.down, matrix({spec("mlp.down_proj", c.dim, c.hidden_dim)}));
    model_->layers_.push_back(std::move(layer));
    return {};
  }

  void note_control_spellings() {
    const text::Tokenizer& tokenizer = *model_->tokenizer_;
    std::vector<std::string>& spellings = model_->control_spellings_;
    for (int32_t id = 0; id < tokenizer.size(); ++id) {
      const std::string& spelling = tokenizer.spec().tokens[static_cast<size_t>(id)];
      if (tokenizer.is_control(id) && !spelling.empty()) spellings.push_back(spelling);
    }
    std::ranges::sort(spellings, std::greater<>(), &std::string::size);
  }

  base::Status load_tokenizer(bool required) {
    if (!source_.vocabulary) {
      if (!required) return {};
      return base::fail(
          base::Code::NotFound,
          source_.path + ": the model has no tokenizer; put its tokenizer.json beside the weights",
          source_.path, "NO_TOKENIZER");
    }
    auto tokenizer = text::Tokenizer::create(*source_.vocabulary);
    if (!tokenizer)
      return base::wrap(std::move(tokenizer).error(),
                        source_.path + ": the tokenizer is not usable", source_.path);
    if (tokenizer->size() > source_.config.vocab_size) {
      return base::fail(base::Code::Malformed,
                        source_.path + ": the tokenizer has " + std::to_string(tokenizer->size()) +
                            " tokens, the model only " + std::to_string(source_.config.vocab_size),
                        source_.path, "MODEL_FILE_MALFORMED");
    }
    model_->tokenizer_ = std::make_unique<const text::Tokenizer>(*std::move(tokenizer));
    note_control_spellings();
    if (source_.chat_template.empty()) return {};
    auto parsed = text::ChatTemplate::parse(source_.chat_template);
    if (!parsed)
      return base::wrap(std::move(parsed).error(),
                        source_.path + ": the chat template is not usable", source_.path);
    model_->chat_template_ = std::make_unique<const text::ChatTemplate>(*std::move(parsed));
    return {};
  }

  void load_defaults() {
    const json::Value& config = source_.generation_config;
    if (config["temperature"].is_number())
      model_->defaults_.temperature = config["temperature"].as_double();
    if (config["top_p"].is_number()) model_->defaults_.top_p = config["top_p"].as_double();
    if (config["top_k"].is_int()) model_->defaults_.top_k = config["top_k"].as_int();
  }

  const Source& source_;
  std::unique_ptr<Model> model_;
};

base::Result<std::shared_ptr<const Model>> Model::load(const ModelFiles& files,
                                                       const LoadOptions& options) {
  TRY(const Source source, read_source(files));
  return Loader(source, options).run(options.tokenizer_required);
}

const text::Tokenizer& Model::tokenizer() const {
  CHECK(tokenizer_ != nullptr);
  return *tokenizer_;
}

bool Model::is_stop(int32_t token) const {
  return tokenizer_ != nullptr && tokenizer_->is_stop(token);
}

void Model::embed(int32_t token, float* out) const {
  CHECK(token >= 0 && token < config_.vocab_size);
  const auto row_bytes = static_cast<size_t>(config_.dim * formats::dtype_bytes(embedding_type_));
  formats::to_floats(embedding_type_, embedding_.data() + static_cast<size_t>(token) * row_bytes,
                     config_.dim, out);
}

}  // namespace model
