#include "model/train_layout.h"

namespace model {
namespace {

// Slots that are not stacked on each other start on a cache line.
constexpr int64_t kAlignment = 16;

class Builder {
 public:
  explicit Builder(TrainLayout* layout) : layout_(layout) {}

  int64_t add(std::string name, ParameterRole role, int64_t rows, int64_t cols) {
    const int64_t offset = layout_->size;
    layout_->slots.push_back({std::move(name), role, rows, cols, offset});
    layout_->size += rows * cols;
    layout_->parameters += rows * cols;
    return offset;
  }

  void align() { layout_->size = (layout_->size + kAlignment - 1) / kAlignment * kAlignment; }

 private:
  TrainLayout* layout_;
};

LayerOffsets add_layer(Builder& builder, const Config& c, const std::string& prefix) {
  using enum ParameterRole;
  LayerOffsets at{};
  builder.align();
  at.input_norm = builder.add(prefix + "input_layernorm.weight", Norm, 1, c.dim);
  builder.align();
  at.qkv = builder.add(prefix + "self_attn.q_proj.weight", Matrix, c.heads * c.head_dim, c.dim);
  builder.add(prefix + "self_attn.k_proj.weight", Matrix, c.kv_heads * c.head_dim, c.dim);
  builder.add(prefix + "self_attn.v_proj.weight", Matrix, c.kv_heads * c.head_dim, c.dim);
  builder.align();
  at.output =
      builder.add(prefix + "self_attn.o_proj.weight", ResidualMatrix, c.dim, c.heads * c.head_dim);
  builder.align();
  at.post_norm = builder.add(prefix + "post_attention_layernorm.weight", Norm, 1, c.dim);
  builder.align();
  at.gate_up = builder.add(prefix + "mlp.gate_proj.weight", Matrix, c.hidden_dim, c.dim);
  builder.add(prefix + "mlp.up_proj.weight", Matrix, c.hidden_dim, c.dim);
  builder.align();
  at.down = builder.add(prefix + "mlp.down_proj.weight", ResidualMatrix, c.dim, c.hidden_dim);
  return at;
}

}  // namespace

const ParameterSlot* TrainLayout::find(std::string_view name) const {
  for (const ParameterSlot& slot : slots) {
    if (slot.name == name) return &slot;
  }
  return nullptr;
}

TrainLayout make_train_layout(const Config& config) {
  TrainLayout layout;
  Builder builder(&layout);
  layout.embedding = builder.add("model.embed_tokens.weight", ParameterRole::Embedding,
                                 config.vocab_size, config.dim);
  for (int64_t layer = 0; layer < config.layers; ++layer) {
    layout.layers.push_back(
        add_layer(builder, config, "model.layers." + std::to_string(layer) + "."));
  }
  builder.align();
  layout.final_norm = builder.add("model.norm.weight", ParameterRole::Norm, 1, config.dim);
  layout.head = layout.embedding;
  if (!config.tied_embeddings) {
    builder.align();
    layout.head = builder.add("lm_head.weight", ParameterRole::Head, config.vocab_size, config.dim);
  }
  builder.align();
  return layout;
}

double train_flops_per_token(const Config& c, int64_t length) {
  const double qkv = static_cast<double>((c.heads + 2 * c.kv_heads) * c.head_dim * c.dim);
  const double output = static_cast<double>(c.heads * c.head_dim * c.dim);
  const double mlp = static_cast<double>(3 * c.hidden_dim * c.dim);
  const double head = static_cast<double>(c.vocab_size * c.dim);
  const double attention = static_cast<double>(c.layers * length * c.heads * c.head_dim);
  return 6 * (static_cast<double>(c.layers) * (qkv + output + mlp) + head) + 6 * attention;
}

}  // namespace model
